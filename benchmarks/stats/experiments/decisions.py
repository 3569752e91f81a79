"""The operator's own decisions about experiments, one run of the benchmark each.

A run begins with the same `plan()` calls as in a cluster. From its first weights on `advance()` decides at every look,
as `plan()` would have it do: who has won, whether it is over, and how a bandit moves its weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.stats.experiments.situations import MINUTES
from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.api.status import RunState
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.experiments.trial import advance
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.observed import Observed, RouteSeen, RuleSeen, VersionSeen
from modelrollout.decisions.plan import plan
from modelrollout.decisions.steps import FULL
from modelrollout.decisions.strategies import compile_steps

START = datetime(2026, 11, 21, tzinfo=UTC)
GOAL = "clicks"
LOOK = timedelta(minutes=MINUTES)

_ROUNDS = 12


def a_rollout(names: Sequence[str], strategy: Mapping[str, Any], **spec: Any) -> ModelRollout:  # noqa: ANN401 - fields
    """A ModelRollout whose candidates are all but the first of these versions, ranked by their share of clicks."""
    versions = [
        {"name": name, "service": {"name": name, "port": 8080}, "workload": {"kind": "Deployment", "name": name}}
        for name in names
    ]
    goal = {
        "name": GOAL,
        "role": "Goal",
        "better": "Higher",
        "gain": {"difference": 0},
        "proportion": {"good": "clicks_total", "total": "requests_total"},
    }
    document = {
        "versions": versions,
        "candidates": list(names[1:]),
        "traffic": {"gatewayAPI": {"httpRoute": "button"}},
        "strategy": dict(strategy),
        "metrics": [goal],
        "analysis": {"interval": f"{MINUTES}m", "warmUp": "0s", "dispersion": 1},
        **spec,
    }
    metadata = {"name": "button", "namespace": "shop", "uid": "u", "generation": 1}
    status = {"stable": names[0], "stableRevision": f"rev-{names[0]}"}
    return ModelRollout.model_validate({"metadata": metadata, "spec": document, "status": status})


class Run:
    """One experiment from its first weights to its end."""

    def __init__(self, begun: "Begun") -> None:
        """Begin it."""
        self._steps = begun.steps
        self._draft = Draft(
            rollout=begun.rollout,
            spec=begun.spec,
            written=begun.spec,
            status=begun.rollout.status.model_copy(deep=True),
            observed=begun.observed,
            evidence=None,
            now=START,
        )

    @property
    def id(self) -> str:
        """Its name, which evidence carries."""
        return self._draft.run.id

    @property
    def over(self) -> bool:
        """Whether it has been decided."""
        return self._draft.run.state is not RunState.TRIAL

    @property
    def reason(self) -> str:
        """One word for its end."""
        return self._draft.run.reason

    @property
    def winner(self) -> str | None:
        """Who got all traffic; None where stable keeps it, or while it goes on."""
        run = self._draft.run
        return run.target if run.state is RunState.PROMOTING else None

    @property
    def weights(self) -> tuple[int, ...]:
        """Of stable and each candidate, in thousandths."""
        run = self._draft.run
        return (FULL - run.weight, *(arm.weight for arm in run.arms))

    def look(self, evidence: Evidence, now: datetime) -> None:
        """Decide by this evidence."""
        draft = self._draft
        draft.evidence, draft.now = evidence, now
        advance(draft, self._steps)
        draft.events.clear()
        draft.wake.clear()
        draft.record.clear()


class Begun:
    """An experiment that has just given all versions their first weights."""

    def __init__(self, rollout: ModelRollout) -> None:
        """Let the operator begin it in a world that obeys at once.

        Raises:
            RuntimeError: it never gives a weight.
        """
        names = [version.name for version in rollout.spec.versions]
        seen = {name: VersionSeen(ready=1, revision=f"rev-{name}", restarts=0) for name in names}
        route = RouteSeen(found=True, accepted=True, resource_version="1", rules=(_rule({names[0]: FULL}),))
        self.observed = Observed(route=route, versions=seen)
        self.rollout, snapshot = rollout, None
        for _ in range(_ROUNDS):
            decision = plan(self.rollout, "", snapshot, self.observed, None, START)
            snapshot = decision.snapshot or snapshot
            self.rollout = self.rollout.model_copy(update={"status": decision.status})
            if decision.traffic is not None:
                weights = {name: share for name, share in decision.traffic.weights.items() if share}
                route = replace(route, rules=(_rule(weights),), owner=decision.traffic.owner)
                self.observed = replace(self.observed, route=route)
            run = self.rollout.status.run
            if run is not None and run.exposed_at is not None and decision.traffic is None:
                break
        else:
            raise RuntimeError(f"the experiment did not begin: {self.rollout.status.message}")
        self.spec: ModelRolloutSpec = snapshot or rollout.spec
        self.steps = compile_steps(self.spec)


def _rule(weights: Mapping[str, int]) -> RuleSeen:
    return RuleSeen(name="0", weights=weights)


def after(strata: int) -> datetime:
    """The moment at which so many strata are over."""
    return START + strata * LOOK
