"""YAML and JSON files as documents that remember on which line each field stands."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.lint.findings import Finding, Severity

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Reads scalars as kubectl does: a time stays text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file.

    Attributes:
        file: name of the file, for people.
        content: its data.
        node: the tree that knows the lines.
        repeated: keys that stand twice in one mapping; kubectl refuses them, YAML readers keep the last.
    """

    file: str
    content: Any
    node: yaml.Node
    repeated: tuple[Finding, ...] = ()

    def place(self, field: str) -> tuple[int, int]:
        """Line and column, from 1, of a field such as `spec.versions[1].name`, or of the nearest parent that exists."""
        node, mark = self.node, self.node.start_mark
        for part in re.findall(r"[^.\[\]]+", field):
            found = _child(node, part)
            if found is None:
                break
            node, mark = found
        return mark.line + 1, mark.column + 1

    def finding(self, severity: Severity, field: str, message: str) -> Finding:
        """A finding about a field of this document."""
        return Finding(self.file, *self.place(field), severity, field, message)


def read(paths: tuple[str, ...], stdin: IO[str]) -> tuple[list[Document], list[Finding]]:
    """All documents of the files, of the folders' YAML and JSON files, and of `stdin` for "-"; and what is no YAML.

    Raises:
        CommandFailed: a file does not exist or cannot be read.
    """
    documents: list[Document] = []
    findings: list[Finding] = []
    for name, text in _texts(paths, stdin):
        try:
            documents += _documents(name, text)
        except yaml.YAMLError as error:
            findings.append(_unreadable(name, text, error))
    return documents, findings


def _texts(paths: tuple[str, ...], stdin: IO[str]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path == "-":
            yield "<stdin>", stdin.read()
            continue
        files = [Path(path)]
        if files[0].is_dir():
            files = sorted(file for file in files[0].rglob("*") if file.suffix in _SUFFIXES and file.is_file())
        for file in files:
            try:
                yield str(file), file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise CommandFailed(f"cannot read {file}: {reason}") from None


def _documents(name: str, text: str) -> Iterator[Document]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node: yaml.Node | None = loader.get_node()
            if node is None:
                break
            # Construction writes merged keys into the tree: what is repeated is only visible before.
            repeated = tuple(_repeated_keys(name, node, set()))
            content = loader.construct_document(node)
            if isinstance(content, Mapping) and content.get("kind") == "List":
                yield from _items(name, content, node, repeated)
            elif content is not None:
                yield Document(name, content, node, repeated)
    finally:
        loader.dispose()


def _unreadable(name: str, text: str, error: yaml.YAMLError) -> Finding:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    hint = (
        " (a Helm template? render it first: helm template ... | kubectl modelrollout lint -f -)"
        if "{{" in text
        else ""
    )
    return Finding(name, line, column, Severity.ERROR, "", f"this is no YAML: {problem}{hint}")


def _child(node: yaml.Node, part: str) -> tuple[yaml.Node, yaml.Mark] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, key.start_mark) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        return node.value[int(part)], node.value[int(part)].start_mark
    return None


def _items(name: str, content: Mapping[str, Any], node: yaml.Node, repeated: tuple[Finding, ...]) -> Iterator[Document]:
    """The objects of a List, as `kubectl get -o yaml` prints it."""
    found = _child(node, "items")
    for place, item in enumerate(content.get("items") or []):
        if found is not None and isinstance(found[0], yaml.SequenceNode):
            yield Document(name, item, found[0].value[place], repeated if place == 0 else ())


def _repeated_keys(name: str, node: yaml.Node, visited: set[int]) -> Iterator[Finding]:
    if id(node) in visited:  # an alias
        return
    visited.add(id(node))
    seen: set[str] = set()
    for child in node.value if isinstance(node, yaml.MappingNode | yaml.SequenceNode) else ():
        if isinstance(node, yaml.SequenceNode):
            yield from _repeated_keys(name, child, visited)
            continue
        key, value = child
        if isinstance(key.value, str) and key.value in seen:
            mark = key.start_mark
            message = f"the key {key.value} stands twice here: keep one"
            yield Finding(name, mark.line + 1, mark.column + 1, Severity.ERROR, "", message)
        seen.add(str(key.value))
        yield from _repeated_keys(name, value, visited)
