"""Traffic by numbers of pods behind one Service, for clusters without a gateway: coarse, and without guarantee.

While one version serves, the Service that clients use has the selector of that version's own Service, so a candidate's
pods come up and pass their gates without any traffic. With a candidate's first weight it takes up the labels that all
versions have in common, and every ready pod gets its part. Whatever happens, one write of the selector takes everything
back. How many replicas make the shares is decided elsewhere (`decisions.replica_shares`).
"""

from collections.abc import Mapping

from modelrollout.api import TOTAL_WEIGHT, ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import RouteSeen, RuleSeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import ENDPOINTSLICES, SERVICES, Obj, Resource, version_of
from modelrollout.manifests.endpoints import endpoints, port_name, service_of
from modelrollout.manifests.managed_fields import last_writer
from modelrollout.manifests.owners import owner_for
from modelrollout.manifests.selectors import SWITCH, common, meant, ratio_patch, selector_of, shown, switched
from modelrollout.manifests.shares import thousandths
from modelrollout.routers.client_service import ClientServices, confusion
from modelrollout.routers.port import Holding, RouteUnusable, RouteWriter


class ReplicaRatioRouter:
    """The router of `spec.traffic.replicas`; see `Router` for its verbs."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._services = ClientServices(writer, cache)
        self._cache = cache

    @property
    def kinds(self) -> frozenset[Resource]:
        """Services."""
        return frozenset({SERVICES})

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """The whole Service, also while it is missing."""
        return frozenset({Claimed(SERVICES.kind, rollout.metadata.namespace, _name(rollout), SWITCH)})

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """Whose pods the Service selects, and which shares were meant.

        A Service that somebody else let select all versions says no shares: there the ready pods are counted.
        """
        name, service = _name(rollout), self._services.get(rollout.metadata.namespace, _name(rollout))
        if service is None:
            return RouteSeen(problem=f"Service {name} does not exist: create it, or correct spec.traffic.replicas")
        metadata, selectors = rollout.metadata, self._services.selectors(rollout)
        owner = owner_for(service, metadata.uid, metadata.name, [SWITCH])
        weights = self._shares(rollout, service, selectors)
        adopted = owner is not None and owner.uid == metadata.uid
        problem = confusion(rollout, name, selectors)
        if not problem and (not adopted or switched(service, selectors) is not None):
            problem = _overlap(rollout, selectors)  # in the middle of a run it must not stand in the way back
        if not problem and weights is None and not adopted:  # once it is ours, another selector is drift
            problem = (
                f"Service {name} selects {shown(selector_of(service)) or 'nothing'}, which is neither the selector of "
                f"a version's Service nor what they have in common: set it to {shown(common(selectors))}"
            )
        return RouteSeen(
            found=True,
            accepted=True,
            problem=problem,
            resource_version=version_of(service),
            rules=() if problem else (RuleSeen(SWITCH, weights or dict.fromkeys(selectors, 0)),),
            owner=owner,
            writer=last_writer(service, "f:spec", "f:selector"),
        )

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Selector, shares and owner annotation in one JSON patch; replicas follow once this has arrived."""
        await self._services.apply(rollout, _name(rollout), intent, ratio_patch)

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotations off, and the selector back to that of the stable version's own Service; replicas stay."""
        await self._services.release(holding, give_back=give_back)

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """Services."""
        del rollout
        return self.kinds

    def _shares(
        self, rollout: ModelRollout, service: Obj, selectors: Mapping[str, Mapping[str, str]]
    ) -> Mapping[str, int] | None:
        """Thousandths per version, None when the selector is none that this router would write."""
        alone = switched(service, selectors)
        if alone is not None:
            return {version: TOTAL_WEIGHT * (version == alone) for version in selectors}
        shares = meant(service, selectors)
        parts = {version: selectors[version] for version in selectors if shares is None or shares[version]}
        if not selector_of(service) or selector_of(service) != common(parts):
            return None
        return self._counted(rollout) if shares is None else shares

    def _counted(self, rollout: ModelRollout) -> Mapping[str, int]:
        """Shares of the ready pods; empty when there are none."""
        namespace, ready = rollout.metadata.namespace, {}
        for one in rollout.spec.versions:
            port = port_name(self._services.get(namespace, one.service.name), one.service.port)
            slices = [
                each for each in self._cache.list(ENDPOINTSLICES, namespace) if service_of(each) == one.service.name
            ]
            ready[one.name] = endpoints(slices, port).ready if port is not None else 0
        return thousandths(ready)


def _name(rollout: ModelRollout) -> str:
    ratio = rollout.spec.traffic.replicas
    if ratio is None:
        raise RouteUnusable(f"ModelRollout {rollout.metadata.name} does not shift traffic by numbers of pods")
    return ratio.service


def _overlap(rollout: ModelRollout, selectors: Mapping[str, Mapping[str, str]]) -> str:
    """Why the pods of two versions cannot be counted apart, or not be selected together; empty when they can."""
    stable, target = rollout.status.stable, rollout.spec.target
    present = {
        version: selector
        for version, selector in selectors.items()
        if selector and (not stable or version in (stable, target))
    }
    if present and not common(present):
        return (
            f"the Services of {' and '.join(present)} have no label in common: let the pods of all versions carry one, "
            "such as app, and each version's Service select it too"
        )
    for version, selector in present.items():
        for other, more in present.items():
            if other != version and selector.items() <= more.items():
                return f"the Service of {version} ({shown(selector)}) selects the pods of {other} too ({shown(more)})"
    return ""
