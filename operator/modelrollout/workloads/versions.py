"""What is seen of a version: its Service, its workload, its endpoints and its containers."""

from collections.abc import Callable, Iterable

from modelrollout.api import ModelRollout, Version
from modelrollout.api.status import Run
from modelrollout.decisions.capacity import managed
from modelrollout.decisions.observed import VersionSeen
from modelrollout.kube.cache import Cache, Change
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.resources import (
    AUTOSCALERS,
    ENDPOINTSLICES,
    SERVICES,
    Obj,
    Resource,
    name_of,
    namespace_of,
    version_of,
)
from modelrollout.manifests.endpoints import endpoints, port_name, service_of
from modelrollout.manifests.models import annotated_model
from modelrollout.workloads.autoscalers import autoscaler_of
from modelrollout.workloads.inspection import Inspection, Waited
from modelrollout.workloads.kinds import Kinds
from modelrollout.workloads.port import WorkloadKind
from modelrollout.workloads.references import References
from modelrollout.workloads.revision import references, revision
from modelrollout.workloads.selectors import labels_text

PODS_KEPT = 200
REFERENCES_AGE = 600.0
"""Seconds after which the ConfigMaps and Secrets of a run's versions are looked at again."""

Named = tuple[Resource, str, str]
"""Kind, namespace and name of an object."""


class Versions:
    """Reads versions from the cache.

    `on_change` is called with a Service when something became known of the version behind it that no watch tells.
    """

    def __init__(
        self, cache: Cache, client: Client, clock: Clock, on_change: Callable[[Named], None], kinds: Kinds | None = None
    ) -> None:
        self._cache = cache
        self._kinds = kinds or Kinds()
        self._slices: dict[tuple[str, str], dict[str, Obj]] = {}
        self._pods: dict[tuple[str, str], tuple[str, dict[str, None]]] = {}
        self._references = References(client, clock, lambda reader: on_change((SERVICES, *reader)))
        self._inspection = Inspection(client, clock, lambda place: on_change((SERVICES, *place)))
        cache.subscribe(self._file_slice)

    def watched(self, versions: Iterable[Version], *, scaled: bool = False) -> frozenset[Resource]:
        """Kinds to watch in the rollout's namespace; where workloads are `scaled`, those who scale them too."""
        kinds = (self._kinds.of(version.workload) for version in versions)
        others = {AUTOSCALERS} if scaled else set()
        return frozenset({SERVICES, ENDPOINTSLICES, *(kind.resource for kind in kinds if kind is not None), *others})

    def named(self, namespace: str, versions: Iterable[Version]) -> frozenset[Named]:
        """The objects that concern these versions; an EndpointSlice counts as its Service."""
        services = {(SERVICES, namespace, version.service.name) for version in versions}
        known = ((version.workload.name, self._kinds.of(version.workload)) for version in versions)
        workloads = {(kind.resource, namespace, name) for name, kind in known if kind is not None}
        return frozenset(services | workloads)

    def observe(self, rollout: ModelRollout, version: Version) -> VersionSeen:
        """What is known of the version now.

        Its revision is empty while what its pods read is not known; it becomes known by itself. Pods are remembered
        from the beginning of the present run on. Containers are looked up for the version on trial: while it is waited
        for, and whenever its endpoints have changed.
        """
        namespace, run = rollout.metadata.namespace, rollout.status.run
        place = namespace, version.service.name
        service = self._cache.get(SERVICES, *place)
        kind = self._kinds.of(version.workload)
        workload = self._cache.get(kind.resource, namespace, version.workload.name) if kind is not None else None
        port = port_name(service, version.service.port)
        found = endpoints(self._slices.get(place, {}).values(), port or "")
        ready = found.ready if port is not None else 0
        on_trial = _on_trial(rollout, version)
        problem = "" if kind is not None else Kinds.unknown(version.workload)
        replicas = kind.replicas(workload) if kind is not None and workload is not None else None
        short = not ready or (managed(rollout.spec) and ready < (replicas or 0))
        if kind is not None and workload is not None:
            problem = kind.problem(workload)
            if on_trial and (ready or not problem):
                waited_for = Waited(workload, replicas or 0) if short else None
                self._look(place, kind.selector(workload) or _selector(service), waited_for)
        if on_trial and short:
            problem = problem or self._inspection.problem(place)
        # Restarts on the way up are no failure: counting begins with a look at a version that was ready.
        counts = run is not None and _counted_from(run, version.name) is not None
        seen = self._inspection.last(place) if on_trial and (counts or not self._inspection.waited_for(place)) else None
        return VersionSeen(
            service_found=port is not None,
            workload_found=workload is not None,
            ready=ready,
            revision=self._revision(rollout, version, kind, workload)
            if kind is not None and workload is not None
            else "",
            restarts=seen.restarts if seen else None,
            oom_kills=seen.oom_kills if seen else 0,
            pods=self._remember(place, run.id if run is not None else "", found.pods),
            problem=problem,
            replicas=replicas,
            autoscaler=autoscaler_of(self._cache, namespace, version.workload) if managed(rollout.spec) else "",
            addresses=found.addresses if ready else (),
            model=annotated_model(workload) if workload is not None else {},
        )

    def ready_behind(self, namespace: str, service: str) -> int:
        """Ready endpoints of a Service, whatever their port."""
        slices = self._slices.get((namespace, service), {}).values()
        names = {entry.get("name") or "" for one in slices for entry in one.get("ports") or []}
        return max((endpoints(slices, name).ready for name in names), default=0)

    def forget(self, rollout: ModelRollout) -> None:
        """Drop what is remembered for a rollout that is gone."""
        for version in rollout.spec.versions:
            place = rollout.metadata.namespace, version.service.name
            self._references.forget(place)
            self._inspection.forget(place)
            self._pods.pop(place, None)

    def _look(self, place: tuple[str, str], selector: str, waited_for: Waited | None) -> None:
        if not selector:
            return  # it would be every pod of the namespace
        slices = frozenset((name, version_of(one)) for name, one in self._slices.get(place, {}).items())
        self._inspection.look(place, selector, slices, waited_for)

    def _revision(self, rollout: ModelRollout, version: Version, kind: WorkloadKind, workload: Obj) -> str:
        pod_spec = kind.pod_spec(workload)
        run = rollout.status.run
        # What a person changes in the rollout or the workload may come together with new contents of a ConfigMap.
        tag = rollout.metadata.generation, workload["metadata"].get("generation")
        goes_on = run is not None and run.ended_at is None
        contents = self._references.states(
            (rollout.metadata.namespace, version.service.name),
            references(pod_spec),
            tag,
            REFERENCES_AGE if goes_on else float("inf"),
        )
        if contents is None:
            return ""
        digest = (version.model.digest or "") if version.model else ""
        return revision(version.name, digest, pod_spec, contents, kind.identity(workload))

    def _remember(self, place: tuple[str, str], run: str, present: tuple[str, ...]) -> tuple[str, ...]:
        before, names = self._pods.get(place, ("", {}))
        if before != run:
            names = {}
        for name in present:
            # Those that are there go to the end: the limit forgets the ones that left long ago.
            names.pop(name, None)
            names[name] = None
        while len(names) > PODS_KEPT:
            del names[next(iter(names))]
        self._pods[place] = run, names
        return tuple(sorted(names))

    def _file_slice(self, change: Change) -> None:
        if change.resource is not ENDPOINTSLICES:
            return
        if change.old is not None:
            place = namespace_of(change.old), service_of(change.old)
            left = self._slices.get(place, {})
            left.pop(name_of(change.old), None)
            if not left:
                self._slices.pop(place, None)
        if change.new is not None:
            place = namespace_of(change.new), service_of(change.new)
            self._slices.setdefault(place, {})[name_of(change.new)] = change.new


def _on_trial(rollout: ModelRollout, version: Version) -> bool:
    """Whether the version is tried, or is about to be."""
    run, spec = rollout.status.run, rollout.spec
    tried = run.trying if run is not None else ()
    if run is not None and run.ended_at is None:
        return version.name in tried
    wanted = (spec.target,) if spec.candidates is None else spec.candidates
    return version.name in wanted and version.name != rollout.status.stable and version.name not in tried


def _counted_from(run: Run, version: str) -> int | None:
    """Restarts from which those of a version on trial are counted, None while that is not known."""
    return next((arm.restarts for arm in run.arms if arm.version == version), run.restarts)


def _selector(service: Obj | None) -> str:
    """What the version's Service selects: its pods and no others."""
    return labels_text(((service or {}).get("spec") or {}).get("selector") or {})
