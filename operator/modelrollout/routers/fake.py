"""A router that keeps the weights in memory, for tests of whoever decides over it."""

from dataclasses import replace

from modelrollout.api import ModelRollout
from modelrollout.decisions.claims import Claimed
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import RouteSeen, RuleSeen, StickySeen
from modelrollout.kube.resources import HTTPROUTES, Resource
from modelrollout.manifests.route_patches import check_weights
from modelrollout.routers.port import Holding, RouteUnusable


class FakeRouter:
    """One rule per rollout, unless a test gives more, which is accepted and does what it is told.

    Attributes:
        routes: what `observe` says, by rollout uid; tests change it at will. Absent: no route.
        applied: every intent that was carried out, in order.
        error: raised by the next `apply` in place of carrying it out.
    """

    RULE = "predict"

    def __init__(self) -> None:
        self.routes: dict[str, RouteSeen] = {}
        self.applied: list[TrafficIntent] = []
        self.error: Exception | None = None

    def give(self, uid: str, **weights: int) -> None:
        """Put a route there with these weights, in thousandths, written by somebody else."""
        before = self.routes.get(uid, RouteSeen())
        rules = (RuleSeen(self.RULE, weights=weights),)
        self.routes[uid] = RouteSeen(found=True, accepted=True, rules=rules, owner=before.owner, writer="kubectl-edit")

    @property
    def kinds(self) -> frozenset[Resource]:
        """HTTPRoutes."""
        return frozenset({HTTPROUTES})

    def claims(self, rollout: ModelRollout) -> frozenset[Claimed]:
        """One rule that nobody else wants."""
        return frozenset({Claimed("HTTPRoute", rollout.metadata.namespace, rollout.metadata.name, self.RULE)})

    def observe(self, rollout: ModelRollout) -> RouteSeen:
        """What was last applied, or put there by a test."""
        return self.routes.get(rollout.metadata.uid, RouteSeen())

    async def apply(self, rollout: ModelRollout, intent: TrafficIntent) -> None:
        """Do as told, or fail as the test wants."""
        check_weights(intent.weights, [version.name for version in rollout.spec.versions])
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if not self.observe(rollout).found:
            raise RouteUnusable("there is no route")
        self.applied.append(intent)
        copies = () if intent.mirror is None else (intent.mirror,)
        kept = intent.sticky is not None
        names = [rule.name for rule in self.observe(rollout).rules] or [self.RULE]
        rules = tuple(RuleSeen(name, weights=dict(intent.of(name)), mirrors=copies, sticky=kept) for name in names)
        self.routes[rollout.metadata.uid] = RouteSeen(
            True,
            accepted=True,
            rules=rules,
            owner=intent.owner,
            writer="modelrollout",
            preview=intent.preview,
            sticky=StickySeen(intent.sticky.header, accepted=True) if intent.sticky is not None else StickySeen(),
        )

    async def release(self, holding: Holding, *, give_back: bool) -> None:
        """Forget the owner, and with `give_back` let its stable version have everything."""
        owner = holding.owner
        seen = self.routes[owner.uid]
        weights = {name: 1000 if name == owner.stable else 0 for name in owner.services} if give_back else {}
        rules = tuple(replace(rule, weights=weights or rule.weights) for rule in seen.rules)
        self.routes[owner.uid] = RouteSeen(seen.found, seen.accepted, rules=rules, writer=seen.writer)

    def watched(self, rollout: ModelRollout) -> frozenset[Resource]:
        """HTTPRoutes."""
        del rollout
        return frozenset({HTTPROUTES})
