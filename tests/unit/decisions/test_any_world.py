"""Whatever happens in whatever order, the promises hold: a state machine drives the world at random."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modelrollout.api import Verb
from modelrollout.api.status import RunState, Verdict
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.observed import Freeze, Reversals
from modelrollout.decisions.stated import REVERSALS_CONTESTED
from modelrollout.decisions.traffic import shares
from modelrollout.kube.errors import Forbidden
from tests.unit.decisions import world as worlds
from tests.unit.decisions.world import World, errors_metric

VERSIONS = st.sampled_from(["v7", "v8", "v9"])
GOAL = {
    "name": "accuracy",
    "role": "Goal",
    "better": "Higher",
    "proportion": {"good": "right_total", "total": "answers_total"},
    "gain": {"difference": 0.01},
}


class AnyWorld(RuleBasedStateMachine):
    """Edits, commands, verdicts, lost endpoints, foreign writes, lost writes and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(metrics=[errors_metric(), GOAL], progressDeadline="20m")
        self.revisions = 0

    @initialize(begun=st.booleans())
    def begin(self, *, begun: bool) -> None:
        if begun:  # most of what can go wrong does so in a trial
            self.world.start()

    @rule(name=VERSIONS)
    def change_target(self, name: str) -> None:
        self.world.edit(target=name)
        self._reconcile()

    @rule(paused=st.booleans())
    def set_paused(self, *, paused: bool) -> None:
        self.world.edit(paused=paused)
        self._reconcile()

    @rule(hold=st.booleans())
    def set_rollback(self, *, hold: bool) -> None:
        self.world.edit(rollback="Hold" if hold else "Auto")
        self._reconcile()

    @rule(hold=st.booleans())
    def set_on_deadline(self, *, hold: bool) -> None:
        self.world.edit(onDeadline="Hold" if hold else "Rollback")
        self._reconcile()

    @rule(manual=st.booleans())
    def set_promotion(self, *, manual: bool) -> None:
        self.world.edit(promotion="Manual" if manual else "Auto")
        self._reconcile()

    @rule(name=VERSIONS, restarts=st.integers(0, 4), killed=st.booleans())
    def containers_restart(self, name: str, restarts: int, *, killed: bool) -> None:
        self.world.seen(name, restarts=restarts, oom_kills=int(killed))
        self._reconcile()

    @rule(times=st.integers(0, 4))
    def reversals(self, times: int) -> None:
        self.world.reversals = Reversals("argocd", times)
        self._reconcile()

    @rule(readable=st.booleans())
    def spec(self, *, readable: bool) -> None:
        self.world.spec_error = "" if readable else "spec.metrics: no"
        self._reconcile()

    @rule(verb=st.sampled_from(list(Verb)), full=st.booleans())
    def command(self, verb: Verb, *, full: bool) -> None:
        self.world.ask(verb, full=full and verb is Verb.PROMOTE)

    @rule(verdict=st.sampled_from(list(Verdict)), metric=st.sampled_from(["errors", "accuracy"]))
    def judge(self, verdict: Verdict, metric: str) -> None:
        self.world.verdicts[metric] = verdict
        self._reconcile()

    @rule(answers=st.integers(0, 300), fresh=st.booleans(), on=st.booleans())
    def measure(self, answers: int, *, fresh: bool, on: bool) -> None:
        self.world.answers, self.world.fresh, self.world.evidence_on = answers, fresh, on
        self._reconcile()

    @rule(name=VERSIONS, endpoints=st.integers(0, 2))
    def endpoints(self, name: str, endpoints: int) -> None:
        self.world.ready(name, endpoints)
        self._reconcile()

    @rule(name=VERSIONS)
    def new_revision(self, name: str) -> None:
        self.revisions += 1
        self.world.seen(name, revision=f"rev-{self.revisions}")
        self._reconcile()

    @rule(weight=st.integers(0, 1000))
    def foreign_write(self, weight: int) -> None:
        self.world.route = replace(
            self.world.route, rules=(worlds.rule({"v7": 1000 - weight, "v9": weight}),), writer="somebody"
        )
        self._reconcile()

    @rule(frozen=st.booleans())
    def freeze(self, *, frozen: bool) -> None:
        self.world.freezes = (Freeze("namespace risk"),) if frozen else ()
        self._reconcile()

    @rule(seconds=st.sampled_from([1, 30, 61, 600, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.world.after(seconds=seconds)

    @rule(frozen=st.booleans(), refused=st.booleans())
    def route_writes_get_lost(self, *, frozen: bool, refused: bool) -> None:
        self.world.frozen_route = frozen
        self.world.refusal = Forbidden("may not", 403) if frozen and refused else None
        self._reconcile()

    def _reconcile(self) -> None:
        self.world.reconcile()

    @invariant()
    def the_route_agrees_with_status_unless_writes_get_lost(self) -> None:
        if self.world.spec_error:
            return  # where no run goes on nothing is touched then
        if not self.world.frozen_route and self.world.status.stable and self.world.evidence_on:
            self.world.reconcile(times=6)
            assert self.world.weights == {name: share for name, share in shares(self.world.status).items() if share}

    @invariant()
    def every_run_that_goes_back_says_why(self) -> None:
        for past in self.world.status.history:
            assert past.reason

    @invariant()
    def status_stays_small(self) -> None:
        assert len(self.world.status.history) <= 10
        assert len(self.world.status.rejected) <= 20
        assert len(self.world.status.commands) <= 10

    @invariant()
    def a_quiet_world_is_quiet(self) -> None:
        """Reconciling again without any change writes nothing, and tells nobody anything."""
        self.world.reconcile(times=6)
        decision = self.world.decide()
        assert not decision.write_status, (decision.status.document(), self.world.status.document())
        fights = self.world.frozen_route or self.world.reversals.times >= REVERSALS_CONTESTED
        assert decision.traffic is None or fights
        told = [one for one in decision.events if not (fights and one.reason is Reason.TRAFFIC_REPAIRED)]
        assert not told
        assert not decision.record

    @invariant()
    def what_is_held_for_want_of_stable_goes_on_when_it_is_back(self) -> None:
        run = self.world.status.run
        if run is not None and run.state is RunState.TRIAL and run.reason == "StableUnavailable":
            halted = self.world.condition("SpecValid")[0] == "False" or not self.world.claim.held
            assert halted or not self.world.observed.ready(run.stable)

    @invariant()
    def no_rejected_revision_is_on_trial(self) -> None:
        run = self.world.status.run
        if run is not None and run.state is RunState.TRIAL:
            assert (run.target, run.revision) not in [(one.version, one.revision) for one in self.world.status.rejected]

    @invariant()
    def a_sentence_is_whole(self) -> None:
        assert not self.world.status.message.endswith((" ", " of", " for", ":", ";"))

    @invariant()
    def a_trial_never_holds_more_than_its_step(self) -> None:
        run = self.world.status.run
        if run is not None and run.state is RunState.TRIAL:
            assert run.weight <= 500


AnyWorld.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, suppress_health_check=list(HealthCheck), derandomize=True
)
TestAnyWorld = AnyWorld.TestCase
TestAnyWorld.pytestmark = [pytest.mark.slow]
