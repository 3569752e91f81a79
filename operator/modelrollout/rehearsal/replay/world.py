"""A world that obeys at once: every version is ready, and the route shows what was decided in the same moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from modelrollout.api import ModelRollout, ModelRolloutSpec, Strategy, Verb
from modelrollout.api.status import ModelRolloutStatus, Run
from modelrollout.decisions.decision import Decision
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.observed import CommandSeen, Observed, RouteSeen, RuleSeen, VersionSeen
from modelrollout.decisions.plan import plan, question
from modelrollout.decisions.questions import Question
from modelrollout.decisions.steps import FULL
from modelrollout.rehearsal.replay.roles import Roles

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDS = 8
"""Decisions in one moment before the plan must have come to rest; three are the most that a run needs."""


def moment(seconds: float) -> datetime:
    """A time in seconds since the epoch, as decisions take it."""
    return _EPOCH + timedelta(seconds=seconds)


class ObedientWorld:
    """One rollout whose decisions are carried out as soon as they are made."""

    def __init__(self, rollout: ModelRollout, roles: Roles) -> None:
        """A world in which the stable version has all the traffic and nothing was decided yet."""
        status = ModelRolloutStatus(stable=roles.stable, stable_revision=_revision(roles.stable))
        # What was recorded are metrics: which model it was, whether it would have passed its gates, what others would
        # have said when asked, and whether others would have passed, nobody knows.
        versions = tuple(version.model_copy(update={"model": None}) for version in rollout.spec.versions)
        unknown = {"gates": (), "promote_together": None, "strategy": _uncalled(rollout.spec.strategy)}
        spec = rollout.spec.model_copy(update={"target": roles.candidate, "versions": versions, **unknown})
        metadata = rollout.metadata.model_copy(update={"uid": "replay", "generation": 1, "creation_timestamp": None})
        self.rollout = rollout.model_copy(update={"metadata": metadata, "spec": spec, "status": status})
        self._snapshot: ModelRolloutSpec | None = None
        self._route = RouteSeen(found=True, accepted=True, resource_version="1", rules=(_rule({roles.stable: FULL}),))
        self._versions = {
            version.name: VersionSeen(ready=1, revision=_revision(version.name), restarts=0)
            for version in spec.versions
        }
        self._commands: tuple[CommandSeen, ...] = ()

    @property
    def run(self) -> Run:
        """The run, as it stands; only asked for once it has begun."""
        run = self.rollout.status.run
        if run is None:
            raise LookupError("no run has begun")
        return run

    @property
    def spec(self) -> ModelRolloutSpec:
        """What the run goes by."""
        return self._snapshot or self.rollout.spec

    def question(self) -> Question | None:
        """What is to be asked now, None when nothing."""
        return question(self.rollout, "", self._snapshot, self._observed())

    def decide(self, evidence: Evidence | None, now: float) -> list[Decision]:
        """Decide at that moment and carry out, until nothing more follows; all decisions, the last one at rest.

        Raises:
            RuntimeError: it never comes to rest.
        """
        decisions: list[Decision] = []
        for _ in range(_ROUNDS):
            decision = plan(self.rollout, "", self._snapshot, self._observed(), evidence, moment(now))
            decisions.append(decision)
            if not decision.write_status and decision.traffic is None:
                return decisions
            self._carry_out(decision)
        raise RuntimeError(f"decisions do not come to rest: {self.rollout.status.message}")

    def approve(self, now: float) -> None:
        """A person approves the present step."""
        name = f"approve-{len(self._commands) + 1}"
        command = CommandSeen(name, name, Verb.APPROVE, by="replay", created_at=moment(now), run=self.run.id)
        self._commands = (*self._commands, command)

    def _observed(self) -> Observed:
        return Observed(route=self._route, versions=self._versions, commands=self._commands)

    def _carry_out(self, decision: Decision) -> None:
        self._snapshot = decision.snapshot or self._snapshot
        if decision.write_status:
            self.rollout = self.rollout.model_copy(update={"status": decision.status})
        if decision.traffic is not None:
            weights = {name: share for name, share in decision.traffic.weights.items() if share}
            copies = () if decision.traffic.mirror is None else (decision.traffic.mirror,)
            rules = (replace(_rule(weights), mirrors=copies),)
            self._route = replace(self._route, rules=rules, owner=decision.traffic.owner)


def _rule(weights: dict[str, int]) -> RuleSeen:
    return RuleSeen(name="0", weights=weights)


def _uncalled(strategy: Strategy) -> Strategy:
    """The same strategy with nobody to call."""
    if strategy.steps is None:
        return strategy
    return strategy.model_copy(
        update={"steps": tuple(step.model_copy(update={"webhooks": ()}) for step in strategy.steps)}
    )


def _revision(version: str) -> str:
    return f"recorded-{version}"
