"""Objects whose owner is gone: deleted while nobody looked, so that nobody gave the traffic back."""

from collections.abc import Collection, Iterable

from modelrollout.kube.resources import Obj, Resource, namespace_of
from modelrollout.manifests.owners import owners_of
from modelrollout.routers.port import Holding


def orphans(
    resource: Resource, objects: Iterable[Obj], living: Collection[tuple[str, str]], uids: Collection[str]
) -> list[Holding]:
    """Owners that are gone.

    Args:
        resource: kind of the objects.
        objects: all that are known.
        living: namespace and name of every ModelRollout; one of the same name (restored, or created anew) adopts the
            object itself and takes the annotation over.
        uids: uid of every ModelRollout.
    """
    return [
        Holding(resource, obj, owner)
        for obj in objects
        for owner in owners_of(obj)
        if owner.uid not in uids and (namespace_of(obj), owner.name) not in living
    ]
