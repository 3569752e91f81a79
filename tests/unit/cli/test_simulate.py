"""What `simulate` prints, and what it refuses."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

CHECKOUT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden" / "simulate.txt"
MINIMAL = "examples/minimal.yaml"

MANIFEST = """\
apiVersion: modelrollout.io/v1alpha1
kind: ModelRollout
metadata: {{name: fraud, namespace: risk}}
spec:
  target: v8
  versions:
  - {{name: v7, service: {{name: fraud-v7, port: 80}}, workload: {{kind: Deployment, name: fraud-v7}}}}
  - {{name: v8, service: {{name: fraud-v8, port: 80}}, workload: {{kind: Deployment, name: fraud-v8}}}}
  traffic: {{gatewayAPI: {{httpRoute: fraud}}}}
  strategy: {strategy}
  analysis: {{dispersion: 1}}
  metrics:
{metrics}
"""
CANARY = "{canary: {weights: [10, 50], hold: 1m}}"
ERRORS = "  - {name: errors, better: Lower, proportion: {bad: bad_total, total: all_total}}"
VALUE = (
    "  - {name: value, better: Higher, margin: {ratio: 1.1}, "
    "mean: {sum: v_sum, count: v_count, sumOfSquares: v_squares}}"
)
MEMORY = "  - {name: memory, threshold: {query: 'max(x{pod=~\"{{pods}}\"})', max: 0.9}}"


@pytest.fixture
def simulate(run: Run, tmp_path: Path) -> Any:
    """`simulate(metrics, *options)`: what ran, at 50 requests a second, with 40 runs."""

    def simulated(metrics: str, *options: str, strategy: str = CANARY) -> Any:
        file = tmp_path / "rollout.yaml"
        file.write_text(MANIFEST.format(metrics=metrics, strategy=strategy))
        return run("simulate", "-f", str(file), "--rate", "50", "--runs", "40", "--only", *options)

    return simulated


@pytest.mark.slow
def test_it_prints_what_the_page_shows(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.chdir(CHECKOUT)
    values = ("--stable", "errors=0.01", "--candidate", "errors=0.02", "--runs", "200")
    ran = run("simulate", "-f", MINIMAL, "--rate", "20", *values, "--power")
    printed = "\n".join(line.rstrip() for line in ran.out.splitlines()) + "\n"
    if os.environ.get("MODELROLLOUT_GOLDEN") == "write":
        GOLDEN.write_text(printed)
    assert ran.code == 0
    assert printed == GOLDEN.read_text()


def test_a_program_gets_the_same_in_numbers(simulate: Any) -> None:
    ran = simulate(ERRORS, "--stable", "errors=0.02", "--candidate", "errors=0.2", "-o", "json")
    said = json.loads(ran.out)
    assert said["outcomes"]["RolledBack"]["share"] == 1
    assert said["failedBy"] == {"errors": 1}
    assert said["candidateIsHarmful"]
    assert said["wrongRollback"] is None  # not asked for
    assert 0 < said["badAnswers"]["errors"]["excess"]["median"] < said["badAnswers"]["errors"]["all"]["median"]
    assert sum(step["takenBack"] for step in said["steps"]) == pytest.approx(1)


def test_a_metric_of_which_nothing_is_said_is_named(simulate: Any) -> None:
    assert "taken to be typical, and equal on both sides: errors" in simulate(ERRORS).out


def test_no_metric_at_all_still_has_a_plan(simulate: Any) -> None:
    said = json.loads(simulate(MEMORY, "--candidate", "memory=0.95", "-o", "json").out)
    assert said["outcomes"]["RolledBack"]["share"] == 1
    assert said["failedBy"] == {"memory": 1}


def test_a_late_fault_is_met_later(simulate: Any) -> None:
    def seconds(*more: str) -> float:
        values = ("--stable", "errors=0.02", "--candidate", "errors=0.2")
        said = json.loads(simulate(ERRORS, *values, *more, "-o", "json").out)
        return float(said["seconds"]["median"])

    assert seconds("--bad-after", "2m") > seconds() + 60


def test_what_cannot_come_in_time_is_said_with_what_would_help(simulate: Any) -> None:
    slow = "{canary: {weights: [1, 2], hold: 1m, deadline: 10m}}"
    out = " ".join(simulate(ERRORS, "--stable", "errors=0.001", strategy=slow).out.split())
    assert "! errors needs about" in out
    assert "half of the runs would have them with" in out
    assert "a margin of ratio" in out


def test_samples_that_take_too_long_are_named_with_the_step(simulate: Any) -> None:
    slow = "{canary: {weights: [1, 50], hold: 1m, samples: 2000, deadline: 30m}}"
    out = " ".join(simulate(ERRORS, strategy=slow).out.split())
    assert "! step 1: 2,000 samples at 1% of 50 requests/s take 1h7m, and the deadline is 30m: it needs" in out
    assert "step 2" not in out


@pytest.mark.parametrize(
    ("metrics", "options", "said"),
    [
        (ERRORS, ("--stable", "error=0.1"), "there is no metric error: the metrics are errors"),
        (ERRORS, ("--candidate", "errors=0.1"), "say what stable shows too: --stable errors=..."),
        (ERRORS, ("--stable", "errors=2"), "errors is a share of answers"),
        (VALUE, (), "value is a mean: say how large it is and how far single values scatter"),
        (VALUE, ("--stable", "value=12.5"), "value is a mean: give the stable version its mean and the standard"),
        (MEMORY, ("--stable", "memory=0.5"), "memory is a threshold and looks at the candidate alone"),
    ],
)
def test_a_value_that_means_nothing_is_refused(
    simulate: Any, metrics: str, options: tuple[str, ...], said: str
) -> None:
    ran = simulate(metrics, *options)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: {said}")


@pytest.mark.parametrize("text", ["errors", "errors=", "=0.1", "errors=two percent"])
def test_a_value_that_cannot_be_read_says_how_to_write_it(simulate: Any, text: str) -> None:
    ran = simulate(ERRORS, "--stable", text)
    assert ran.code == 2
    assert "write NAME=VALUE" in ran.err


def test_a_value_is_given_once(simulate: Any) -> None:
    ran = simulate(ERRORS, "--stable", "errors=0.1", "--stable", "errors=0.2")
    assert (ran.code, "--stable errors is given twice" in ran.err) == (2, True)


def test_a_preview_has_nothing_to_simulate(simulate: Any) -> None:
    ran = simulate(MEMORY, strategy="{blueGreen: {hold: 5m}}")
    assert (ran.code, "nothing to simulate" in ran.err) == (1, True)


def test_an_audience_is_not_simulated_and_that_is_said(simulate: Any) -> None:
    steps = "[{audience: {rules: [beta]}, weight: 100}, {weight: 50}]"
    ran = simulate(MEMORY, strategy=f"{{canary: {{steps: {steps}}}}}")
    assert (ran.code, "how many requests an audience brings is not known" in ran.err) == (1, True)


def test_copies_of_requests_are_not_simulated_and_that_is_said(simulate: Any) -> None:
    ran = simulate(MEMORY, strategy="{shadow: {hold: 5m}}")
    assert (ran.code, "copied requests cannot be simulated" in ran.err) == (1, True)
