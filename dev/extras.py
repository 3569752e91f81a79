"""What a cluster may have beyond its own parts: each is installed only where somebody asks for it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dev import istio, kserve, programs
from dev.components import Cluster


@dataclass(frozen=True, slots=True)
class Extra:
    """One of them.

    Args:
        programs: what is built for it.
        install: brings it into a running cluster, or up to date there, and waits until it does its work.
    """

    programs: tuple[programs.Program, ...]
    install: Callable[[Cluster], None]


EXTRAS: Mapping[str, Extra] = {
    "istio": Extra((programs.ISTIOD,), istio.install),
    "kserve": Extra((programs.KSERVE, programs.KSERVE_AGENT), kserve.install),
}
"""By the name that `python -m dev up --with` takes."""


def build() -> None:
    """Build what the cache does not have for any of them."""
    for extra in EXTRAS.values():
        for program in extra.programs:
            programs.path_of(program)


def install(cluster: Cluster, names: Iterable[str]) -> None:
    """Install those of these names."""
    for name in names:
        EXTRAS[name].install(cluster)
