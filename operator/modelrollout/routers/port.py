"""What the operator asks of whoever shifts the traffic: five verbs, one file per vendor behind them."""

from dataclasses import dataclass
from typing import Protocol

from modelrollout.api import ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner, RouteSeen
from modelrollout.errors import ModelRolloutError
from modelrollout.kube.client import Patch
from modelrollout.kube.resources import Obj, Resource


class RouteUnusable(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """The route has no place to write the intent to; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An object that carries traffic, and one owner that its annotation names."""

    resource: Resource
    object: Obj
    owner: Owner

    @property
    def service(self) -> str:
        """Service of the version that the traffic is given back to, empty if the annotation does not say."""
        return self.owner.services.get(self.owner.stable, "")


class Router(Protocol):
    """Shifts traffic between versions.

    The rollout given is the one to go by: its `spec` is the plan of the run where a run goes on with its snapshot.
    """

    @property
    def kinds(self) -> frozenset[Resource]:
        """Kinds of objects whose weights it writes, and whose annotation says who owns them."""

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """Rules of routes that this rollout manages, or would if nobody else did. From the cache."""

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """The route as it stands. From the cache."""

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Make the route say the intent, with one write that fails if the route changed since it was observed.

        Writes nothing that the route says already.

        Raises:
            Conflict: the route has changed; observe and decide anew.
            KubeError: the write was refused or its outcome is not known.
            RouteUnusable: there is no route, or no managed rule in it.
            UnsafeWrite: the intent breaks an invariant; nothing was sent.
        """

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """End an ownership whose rollout is gone, from what the annotation says alone, in one write.

        Args:
            holding: of one of its `kinds`, as found; the write fails if the object changed since.
            give_back: all traffic goes back to the stable version; otherwise it stays as it is.

        Raises:
            KubeError: as `apply`.
        """

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """Kinds whose objects in the rollout's namespace this router reads."""


class RouteWriter(Protocol):
    """The two verbs of `kube.Client` that a router writes with."""

    async def create(self, resource: Resource, namespace: str, body: Obj) -> Obj:
        """Create an object and return it as stored."""

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch) -> Obj:
        """Apply a JSON patch and return the object as stored."""
