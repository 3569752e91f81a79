"""All traffic or none by the selector of a Service, for clusters without a gateway.

The Service that clients use takes up the selector of one version's own Service, so nobody has to say the labels twice.
The switch is one write; connections that are open stay with the pods they are open to until they end.
"""

from modelrollout.api import TOTAL_WEIGHT, ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import RouteSeen, RuleSeen
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import SERVICES, Resource, version_of
from modelrollout.manifests.managed_fields import last_writer
from modelrollout.manifests.owners import owner_for
from modelrollout.manifests.selectors import SWITCH, selector_of, shown, switch_patch, switched
from modelrollout.routers.client_service import ClientServices, confusion
from modelrollout.routers.port import Holding, RouteUnusable, RouteWriter


class ServiceSelectorRouter:
    """The router of `spec.traffic.service`; see `Router` for its verbs."""

    def __init__(self, writer: RouteWriter, cache: Cache) -> None:
        self._services = ClientServices(writer, cache)

    @property
    def kinds(self) -> frozenset[Resource]:
        """Services."""
        return frozenset({SERVICES})

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """The whole Service, also while it is missing."""
        return frozenset({Claimed(SERVICES.kind, rollout.metadata.namespace, _name(rollout), SWITCH)})

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """Which version's pods the Service selects."""
        name, service = _name(rollout), self._services.get(rollout.metadata.namespace, _name(rollout))
        if service is None:
            return RouteSeen(problem=f"Service {name} does not exist: create it, or correct spec.traffic.service")
        metadata, selectors = rollout.metadata, self._services.selectors(rollout)
        owner = owner_for(service, metadata.uid, metadata.name, [SWITCH])
        problem, version = confusion(rollout, name, selectors), switched(service, selectors)
        adopted = owner is not None and owner.uid == metadata.uid
        if not problem and version is None and not adopted:  # once it is ours, another selector is drift
            problem = (
                f"Service {name} selects {shown(selector_of(service)) or 'nothing'}, which is the selector of no "
                "version's Service: set it to that of the version that serves"
            )
        weights = {one.name: TOTAL_WEIGHT * (one.name == version) for one in rollout.spec.versions}
        return RouteSeen(
            found=True,
            accepted=True,
            problem=problem,
            resource_version=version_of(service),
            rules=() if problem else (RuleSeen(SWITCH, weights),),
            owner=owner,
            writer=last_writer(service, "f:spec", "f:selector"),
        )

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Selector and owner annotation in one JSON patch."""
        await self._services.apply(rollout, _name(rollout), intent, switch_patch)

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Annotation off, and the selector back to that of the stable version's own Service."""
        await self._services.release(holding, give_back=give_back)

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """Services."""
        del rollout
        return self.kinds


def _name(rollout: ModelRollout) -> str:
    service = rollout.spec.traffic.service
    if service is None:
        raise RouteUnusable(f"ModelRollout {rollout.metadata.name} does not switch the selector of a Service")
    return service.name
