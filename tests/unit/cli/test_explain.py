"""What `explain` tells, compared with files that were read and found good.

After a wanted change: `MODELROLLOUT_GOLDEN=write pytest tests/unit/cli`, then read the difference.
"""

import io
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from modelrollout.api.status import MetricStatus
from modelrollout.cli.explain.account import explain
from modelrollout.cli.explain.explanation import Awaited, Explanation
from modelrollout.cli.explain.render import explanation
from modelrollout.cli.overview import Live
from modelrollout.decisions.experiments.statements import experiment_metrics
from tests.unit.cli import cases, explained
from tests.unit.decisions.experiment_world import ExperimentWorld
from tests.unit.decisions.test_experiment_slices import asked, evidence, goal

GOLDEN = Path(__file__).parent / "golden"
LIVE = Live(
    run=explained.RUN,
    step=1,
    metrics=(MetricStatus.model_validate(explained.progressing()["status"]["metrics"][0] | {"evidencePass": "0.9"}),),
    answers=143,
    at=cases.NOW - timedelta(seconds=3),
)


def told(document: dict[str, Any], *lines: dict[str, Any], **more: Any) -> Explanation:
    return explain(document, cases.NOW, record=explained.record(*lines), **more)


def drawn(document: dict[str, Any], *lines: dict[str, Any], width: int = 100, colour: bool = False, **more: Any) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        highlight=False,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    console.print(explanation(told(document, *lines, **more), cases.NOW))
    return "\n".join(text.rstrip() for text in console.file.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]


def missing(document: dict[str, Any], what: str, **more: Any) -> Awaited | None:
    return next((one for one in told(document, **more).missing if one.what == what), None)


@pytest.mark.parametrize(
    ("name", "width", "document", "lines"),
    [
        ("explain-progressing", 80, explained.progressing(), (explained.STARTED, explained.PASSED)),
        ("explain-last-step", 120, explained.in_last_step(), ()),
        (
            "explain-rolled-back",
            100,
            cases.rolled_back(),
            (explained.STARTED, explained.PASSED, explained.FAILED),
        ),
    ],
)
def test_the_account_is_the_one_that_was_approved(
    name: str, width: int, document: dict[str, Any], lines: tuple[dict[str, Any], ...]
) -> None:
    file = GOLDEN / f"{name}.txt"
    text = drawn(document, *lines, width=width)
    if os.environ.get("MODELROLLOUT_GOLDEN") == "write":
        file.write_text(text)
    assert text == file.read_text()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for document in (explained.progressing(), explained.in_last_step(), cases.paused(), cases.rolled_back()):
        text = drawn(document, explained.STARTED, explained.PASSED, explained.FAILED, width=width)
        assert max(map(len, text.splitlines())) <= width


def test_there_is_no_colour_where_the_terminal_has_none() -> None:
    assert "\x1b" not in drawn(cases.rolled_back())
    assert "\x1b[" in drawn(cases.rolled_back(), colour=True)


def test_live_values_replace_those_of_status_and_count_the_answers_of_the_step() -> None:
    text = drawn(explained.progressing(), live=LIVE)
    assert "evidence 2.7 of 3.0" in text
    assert "143 of 200 answers of v8 in this step; about 57 more answers, in about 5 s" in text
    assert "Numbers live, asked 3s ago." in text


def test_numbers_that_are_as_old_as_the_last_write_are_not_repeated_from_the_message() -> None:
    assert "held until 03:13:42 UTC\n" in drawn(explained.progressing())


def test_a_metric_that_cannot_be_judged_is_waited_for_as_data_and_a_monitor_never() -> None:
    waiting = missing(explained.progressing(), "data")
    assert waiting is not None
    assert waiting.text == "accuracy cannot be judged (NoData)"
    monitor = explained.progressing()
    monitor["status"]["metrics"][2] |= {"role": "Monitor"}
    assert missing(monitor, "data") is None
    assert "nothing: it is a monitor" in drawn(monitor)


def test_proof_is_waited_for_only_where_the_step_needs_it() -> None:
    assert missing(explained.progressing(), "proof") is None
    proof = missing(explained.in_last_step(), "proof")
    assert proof is not None
    assert proof.expected is not None
    assert proof.expected.answers == 1134


def test_a_candidate_beyond_its_limit_is_not_promised_to_pass() -> None:
    document = explained.in_last_step()
    document["status"]["metrics"][0] |= {"candidate": "0.0071"}
    assert "not at this rate: what was seen so far speaks against it" in drawn(document)
    assert missing(document, "deadline") is not None


def test_a_deadline_is_named_where_the_proof_is_expected_after_it() -> None:
    document = explained.in_last_step()
    assert missing(document, "deadline") is None
    document["spec"]["progressDeadline"] = "50s"
    deadline = missing(document, "deadline")
    assert deadline is not None
    assert deadline.text == "the progress deadline comes before that: 03:12:32 UTC, 2s left"


def test_a_step_without_evidence_yet_cannot_be_told_the_end_of() -> None:
    document = explained.in_last_step()
    document["status"]["metrics"][0] |= {"evidencePass": "-0.1"}
    assert "errors has not passed yet; when cannot be told yet: too little is known so far" in drawn(document)


def test_the_record_repeated_in_status_does_where_the_whole_one_may_not_be_read() -> None:
    document = explained.progressing(lastRecord=[explained.STARTED, explained.PASSED])
    without = explain(document, cases.NOW, record=None)
    assert without.decision is not None
    assert without.decision.decision == "StepPassed"
    assert without.decision == told(document, explained.STARTED, explained.PASSED).decision
    assert "ConfigMap fraud-decisions is needed" in _text(explain(cases.rolled_back(), cases.NOW, record=None))


def _text(account: Explanation) -> str:
    console = Console(file=io.StringIO(), width=120, highlight=False)
    console.print(explanation(account, cases.NOW))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_lines_of_another_form_are_passed_over() -> None:
    record = explained.record(explained.PASSED) | {"a": "no json", "b": '{"at": 1}', "c": "[]"}
    account = explain(explained.progressing(), cases.NOW, record=record)
    assert account.decision is not None
    assert account.decision.findings[0].candidate == 0.0049


def test_the_run_that_ended_before_is_told_with_its_own_lines() -> None:
    document = explained.progressing(history=cases.rolled_back()["status"]["history"][:1])
    earlier = explained.STARTED | {"run": "v7-5f7c11aa22-1", "at": "2026-11-11T01:00:00.000+00:00"}
    account = told(document, earlier, explained.PASSED)
    assert account.ended is not None
    assert [line.run for line in account.ended.lines] == ["v7-5f7c11aa22-1"]
    assert "Last run that ended: v7-5f7c11aa22-1, Promoted 9d1h ago after 31m5s" in drawn(document, earlier)


def test_a_watch_is_waited_for_and_a_run_that_is_over_waits_for_nothing() -> None:
    watch = missing(cases.watching(), "watch")
    assert watch is not None
    assert watch.text == "v8 is watched until 03:24:00 UTC, 11m30s left"
    assert told(cases.rolled_back()).missing == ()
    assert told(cases.rollout()).missing == ()


def test_a_pause_and_a_missing_endpoint_are_waited_for() -> None:
    paused = missing(cases.paused(), "resume")
    assert paused is not None
    assert paused.text.startswith("paused by ada@example.com")
    document = explained.progressing()
    document["status"]["run"] = {key: value for key, value in document["status"]["run"].items() if key != "exposedAt"}
    assert [one.what for one in told(document).missing] == ["endpoints"]


def test_a_spec_that_cannot_be_read_still_shows_numbers_and_record() -> None:
    broken = explained.progressing()
    broken["spec"] = cases.SPEC | {"strategy": {"later": {}}}
    text = drawn(broken, explained.PASSED)
    assert "64% of the evidence" in text
    assert "Last decision: StepPassed" in text


def test_an_experiment_is_told_pair_by_pair_with_the_chance_to_be_better_in_each_group() -> None:
    world, of = ExperimentWorld().start(), asked(goal())
    world.status.metrics = experiment_metrics(of.spec, world.status.run, evidence(of), [])
    document = {
        "metadata": {"name": "button", "namespace": "shop", "generation": 1},
        "spec": {**world.document, "metrics": [goal()]},
        "status": world.status.document(),
    }
    text = drawn(document, width=140)
    titles = [line.strip() for line in text.splitlines() if line.strip().startswith("clicks v")]
    assert [title.split()[1] for title in titles] == ["v8/v7", "v9/v7", "v8/v9"]
    assert "with a chance of 32.5%; nothing is decided by it" in text
    (japan,) = [line for line in text.splitlines() if "JP" in line and "better: < 0.1%" in line]
    assert "10.4% against 19.6%" in japan


def test_the_document_for_programs_has_camel_case_names_and_no_empty_values() -> None:
    document = told(explained.progressing(), explained.PASSED).document()
    assert json.loads(json.dumps(document)) == document
    errors = document["metrics"][0]
    assert errors["toPass"]["expected"] == {
        "outlook": "Expected",
        "answers": 1134,
        "seconds": pytest.approx(86, abs=1),
        "why": "",
    }
    assert errors["slices"][0]["value"] == "DE"
    assert (errors["dispersion"], errors["dispersionAssumed"]) == ("2", True)
    assert document["decision"]["findings"][0]["metric"] == "errors"
    assert document["missing"][0] == {
        "what": "hold",
        "text": "step 2 is held until 03:13:42 UTC, 1m12s left",
        "until": "2026-11-20T03:13:42Z",
    }


def test_values_of_another_run_are_not_taken_for_this_one() -> None:
    assert told(explained.progressing(), live=replace(LIVE, run="v8-other-1")).live is False


def test_only_metrics_that_the_step_needs_are_waited_for() -> None:
    document = explained.in_last_step()
    steps = [{"name": f"s{number}", "weight": number, "metrics": ["gpu-memory"]} for number in range(1, 5)]
    document["spec"]["strategy"] = {"steps": steps}
    assert missing(document, "proof") is None


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("Webhook", "webhook"),
        ("WebhookUnanswered", "webhook"),
        ("WebhookRefused", "webhook"),
        ("Companions", "companions"),
    ],
)
def test_a_webhook_and_companions_are_waited_for_in_their_own_words(reason: str, what: str) -> None:
    document = explained.progressing()
    document["status"]["run"] |= {"reason": reason, "message": "as the run says"}
    waiting = missing(document, what)
    assert waiting is not None
    assert waiting.text == "as the run says"


def test_an_audience_stands_behind_the_weight_that_it_had() -> None:
    failed = {**explained.FAILED, "weight": 1000, "audience": ["beta"]}
    document = explained.progressing()
    document["status"]["run"] |= {"weight": 1000, "audience": ["beta"]}
    text = drawn(document, failed)
    assert "v8 at 100% in beta" in text
    assert "taken back from 100% in beta in step 2: a guardrail failed" in text
