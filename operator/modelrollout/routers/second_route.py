"""Keeps the second route of a rollout: what stands beside the managed rules and takes no users' traffic."""

from dataclasses import dataclass

from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import Obj
from modelrollout.manifests.own_routes import in_frame, owned_by, reframe_patch
from modelrollout.manifests.routes import acceptance
from modelrollout.manifests.second_route import Shown, preview_problem, second_name, second_route
from modelrollout.routers.gateway_place import Place
from modelrollout.routers.port import RouteWriter


@dataclass(frozen=True, slots=True)
class Beside:
    """What is seen of it; `outdated`, `preview` and `aside` as in `RouteSeen`."""

    outdated: bool
    preview: str = ""
    aside: str = ""


class SecondRoute:
    """Reads and writes the second route; one of the same name that is somebody else's is never touched."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._writer = writer
        self._cache = cache

    def look(self, place: Place, route: Obj) -> Beside:
        """What it says, compared with what it could be asked to say. From the cache."""
        found, name = self._found(place), second_name(place.rollout)
        problem = _problem(place, route)
        if found is None:
            return Beside(outdated=True, aside=problem)
        if not owned_by(found, place.uid):
            return Beside(
                outdated=False,
                aside=f"{place.resource.kind} {name} exists and was not created by this ModelRollout, which keeps its "
                "pins and its preview under that name: delete or rename it",
            )
        candidates = ("", *place.services) if place.header is not None and not problem else ("",)
        said = next((one for one in candidates if in_frame(found, _wanted(place, route, one))), None)
        return Beside(outdated=said is None, preview=said or "", aside=problem or acceptance(found)[1])

    async def keep(self, place: Place, route: Obj, preview: str) -> None:
        """Make it lead requests with the preview's header to that version, empty for none, and pin every version."""
        wanted = _wanted(place, route, preview if not _problem(place, route) else "")
        found = self._found(place)
        if found is None:
            stored = await self._writer.create(place.resource, place.namespace, wanted)
        elif owned_by(found, place.uid) and not in_frame(found, wanted):
            name = second_name(place.rollout)
            stored = await self._writer.patch(place.resource, place.namespace, name, reframe_patch(found, wanted))
        else:
            return
        self._cache.apply(place.resource, stored, own=True)

    def _found(self, place: Place) -> Obj | None:
        return self._cache.get(place.resource, place.namespace, second_name(place.rollout))


def _shape(place: Place, route: Obj) -> Obj:
    # The parents of a created route are those of its template, which it may be about to follow.
    return place.created() or route


def _wanted(place: Place, route: Obj, preview: str) -> Obj:
    shape, shown = _shape(place, route), None
    if preview and place.header is not None:
        shown = Shown(preview, place.header, place.reading(shape).rules)
    return second_route(shape, place.rollout, place.uid, place.services, shown)


def _problem(place: Place, route: Obj) -> str:
    if place.header is None:
        return ""
    shape = _shape(place, route)
    return preview_problem(shape, place.reading(shape).rules, place.header, len(place.services))
