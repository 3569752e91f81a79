"""What becomes of many simulated runs."""

from typing import Any

import numpy as np
import pytest

from modelrollout.api import ModelRolloutSpec
from modelrollout.rehearsal.simulation.plan import Traffic, plan_of
from modelrollout.rehearsal.simulation.runs import Outcome, Simulated, simulate
from modelrollout.rehearsal.simulation.summary import chance_of, summary_of
from modelrollout.rehearsal.simulation.values import versions_of
from modelrollout.rehearsal.streams.stream import Value
from tests.unit.decisions.world import a_spec, errors_metric

SHORT = {"canary": {"weights": [10, 50], "hold": "1m"}}
MEMORY = {"name": "memory", "threshold": {"query": 'max(x{pod=~"{{pods}}"})', "max": 0.9, "consecutive": 4}}


def simulated(stable: float, candidate: float, *, rate: float = 100, runs: int = 200, **more: Any) -> Simulated:
    spec = ModelRolloutSpec.model_validate(
        a_spec(target="v8", **{"strategy": SHORT, "analysis": {"dispersion": 1}, **more})
    )
    versions = versions_of(spec, {"errors": Value(stable)}, {"errors": Value(candidate)})
    return simulate(plan_of(spec, Traffic(rate)), versions.streams, versions.fixed, runs=runs, seed=5)


def share(found: Simulated, outcome: Outcome) -> float:
    return float((found.outcome == outcome).mean())


def test_an_equal_candidate_is_promoted_and_a_bad_one_is_not() -> None:
    assert share(simulated(0.02, 0.02), Outcome.PROMOTED) > 0.98
    assert share(simulated(0.02, 0.03), Outcome.PROMOTED) <= 0.05  # just at the margin
    assert share(simulated(0.02, 0.08), Outcome.ROLLED_BACK) == 1


def test_a_worse_candidate_is_stopped_earlier() -> None:
    some, more = simulated(0.02, 0.05), simulated(0.02, 0.3)
    assert np.median(more.seconds) < np.median(some.seconds)
    assert more.step.mean() < some.step.mean()
    assert np.median(more.answers) < np.median(some.answers)


def test_bad_answers_are_those_that_the_candidate_gave_until_its_end() -> None:
    found = simulated(0.02, 0.06)
    assert found.bad["errors"].sum() / found.answers.sum() == pytest.approx(0.06, rel=0.05)
    assert found.excess["errors"].sum() / found.answers.sum() == pytest.approx(0.04, rel=0.05)
    assert (found.bad["errors"] <= found.answers).all()


@pytest.mark.parametrize(
    ("more", "outcome"),
    [({}, Outcome.NO_EVIDENCE), ({"onDeadline": "Hold"}, Outcome.HELD), ({"rollback": "Hold"}, Outcome.HELD)],
)
def test_a_deadline_ends_a_run_as_the_spec_says(more: dict[str, Any], outcome: Outcome) -> None:
    found = simulated(0.001, 0.001, rate=5, runs=20, progressDeadline="6m", **more)
    assert share(found, outcome) == 1
    assert found.seconds.max() <= 2 * 360 + 1


def test_with_rollback_hold_a_failed_guardrail_waits_for_a_person() -> None:
    found = simulated(0.02, 0.3, runs=20, rollback="Hold")
    assert share(found, Outcome.HELD) == 1
    assert (found.failed == 0).all()


def test_no_step_is_left_before_its_hold_and_its_samples() -> None:
    strategy = {"canary": {"weights": [10, 50], "hold": "1m", "samples": 2000}}
    found = simulated(0.02, 0.02, runs=50, strategy=strategy)
    first = found.passed_step[0]
    assert first.min() > 2000 / 10  # seconds, at 10 answers a second
    assert (found.passed_step[1] - first).min() >= 60


def test_a_threshold_fails_and_passes_after_its_checks_in_a_row() -> None:
    spec = ModelRolloutSpec.model_validate(
        a_spec(target="v8", strategy={"canary": {"weights": [50], "hold": "0s"}}, metrics=[MEMORY])
    )
    plan = plan_of(spec, Traffic(10.0))
    for value, outcome in ((0.95, Outcome.ROLLED_BACK), (0.5, Outcome.PROMOTED)):
        found = simulate(plan, (), (value,), runs=20, seed=1)
        assert share(found, outcome) == 1
        assert found.seconds.min() >= 3 * 15
        assert found.seconds.max() <= 4 * 15


def test_what_a_run_waited_for_at_its_deadline_is_counted() -> None:
    spec = ModelRolloutSpec.model_validate(
        a_spec(target="v8", strategy={"canary": {"weights": [1, 50], "hold": "1m", "samples": 40, "deadline": "10m"}})
    )
    plan, versions = plan_of(spec, Traffic(6.0)), versions_of(spec, {"errors": Value(0.02)}, {})
    summary = summary_of(plan, simulate(plan, versions.streams, versions.fixed, runs=200, seed=2))
    first, last = summary.steps
    assert first.waiting == {"samples": 1.0}
    assert last.waiting == {"errors": 1.0}
    assert first.stopped + last.stopped == pytest.approx(1)
    assert last.reached == pytest.approx(1 - first.stopped)


def test_the_same_seed_gives_the_same_runs() -> None:
    one, other = (simulated(0.02, 0.05, runs=20) for _ in range(2))
    assert np.array_equal(one.seconds, other.seconds)
    assert np.array_equal(one.bad["errors"], other.bad["errors"])


def test_goals_block_and_never_roll_back() -> None:
    goal = errors_metric(role="Goal", gain={"ratio": 0.8})
    found = simulated(0.05, 0.05, runs=40, metrics=[goal], progressDeadline="30m")
    assert share(found, Outcome.NO_EVIDENCE) > 0.9
    assert share(found, Outcome.ROLLED_BACK) == 0
    assert share(simulated(0.05, 0.02, runs=40, metrics=[goal]), Outcome.PROMOTED) == 1


def test_a_chance_comes_with_its_interval() -> None:
    half = chance_of(np.arange(100) < 50)
    assert (half.share, round(half.low, 3), round(half.high, 3)) == (0.5, 0.404, 0.596)  # Wilson
    none = chance_of(np.zeros(1000, dtype=bool))
    assert (none.share, none.low, round(none.high, 5)) == (0, 0, 0.00383)
    assert chance_of(np.ones(10, dtype=bool)).high == 1
