"""Weights brought about by the operator's own router, as its reconciler does it: step by step, or at once.

The router goes step by step wherever a gateway says which state of a route it has taken up. For writing at once that
word is kept from it.
"""

from dataclasses import dataclass
from enum import StrEnum

from dev.errors import DevError
from modelrollout.api import ModelRollout
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.traffic import agrees
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client, Patch
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import Conflict
from modelrollout.kube.resources import BACKENDTRAFFICPOLICIES, HTTPROUTES, Obj, Resource, name_of
from modelrollout.kube.trim import trim
from modelrollout.manifests.traffic_policies import header_of
from modelrollout.reconciler.world import STEP
from modelrollout.routers.gateway_api import GatewayApiRouter

LOOK = 0.02
"""Seconds between two looks at the cluster; the operator has watches."""
PATIENCE = 60.0


class Pace(StrEnum):
    """How weights are brought about."""

    AT_ONCE = "at once"
    STEP_BY_STEP = "step by step"


@dataclass(frozen=True, slots=True)
class Write:
    """A write that was carried out.

    Attributes:
        at: when it was sent, seconds since the epoch.
        phase: what it was part of.
        what: what is so since then.
    """

    at: float
    phase: str
    what: str


class Steering:
    """The route of one rollout.

    Attributes:
        writes: what was written, in order.
    """

    def __init__(self, client: Client, rollout: ModelRollout, pace: Pace, clock: Clock) -> None:
        """Nothing is read or written yet."""
        self.writes: list[Write] = []
        self._client, self._rollout, self._clock = client, rollout, clock
        self._cache = Cache(trim if pace is Pace.STEP_BY_STEP else _unspoken)
        self._router = GatewayApiRouter(self, self._cache)
        self._phase, self._wrote = "", 0.0

    async def bring(self, phase: str, intent: TrafficIntent) -> None:
        """Bring it about, and wait until the gateway has accepted what keeps users, if they are to be kept.

        Raises:
            DevError: users cannot be kept there.
            TimeoutError: it did not come about.
        """
        self._phase, deadline = phase, self._clock.monotonic() + PATIENCE
        while self._clock.monotonic() < deadline:
            await self._look()
            seen = self._router.observe(self._rollout)
            if seen.sticky.problem:
                raise DevError(seen.sticky.problem)
            written = agrees(seen, intent) and not seen.outdated
            if written and (intent.sticky is None or seen.sticky.accepted):
                return
            due = self._wrote + STEP if seen.sticky.under_way else 0.0
            if written or self._clock.monotonic() < due:
                await self._clock.sleep(LOOK)
            else:
                await self._apply(intent)
        raise TimeoutError(f"{phase}: not there after {PATIENCE:g} s")

    async def create(self, resource: Resource, namespace: str, body: Obj) -> Obj:
        """Create an object, for the router."""
        at = self._clock.now().timestamp()
        return self._note(at, resource, await self._client.create(resource, namespace, body))

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch) -> Obj:
        """Patch an object, for the router."""
        at = self._clock.now().timestamp()
        return self._note(at, resource, await self._client.patch(resource, namespace, name, patch))

    async def _look(self) -> None:
        namespace = self._rollout.metadata.namespace
        for kind in (HTTPROUTES, BACKENDTRAFFICPOLICIES):
            listed = await self._client.list(kind, namespace)
            self._cache.replace(kind, namespace, listed.items, listed.resource_version)

    async def _apply(self, intent: TrafficIntent) -> None:
        try:
            await self._router.apply(self._rollout, intent)
        except Conflict:
            return  # the gateway wrote its status meanwhile
        self._wrote = self._clock.monotonic()

    def _note(self, at: float, resource: Resource, stored: Obj) -> Obj:
        self.writes.append(Write(at, self._phase, self._told(resource, stored)))
        return stored

    def _told(self, resource: Resource, stored: Obj) -> str:
        if resource == BACKENDTRAFFICPOLICIES:
            header = header_of(stored)
            return f"policy: hash of {header}" if header else "policy: at rest"
        if name_of(stored) != self._rollout.metadata.name:
            return f"{resource.kind} {name_of(stored)}"
        refs = stored["spec"]["rules"][0]["backendRefs"]
        return f"weights {' '.join(str(ref['weight']) for ref in refs)}"


def _unspoken(resource: Resource, obj: Obj) -> Obj:
    """As it is kept of a gateway that does not say which state of a route it has taken up."""
    kept = trim(resource, obj)
    if resource != HTTPROUTES:
        return kept
    parents = [
        {
            **parent,
            "conditions": [
                {key: value for key, value in condition.items() if key != "observedGeneration"}
                for condition in parent.get("conditions") or []
            ],
        }
        for parent in (kept.get("status") or {}).get("parents") or []
    ]
    return {**kept, "status": {"parents": parents}}
