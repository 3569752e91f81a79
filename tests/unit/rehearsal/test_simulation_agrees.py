"""The simulation and the operator's own path decide alike: same outcome, same step, same moment."""

from typing import Any

import pytest

from modelrollout.rehearsal.replay import replay
from modelrollout.rehearsal.replay_roles import Roles
from modelrollout.rehearsal.simulation import Outcome, simulate
from modelrollout.rehearsal.streams import Value
from tests.unit.decisions.world import errors_metric
from tests.unit.rehearsal.simulated import BASE, TapedStream, a_plan, a_rollout, recording_of

OUTCOMES = {"Promoted": Outcome.PROMOTED, "RolledBack": Outcome.ROLLED_BACK, "NoEvidence": Outcome.NO_EVIDENCE}
ACCURACY = {
    "name": "accuracy",
    "better": "Higher",
    "role": "Goal",
    "gain": {"difference": 0.02},
    "proportion": {"good": 'outcomes_total{correct="true"}', "total": "outcomes_total"},
}
SHORT = {"canary": {"weights": [5, 50], "hold": "1m", "samples": 100}}


@pytest.mark.parametrize(
    ("values", "rate", "spec"),
    [
        pytest.param({"errors": (0.02, 0.02)}, 40, {}, id="equal"),
        pytest.param({"errors": (0.02, 0.06)}, 20, {}, id="worse"),
        pytest.param({"errors": (0.3, 0.33)}, 40, {"progressDeadline": "20m"}, id="between, with a deadline"),
        pytest.param(
            {"errors": (0.002, 0.002)},
            3,
            {"progressDeadline": "35m", "strategy": SHORT},
            id="slow, with restarts in a step",
        ),
        pytest.param(
            {"errors": (0.01, 0.01), "accuracy": (0.8, 0.85)},
            60,
            {"metrics": [errors_metric(), ACCURACY], "strategy": SHORT},
            id="two metrics, one a goal",
        ),
        pytest.param(
            {"errors": (0.0, 0.0)}, 50, {"strategy": {"canary": {"weights": [1, 50], "hold": "100s"}}}, id="no errors"
        ),
    ],
)
def test_a_run_ends_as_the_operator_would_end_it(
    values: dict[str, tuple[float, float]], rate: float, spec: dict[str, Any]
) -> None:
    rollout = a_rollout(**spec)
    plan = a_plan(rollout.spec, rate)
    streams = [TapedStream(one, *map(Value, values[one.name])) for one in rollout.spec.metrics]
    many = simulate(plan, streams, (), runs=4, seed=11)
    for run in range(4):
        since = float(many.since[run])
        played = replay(rollout, recording_of(plan, streams, run, since), Roles("v8", "v7"), BASE + since)
        assert played.outcome, played.missing
        said = (OUTCOMES[played.outcome], max(step.number or 0 for step in played.steps) - 1, played.at - BASE - since)
        found = (many.outcome[run], int(many.step[run]), pytest.approx(float(many.seconds[run]), abs=1e-6))
        assert said == found
