"""What the candidates of an experiment must show before their first weights: each by itself."""

from typing import Any

from modelrollout.api.arms import ArmState
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.checks import Check, CheckResult, job_name
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.experiment_world import ExperimentWorld
from tests.unit.decisions.test_admission import ACCEPTANCE, GOLDEN, WARM
from tests.unit.decisions.world import a_spec

DIGEST = f"sha256:{'5f' * 32}"


class Gated(ExperimentWorld):
    """What is found of a candidate by a gate is said by (candidate, gate); the declared model is asked by nobody."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(**spec)
        self.gated: dict[tuple[str, str], Verdict] = {}
        self.asked: list[tuple[str, str]] = []

    def _find(self, check: Check | None) -> bool:
        self.check = check
        if check is None:
            return False
        key = check.version, str(getattr(check.what, "name", ""))
        if key not in self.asked:
            self.asked.append(key)
        if key not in self.gated or check in self._found:
            return False
        self._found[check] = CheckResult(check, self.gated[key], "Scripted", f"{key[1]} of {key[0]} as the test says")
        return True

    def says(self, verdict: Verdict, *keys: tuple[str, str]) -> None:
        """From now on that is what these gates find; the world reconciles."""
        self.gated |= dict.fromkeys(keys, verdict)
        self.reconcile(times=16)


def states(world: ExperimentWorld) -> list[tuple[str, str, str]]:
    return [(one.version, one.name, str(one.state)) for one in world.status.run.gates]


def test_no_candidate_has_traffic_before_all_have_passed_every_gate_by_themselves() -> None:
    world = Gated(gates=[WARM, GOLDEN]).start()
    assert (world.weights, states(world)) == ({"v7": 1000}, [("v8", "warm", "Running")])
    assert world.status.phase is Phase.PENDING
    assert "gate warm: warm-up requests are sent to v8" in world.status.message
    world.says(Verdict.PASS, ("v8", "warm"), ("v8", "golden"))
    assert (world.weights, states(world)[-1]) == ({"v7": 1000}, ("v9", "warm", "Running"))
    world.says(Verdict.PASS, ("v9", "warm"), ("v9", "golden"))
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}
    assert {state for _, _, state in states(world)} == {"Passed"}
    assert world.asked == [("v8", "warm"), ("v8", "golden"), ("v9", "warm"), ("v9", "golden")]
    assert world.reasons().count(Reason.GATE_PASSED) == 4


def test_who_fails_a_gate_is_out_before_any_user_saw_it_and_the_rest_goes_on() -> None:
    world = Gated(gates=[GOLDEN]).start()
    world.says(Verdict.FAIL, ("v8", "golden"))
    assert world.arm("v8").state is ArmState.OUT
    assert "gate golden failed: golden of v8 as the test says" in world.arm("v8").message
    assert [(one.version, one.reason) for one in world.status.rejected] == [("v8", "GateFailed")]
    world.says(Verdict.PASS, ("v9", "golden"))
    assert world.weights == {"v7": 700, "v9": 300}
    assert world.status.run.exposed_at is not None


def test_when_nobody_passes_the_run_ends() -> None:
    world = Gated(gates=[GOLDEN]).start()
    world.says(Verdict.FAIL, ("v8", "golden"), ("v9", "golden"))
    assert world.weights == {"v7": 1000}
    assert (world.status.run.outcome, world.status.run.reason) == (Outcome.ROLLED_BACK, "AllOut")
    assert world.status.phase is Phase.ROLLED_BACK


def test_a_gate_that_takes_too_long_ends_the_run_without_a_verdict() -> None:
    world = Gated(gates=[GOLDEN | {"deadline": "10m"}]).start()
    world.says(Verdict.PASS, ("v8", "golden"))
    world.after(minutes=9)
    assert world.status.phase is Phase.PENDING
    world.after(minutes=2)
    assert world.status.run.outcome is Outcome.NO_EVIDENCE
    assert world.status.rejected == []


def test_a_candidate_that_is_not_the_declared_model_holds_the_start_until_it_is() -> None:
    versions = [one | {"model": {"digest": DIGEST}} if one["name"] == "v9" else one for one in a_spec()["versions"]]
    world = Gated(versions=versions)
    world.seen("v9", model={"digest": f"sha256:{'00' * 32}"})
    world.start()
    assert world.weights == {"v7": 1000}
    assert world.status.phase is Phase.HOLDING
    assert world.condition("ModelMatches") == ("False", "DigestDiffers")
    assert world.reasons().count(Reason.MODEL_DIFFERS) == 1
    world.seen("v9", model={"digest": DIGEST})
    world.after(seconds=1)
    assert world.weights == {"v7": 500, "v8": 200, "v9": 300}


def test_every_candidate_has_a_job_of_its_own() -> None:
    world = Gated(gates=[ACCEPTANCE]).start()
    first = world.check
    world.says(Verdict.PASS, ("v8", "acceptance"))
    second = world.check
    assert first is not None
    assert second is not None
    assert (first.version, second.version) == ("v8", "v9")
    gate = world.rollout.spec.gates[0]
    assert job_name(first, gate) != job_name(second, gate)
