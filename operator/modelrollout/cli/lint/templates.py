"""Templates among the documents of files: what is wrong with them, and where rollouts find them."""

from collections.abc import Iterable, Iterator, Mapping

from modelrollout.api import MetricTemplateSpec, TemplateKind, parse_template
from modelrollout.cli.lint.findings import Finding, Severity
from modelrollout.cli.lint.sources import Document
from modelrollout.errors import InvalidSpec
from modelrollout.presets import template_errors

TEMPLATES = frozenset(TemplateKind)
"""Kinds of documents that are templates."""


def check_template(document: Document) -> Iterator[Finding]:
    """Everything that is wrong with one."""
    try:
        wrong = template_errors(parse_template(document.content).spec)
    except InvalidSpec as error:
        wrong = (error,)
    for one in wrong:
        yield document.finding(Severity.ERROR, one.field, one.message)


class FileShelf:
    """The templates of some files.

    A namespaced one is found whatever its namespace: files often leave that to whoever applies them.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        contents = [one.content for one in documents if isinstance(one.content, Mapping)]
        self._contents = {
            (str(one["kind"]), str((one.get("metadata") or {}).get("name"))): one
            for one in contents
            if one.get("kind") in TEMPLATES
        }

    def find(self, kind: TemplateKind, name: str) -> MetricTemplateSpec | None:
        """The template, None where there is none.

        Raises:
            InvalidSpec: it cannot be read.
        """
        content = self._contents.get((str(kind), name))
        return parse_template(content).spec if content is not None else None

    def names(self, kind: TemplateKind) -> Iterable[str]:
        """Names of all of that kind."""
        return [name for one, name in self._contents if one == kind]
