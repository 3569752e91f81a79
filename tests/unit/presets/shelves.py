"""Shelves of templates for tests."""

from collections.abc import Iterable

from modelrollout.api import MetricTemplateSpec, TemplateKind


class Shelf:
    """Templates by kind and name."""

    def __init__(self, **templates: MetricTemplateSpec) -> None:
        self._templates = {(TemplateKind.NAMESPACED, name): one for name, one in templates.items()}

    def put(self, kind: TemplateKind, name: str, template: MetricTemplateSpec) -> "Shelf":
        """The shelf with one more."""
        self._templates[kind, name] = template
        return self

    def find(self, kind: TemplateKind, name: str) -> MetricTemplateSpec | None:
        return self._templates.get((kind, name))

    def names(self, kind: TemplateKind) -> Iterable[str]:
        return [name for one, name in self._templates if one is kind]


EMPTY = Shelf()
