"""The simulation and the operator's own path decide alike: same outcome, same step, same moment."""

from typing import Any

import pytest

from modelrollout.rehearsal.replay.playing import replay
from modelrollout.rehearsal.replay.roles import Roles
from modelrollout.rehearsal.simulation.runs import Outcome, simulate
from modelrollout.rehearsal.streams.stream import Value
from tests.unit.decisions.world import errors_metric
from tests.unit.rehearsal.simulated import BASE, a_plan, a_rollout, recording_of, taped

OUTCOMES = {"Promoted": Outcome.PROMOTED, "RolledBack": Outcome.ROLLED_BACK, "NoEvidence": Outcome.NO_EVIDENCE}
RUNS, COMPARED = 5, 2


def steps(*weights: float, **more: Any) -> dict[str, Any]:
    return {"canary": {"weights": list(weights), "hold": "1m", "samples": 100, **more}}


def a_metric(name: str, kind: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, **kind, **more}


ACCURACY = a_metric(
    "accuracy",
    {"proportion": {"good": 'outcomes_total{correct="true"}', "total": "outcomes_total"}},
    better="Higher",
    role="Goal",
    gain={"difference": 0.02},
)
LATE = a_metric(
    "complaints", {"proportion": {"bad": "complaints_total", "total": "all_total"}}, better="Lower", labelDelay="100s"
)
SLOW = a_metric(
    "slow",
    {"latency": {"histogram": "http_request_duration_seconds", "above": "250ms"}},
    better="Lower",
    margin={"difference": 0.02},
)
TRIES = a_metric("tries", {"rate": {"events": "tries_total", "exposure": "answers_total"}}, better="Lower")
VALUE = a_metric(
    "value",
    {"mean": {"sum": "value_sum", "count": "value_count", "sumOfSquares": "value_squares"}},
    better="Higher",
    margin={"ratio": 1.1},
)
DRIFT = a_metric("drift", {"distribution": {"histogram": "score", "margin": {"jensenShannon": 0.1}}})


SAME = a_metric("same", {"agreement": {"agreed": "same_total", "total": "compared_total", "min": 0.95}})


@pytest.mark.parametrize(
    ("values", "rate", "spec"),
    [
        pytest.param({"errors": (0.02, 0.02)}, 40, {}, id="equal"),
        pytest.param({"errors": (0.02, 0.06)}, 20, {}, id="worse"),
        pytest.param({"errors": (0.3, 0.33)}, 40, {"progressDeadline": "20m"}, id="between, with a deadline"),
        pytest.param(
            {"errors": (0.002, 0.002)},
            6,
            {"progressDeadline": "20m", "strategy": steps(5, 50)},
            id="slow, with restarts in a step",
        ),
        pytest.param(
            {"errors": (0.01, 0.01), "accuracy": (0.8, 0.85)},
            120,
            {"metrics": [errors_metric(), ACCURACY], "strategy": steps(5, 50)},
            id="two metrics, one a goal",
        ),
        pytest.param({"errors": (0.0, 0.0)}, 50, {"strategy": steps(1, 50, hold="100s")}, id="no errors"),
        pytest.param(
            {"errors": (0.05, 0.05)},
            50,
            {"strategy": steps(5, 20, 50, hold="20s", samples=0), "progressDeadline": "30m"},
            id="without samples",
        ),
        pytest.param(
            {"errors": (0.05, 0.05)},
            50,
            {"strategy": {"canary": {"steps": [{"weight": 20, "require": "Pass"}, {"weight": 40}], "samples": 10}}},
            id="a first step that must pass",
        ),
        pytest.param(
            {"complaints": (0.05, 0.05), "errors": (0.05, 0.05)},
            50,
            {"metrics": [LATE, errors_metric()], "strategy": steps(10, 50)},
            id="late labels",
        ),
        pytest.param(
            {"slow": (0.05, 0.09), "tries": (0.2, 0.2)},
            30,
            {"metrics": [SLOW, TRIES], "strategy": steps(10, 50)},
            id="latency and rate",
        ),
        pytest.param(
            {"value": (10, 10), "drift": (0, 0.02)},
            30,
            {"metrics": [VALUE, DRIFT], "strategy": steps(10, 50)},
            id="mean and drift",
        ),
        pytest.param(
            {"same": (0.98, 0.98), "errors": (0.05, 0.05)},
            40,
            {"metrics": [SAME, errors_metric()], "strategy": steps(10, 50)},
            id="agreement",
        ),
        pytest.param(
            {"errors": (0.05, 0.05)},
            50,
            {"analysis": {"dispersion": 2, "interval": "40s", "warmUp": "0s"}, "strategy": steps(10, 50)},
            id="a slow look",
        ),
        pytest.param(
            {"errors": (0.05, 0.12)},
            20,
            {"analysis": {"dispersion": 1, "warmUp": "50s"}, "strategy": steps(10, 50)},
            id="a long warm-up",
        ),
    ],
)
@pytest.mark.slow
def test_a_run_ends_as_the_operator_would_end_it(
    values: dict[str, tuple[float, float]], rate: float, spec: dict[str, Any]
) -> None:
    rollout = a_rollout(**spec)
    plan = a_plan(rollout.spec, rate)
    tapes = {one.name: taped(one, *_values(one.kind, *values[one.name]), RUNS) for one in rollout.spec.metrics}
    many = simulate(plan, [stream for stream, _ in tapes.values()], (), runs=RUNS, seed=11)
    for run in range(COMPARED):
        since = float(many.since[run])
        played = replay(rollout, recording_of(plan, tapes, run, since), Roles("v8", "v7"), BASE + since)
        assert played.outcome, played.missing
        said = (OUTCOMES[played.outcome], max(step.number or 0 for step in played.steps) - 1, played.at - BASE - since)
        found = (many.outcome[run], int(many.step[run]), pytest.approx(float(many.seconds[run]), abs=1e-6))
        assert said == found


def _values(kind: str, stable: float, candidate: float) -> tuple[Value, Value]:
    spread = 3.0 if kind == "mean" else None
    return Value(stable, spread), Value(candidate, spread)
