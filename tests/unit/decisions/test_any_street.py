"""Whatever happens to three rollouts of one layer, one at most has a run, and nobody waits for nothing."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from modelrollout.api import Verb
from modelrollout.api.status import RunState, Verdict
from modelrollout.decisions.observed import Claim, Freeze
from tests.unit.decisions.street import Street

NAMES = st.sampled_from("abc")
VERBS = st.sampled_from([verb for verb in Verb if verb is not Verb.UNDO])


class AnyStreet(RuleBasedStateMachine):
    """Edits, commands, verdicts, new revisions, lost claims, unreadable specs and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.street = Street("ranking", "ranking", "ranking")
        self.revisions = 0

    @rule(name=NAMES, version=st.sampled_from(["v7", "v8", "v9"]))
    def change_target(self, name: str, version: str) -> None:
        self.street.target(name, version)

    @rule(name=NAMES, verb=VERBS)
    def command(self, name: str, verb: Verb) -> None:
        world = self.street[name]
        self.street.look(world)
        world.ask(verb)
        self.street.settle()

    @rule(name=NAMES, verdict=st.sampled_from(list(Verdict)))
    def judge(self, name: str, verdict: Verdict) -> None:
        self.street[name].verdicts["errors"], self.street[name].answers = verdict, 1_000
        self.street.settle()

    @rule(name=NAMES, version=st.sampled_from(["v7", "v8", "v9"]))
    def new_revision(self, name: str, version: str) -> None:
        self.revisions += 1
        self.street[name].seen(version, revision=f"rev-{self.revisions}")
        self.street.settle()

    @rule(name=NAMES, held=st.booleans())
    def claim(self, name: str, *, held: bool) -> None:
        self.street[name].claim = Claim(held=held, holder="" if held else "risk/older")
        self.street.settle()

    @rule(name=NAMES, readable=st.booleans())
    def spec(self, name: str, *, readable: bool) -> None:
        self.street[name].spec_error = "" if readable else "spec.metrics: no"
        self.street.settle()

    @rule(on=st.booleans())
    def freeze(self, *, on: bool) -> None:
        for world in self.street.worlds:
            world.freezes = (Freeze("namespace risk"),) if on else ()
        self.street.settle()

    @rule(seconds=st.sampled_from([1, 61, 901, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.street.pass_time(seconds)

    @invariant()
    def one_at_most_has_the_layer(self) -> None:
        assert len(self.street.having) <= 1

    @invariant()
    def nobody_waits_for_a_layer_that_is_free(self) -> None:
        runs = [world.status.run for world in self.street.worlds if world.status.run is not None]
        waiting = [run for run in runs if run.state is RunState.TRIAL and run.queued and not run.aside]
        assert self.street.having or not waiting or self.street["a"].freezes


AnyStreet.TestCase.settings = settings(
    max_examples=8, stateful_step_count=20, suppress_health_check=list(HealthCheck), derandomize=True
)
TestAnyStreet = AnyStreet.TestCase
TestAnyStreet.pytestmark = [pytest.mark.slow]
