"""Routes whose owner is gone: deleted while nobody looked, so that nobody gave the traffic back."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from modelrollout.decisions.observed import Owner
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import Obj, Resource, name_of, namespace_of
from modelrollout.manifests.owners import owners_of
from modelrollout.manifests.route_patches import orphan_patch
from modelrollout.routers.port import RouteWriter


@dataclass(frozen=True, slots=True)
class Orphan:
    """A route, and one owner that its annotation names although there is no such rollout any more."""

    resource: Resource
    route: Obj
    owner: Owner

    @property
    def service(self) -> str:
        """Service of the version that the traffic is given back to, empty if the annotation does not say."""
        return self.owner.services.get(self.owner.stable, "")


def orphans(
    resource: Resource, routes: Iterable[Obj], living: Collection[tuple[str, str]], uids: Collection[str]
) -> list[Orphan]:
    """Owners that are gone.

    Args:
        resource: kind of the routes.
        routes: all that are known.
        living: namespace and name of every ModelRollout; one of the same name (restored, or created anew) adopts the
            route itself and takes the annotation over.
        uids: uid of every ModelRollout.
    """
    return [
        Orphan(resource, route, owner)
        for route in routes
        for owner in owners_of(route)
        if owner.uid not in uids and (namespace_of(route), owner.name) not in living
    ]


async def release_orphan(writer: RouteWriter, cache: Cache, orphan: Orphan, *, give_back: bool) -> None:
    """Take the annotation off, in the same write as all traffic of its rules goes back to its stable version.

    Args:
        writer: where to write.
        cache: where the answer is made known.
        orphan: as found; the write fails if the route changed since.
        give_back: whether the stable version is ready; otherwise the weights stay as they are.

    Raises:
        KubeError: the write was refused or its outcome is not known.
    """
    operations = orphan_patch(orphan.route, orphan.owner, give_back=give_back)
    if operations:
        stored = await writer.patch(orphan.resource, namespace_of(orphan.route), name_of(orphan.route), operations)
        cache.apply(orphan.resource, stored, own=True)
