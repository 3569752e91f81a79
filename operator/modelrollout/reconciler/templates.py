"""The templates that rollouts refer to, as the cache has them: watched only where somebody does."""

from collections.abc import Iterable

from modelrollout.api import MetricTemplateSpec, TemplateKind, parse_template
from modelrollout.errors import InvalidSpec
from modelrollout.kube.cache import Cache, Key
from modelrollout.kube.resources import (
    CLUSTERMETRICTEMPLATES,
    METRICTEMPLATES,
    Obj,
    Resource,
    name_of,
    version_of,
)
from modelrollout.kube.watches import Watches
from modelrollout.workloads.versions import Named

_RESOURCES = {TemplateKind.NAMESPACED: METRICTEMPLATES, TemplateKind.CLUSTER: CLUSTERMETRICTEMPLATES}

References = frozenset[tuple[TemplateKind, str]]
"""Templates that a spec refers to, by kind and name."""


class Templates:
    """Metrics that are written elsewhere.

    Args:
        cache: holds the templates.
        watches: keeps it up to date.
    """

    def __init__(self, cache: Cache, watches: Watches) -> None:
        self._cache = cache
        self._watches = watches

    def attend(self, key: Key, references: References) -> None:
        """Watch what a rollout refers to, instead of what it referred to before; nothing ends its interest."""
        self._watches.want(("templates", *key), {_place(kind, key[0]) for kind, _ in references})

    def known(self, key: Key, references: References) -> bool:
        """Whether it is known by now which templates there are, or why that cannot be known."""
        places = {_place(kind, key[0]) for kind, _ in references}
        return all(self._watches.listed(place) or self._watches.lasting_problem(place) for place in places)

    def named(self, key: Key, references: References) -> frozenset[Named]:
        """The objects that a rollout refers to."""
        return frozenset((*_place(kind, key[0]), name) for kind, name in references)

    def shelf(self, namespace: str) -> "CachedShelf":
        """What rollouts of a namespace may refer to."""
        return CachedShelf(self._cache, self._watches, namespace)


class CachedShelf:
    """The templates that rollouts of one namespace may refer to."""

    def __init__(self, cache: Cache, watches: Watches, namespace: str) -> None:
        self._cache = cache
        self._watches = watches
        self._namespace = namespace

    def find(self, kind: TemplateKind, name: str) -> MetricTemplateSpec | None:
        """The template, None where there is none.

        Raises:
            InvalidSpec: it cannot be read.
        """
        obj, problem = self._get(kind, name), self._problem(kind)
        if obj is None and problem:
            raise InvalidSpec(f"the operator cannot list {_RESOURCES[kind]} ({problem})", "")
        return parse_template(obj).spec if obj is not None else None

    def names(self, kind: TemplateKind) -> Iterable[str]:
        """Names of all that are known."""
        return map(name_of, self._cache.list(*_place(kind, self._namespace)))

    def state(self, references: References) -> tuple[str, ...]:
        """What changes whenever one of these does, or what is known of it."""
        found = ((self._get(kind, name), kind) for kind, name in sorted(references))
        return tuple(version_of(obj) if obj is not None else self._problem(kind) for obj, kind in found)

    def _get(self, kind: TemplateKind, name: str) -> Obj | None:
        return self._cache.get(*_place(kind, self._namespace), name)

    def _problem(self, kind: TemplateKind) -> str:
        """Why there may be templates that are not known, empty where all are."""
        place = _place(kind, self._namespace)
        return "" if self._watches.listed(place) else self._watches.problem(place)


def _place(kind: TemplateKind, namespace: str) -> tuple[Resource, str]:
    return _RESOURCES[kind], namespace if kind is TemplateKind.NAMESPACED else ""
