"""`backtest` over files: its picture, its JSON, its exit codes, and what it says of samples that cannot be used.

After a wanted change: `MODELROLLOUT_GOLDEN=write pytest tests/unit/cli`, then read the difference.
"""

import io
import json
import os
import runpy
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Ran, Run

CHECKOUT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden" / "backtest.txt"
ROLLOUT = "examples/backtest/rollout.yaml"
SAMPLES = "examples/backtest/samples.jsonl"


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def backtest(run: Run, tmp_path: Path):
    """`backtest(lines, *options)`: over these lines in place of the example's."""

    def ran(lines: list[str], *options: str) -> Ran:
        file = tmp_path / "samples.jsonl"
        file.write_text("\n".join(lines))
        return run("backtest", "-f", ROLLOUT, "--data", str(file), *options)

    return ran


def example() -> list[str]:
    return (CHECKOUT / SAMPLES).read_text().splitlines()


def test_the_example_is_taken_back_as_the_page_shows(run: Run) -> None:
    ran = run("backtest", "-f", ROLLOUT, "--data", SAMPLES)
    drawn = "\n".join(line.rstrip() for line in ran.out.splitlines()) + "\n"
    if os.environ.get("MODELROLLOUT_GOLDEN") == "write":
        GOLDEN.write_text(drawn)
    assert (ran.code, ran.err) == (0, "")
    assert drawn == GOLDEN.read_text()


def test_the_samples_of_the_example_are_those_that_its_script_writes(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path("examples/backtest/generate.py", run_name="__main__")
    assert capsys.readouterr().out == (CHECKOUT / SAMPLES).read_text()


def test_json_has_verdicts_evidence_and_numbers_of_every_step(run: Run) -> None:
    ran = run("backtest", "-f", ROLLOUT, "--data", SAMPLES, "-o", "json", "--expect", "RolledBack")
    assert ran.code == 0
    document = json.loads(ran.out)
    assert (document["outcome"], document["runOutcome"]) == ("RolledBack", "RolledBack")
    assert document["reason"] == "GuardrailFailed"
    assert document["after"] == document["at"] - document["exposedAt"] > 600
    assert [step["step"] for step in document["steps"]] == [1, 2, 3]
    assert document["steps"][-1]["left"] == {"at": document["at"], "after": document["after"]}
    errors = document["steps"][-1]["metrics"][0]
    assert (errors["metric"], errors["verdict"]) == ("errors", "Fail")
    assert errors["since"]["at"] == document["at"]
    assert errors["evidence"]["fail"] >= 1
    assert errors["effect"]["low"] < errors["effect"]["value"] < errors["effect"]["high"]
    assert 0 < errors["candidate"]["n"] < errors["stable"]["n"]
    assert [event["reason"] for event in document["events"]][-1] == "GuardrailFailed"
    assert any("other weights" in note for note in document["notes"])


def test_a_rollback_that_was_not_expected_has_the_exit_code_of_one(run: Run) -> None:
    assert run("backtest", "-f", ROLLOUT, "--data", SAMPLES, "--expect", "Promoted").code == 3


def test_data_that_end_early_hold_and_say_what_is_missing(backtest) -> None:
    ran = backtest(example()[:200], "--expect", "Promoted")
    assert ran.code == 1
    assert "! Held" in ran.out
    assert "Missing when the data ended:\n  step 2 is held until 03:08:02 UTC\n" in ran.out


def test_samples_may_come_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO("\n".join(example()[:100]).encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert "! Held" in run("backtest", "-f", ROLLOUT, "--data", "-").out


def test_lines_that_cannot_be_used_are_named_and_nothing_is_replayed(backtest) -> None:
    lines = example()
    lines[17], lines[39] = lines[17].replace('"bad"', '"good"').replace('"slow"', '"slo"'), "{"
    ran = backtest(lines)
    assert (ran.code, ran.out) == (1, "")
    first, second, error, _ = ran.err.splitlines()
    assert "samples.jsonl:18: " in first
    assert "samples.jsonl:40: this is no JSON: " in second
    assert error.endswith("samples.jsonl cannot be used")


def test_other_metrics_and_versions_are_refused_or_counted(backtest) -> None:
    stranger = example()[0].replace('"errors"', '"rejects"')
    refused = backtest([stranger, *example()])
    assert refused.code == 1
    assert "1: metric: the rollout has no metric 'rejects'; it has errors, slow" in refused.err
    counted = backtest([stranger, *example()[:100]], "--pass-over")
    assert counted.code == 0
    assert "1 lines of metric rejects were passed over" in counted.out


def test_versions_that_play_no_part_are_said_not_to(run: Run, tmp_path: Path) -> None:
    v6 = """  - name: v6
    service: {name: fraud-v6, port: 8080}
    workload: {kind: Deployment, name: fraud-v6}
"""
    file, data = tmp_path / "rollout.yaml", tmp_path / "samples.jsonl"
    file.write_text((CHECKOUT / ROLLOUT).read_text().replace("  target: v8\n", f"{v6}  target: v8\n"))
    data.write_text("\n".join([*example()[:100], example()[0].replace('"v7"', '"v6"')]))
    unclear = run("backtest", "-f", str(file), "--data", str(data))
    assert (unclear.code, "not clear: it may be v7, v6; name it with --stable" in unclear.err) == (1, True)
    ran = run("backtest", "-f", str(file), "--data", str(data), "--stable", "v7")
    assert ran.code == 0
    assert "What was recorded of v6 was not looked at: it is neither v8 nor v7." in ran.out


def test_a_metric_without_samples_is_named(backtest) -> None:
    ran = backtest([line for line in example() if '"errors"' in line])
    assert ran.code == 1
    assert "nothing was recorded of the metric slow; metrics that were recorded: errors" in ran.err


def test_a_version_without_samples_is_named(backtest) -> None:
    ran = backtest([line for line in example() if '"v8"' in line])
    assert ran.code == 1
    assert "nothing was recorded of v7; versions that were recorded: v8" in ran.err


def test_a_file_that_is_not_there_is_an_error(run: Run) -> None:
    ran = run("backtest", "-f", ROLLOUT, "--data", "nowhere.jsonl")
    assert (ran.code, ran.err) == (1, "error: cannot read nowhere.jsonl: No such file or directory\n")


def test_a_wrong_manifest_is_refused_in_the_words_of_lint(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text((CHECKOUT / ROLLOUT).read_text().replace("hold: 4m", "hold: soon"))
    ran = run("backtest", "-f", str(file), "--data", SAMPLES)
    assert ran.code == 1
    assert "spec.strategy.canary.hold: 'soon' is no duration" in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "--data FILE, or --from-prometheus"),
        (("--data", "a", "--from-prometheus", "http://b"), "--data FILE, or --from-prometheus"),
        (("--data", "a", "--start", "5"), "go with --from-prometheus"),
        (("--from-prometheus", "http://b", "--start", "5", "--end", "5"), "the end after the start"),
        (("--data", "a", "--since", "yesterday"), "is no time"),
        (("--data", "a", "--since", "2026-11-21T03:00:00"), "which zone"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_read(run: Run, options: tuple[str, ...], said: str) -> None:
    ran = run("backtest", "-f", "nowhere.yaml", *options)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
