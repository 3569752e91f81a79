"""The picture that `status` draws, compared with files that were read and found good.

After a wanted change: `MODELROLLOUT_GOLDEN=write pytest tests/unit/cli`, then read the difference.
"""

import copy
import io
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from modelrollout.api.status import MetricStatus
from modelrollout.cli.gathering import gather
from modelrollout.cli.overview import Live
from modelrollout.cli.render import overview
from modelrollout.cli.watching import line
from tests.unit.cli import cases

GOLDEN = Path(__file__).parent / "golden"
READY = {"fraud-v7": 3, "fraud-v8": 1}
ERRORS = cases.progressing()["status"]["metrics"][0]
LIVE = Live(
    run="v8-9a01c2d3e4-1",
    step=1,
    metrics=(MetricStatus.model_validate(ERRORS | {"evidencePass": "0.77"}),),
    answers=143,
    at=cases.NOW - timedelta(seconds=3),
)


def drawn(document: dict[str, Any], *, width: int = 100, wide: bool = False, colour: bool = False, **more: Any) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        highlight=False,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    console.print(overview(gather(document, **more), cases.NOW, wide=wide))
    return "\n".join(text.rstrip() for text in console.file.getvalue().splitlines()) + "\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "document", "wide"),
    [
        ("progressing", cases.progressing(), False),
        ("progressing-wide", cases.progressing(), True),
        ("paused", cases.paused(), False),
        ("rolled-back", cases.rolled_back(), False),
        ("watching", cases.watching(), False),
        ("unseen", cases.rollout(), False),
    ],
)
def test_the_picture_is_the_one_that_was_approved(name: str, document: dict[str, Any], wide: bool) -> None:
    file = GOLDEN / f"{name}.txt"
    text = drawn(document, wide=wide, width=140 if wide else 100, ready=READY)
    if os.environ.get("MODELROLLOUT_GOLDEN") == "write":
        file.write_text(text)
    assert text == file.read_text()


def test_gates_are_shown_as_long_as_the_first_step_waits_for_them() -> None:
    document = copy.deepcopy(cases.progressing())
    run = document["status"]["run"]
    begun = {"definition": "1", "startedAt": run["startedAt"]}
    run["gates"] = [
        {"name": "warm", "state": "Passed", "message": "2 pods answered", **begun},
        {"name": "golden", "state": "Running", "message": "golden requests are sent to v8", **begun},
    ]
    assert "GATE" not in drawn(document)
    assert "golden requests are sent to v8" in drawn(document, wide=True, width=140)
    del run["exposedAt"]
    lines = [line.split() for line in drawn(document).splitlines()]
    assert ["warm", "✔", "Passed", "2", "pods", "answered"] in lines
    assert lines[lines.index(["GATE", "STATE", "NOTE"]) + 2][:3] == ["golden", "▶", "Running"]


def test_no_line_is_wider_than_the_terminal() -> None:
    for width in (60, 80, 100):
        assert max(map(len, drawn(cases.paused(), width=width, ready=READY).splitlines())) <= width


def test_there_is_no_colour_where_the_terminal_has_none() -> None:
    assert "\x1b" not in drawn(cases.rolled_back())
    assert "\x1b[" in drawn(cases.rolled_back(), colour=True)


def test_ready_endpoints_are_left_out_when_they_may_not_be_read() -> None:
    assert "READY" in drawn(cases.progressing(), ready=READY)
    assert "READY" not in drawn(cases.progressing(), ready=None)


def test_live_values_replace_those_of_status_and_count_the_answers_of_the_step() -> None:
    text = drawn(cases.progressing(), live=LIVE)
    assert "143/200" in text
    assert " 77%" in text
    assert " 64%" not in text
    assert "live, asked 3s ago" in text


def test_live_values_of_another_run_are_not_shown_and_answers_of_another_step_not_counted() -> None:
    assert "as written 15s ago" in drawn(cases.progressing(), live=replace(LIVE, run="v8-another-1"))
    assert "143" not in drawn(cases.progressing(), live=replace(LIVE, step=0))


def test_the_steps_are_those_of_the_plan_the_run_goes_by_not_of_an_edited_spec() -> None:
    edited = cases.progressing()
    edited["spec"] = cases.SPEC | {"strategy": {"canary": {"weights": [10]}}}
    assert [step.weight for step in gather(edited, plan=cases.SPEC).steps] == [10, 50, 250, 500]


def test_steps_are_left_out_when_the_plan_is_unknown_and_the_spec_was_edited() -> None:
    edited = cases.progressing()
    edited["spec"] = cases.SPEC | {"strategy": {"canary": {"weights": [10]}}}
    assert gather(edited).steps == ()


def test_a_spec_that_cannot_be_read_still_shows_its_versions_and_status() -> None:
    broken = cases.progressing()
    broken["spec"] = cases.SPEC | {"strategy": {"later": {}}}
    assert "v8 at 5%" in drawn(broken)
    assert "└─ v8" in drawn(broken)


def test_a_status_of_a_newer_operator_is_shown_as_far_as_it_is_known() -> None:
    newer = cases.progressing(phase="Levitating", history=[{"run": "v7-1"}])
    text = drawn(newer)
    assert "… Levitating" in text
    assert "does not know its form: history, phase" in text
    assert "x1.05 [0.71, 1.6]" in text


def test_an_edit_the_operator_has_not_seen_is_said() -> None:
    late = cases.progressing(observedGeneration=2)
    assert "has not been seen by the operator yet" in drawn(late)
    assert "has not been seen" not in drawn(cases.progressing())


def test_a_rejected_revision_marks_its_version_but_a_new_revision_of_it_does_not_inherit_the_mark() -> None:
    assert gather(cases.rolled_back()).versions[1].roles == ("target", "rejected")
    retried = cases.rolled_back()
    retried["status"]["run"] = retried["status"]["run"] | {"revision": "another"}
    assert gather(retried).versions[1].roles == ("target",)


def test_the_one_line_form_names_phase_step_weight_and_why() -> None:
    assert line(gather(cases.progressing())) == (
        "Progressing 2/4 v8 at 5%: step 2 of 4, v8 at 5 %; waits for its hold, fresh data"
    )


def test_the_document_for_programs_has_camel_case_names_and_no_empty_values() -> None:
    document = gather(cases.progressing(), ready=READY).document()
    assert yaml.safe_load(yaml.safe_dump(document)) == json.loads(json.dumps(document)) == document
    assert document["phase"] == "Progressing"
    assert document["versions"][1] == {
        "name": "v8",
        "roles": ["candidate", "target"],
        "desired": 50,
        "observed": 50,
        "ready": 1,
        "revision": "9a01c2d3e4f5",
        "model": "s3://models/fraud/8",
    }
    assert document["steps"][1]["state"] == "Present"
    assert document["countdowns"][0] == {"what": "hold", "ends": "2026-11-20T03:13:42Z", "standsStill": False}
    assert document["metrics"][0]["evidencePass"] == "0.64"
    assert document["run"]["stableRevision"] == "5f7c11aa22bb"


def test_a_run_in_a_queue_shows_who_is_in_front_and_offers_to_leave() -> None:
    document = cases.progressing()
    message = "v8 waits for layer checkout: the run of price goes on; place 1 in the queue"
    run = {key: text for key, text in document["status"]["run"].items() if key not in ("exposedAt", "plan")}
    waiting = {**run, "queued": True, "weight": 0, "layer": "checkout"}
    document["status"] |= {"phase": "Queued", "message": message, "run": waiting, "stepText": "", "weightText": "0%"}
    seen = gather(document)
    assert (seen.phase, seen.message) == ("Queued", message)
    assert message in line(seen)
    assert [verb for verb, _ in seen.next_verbs] == ["abort"]


def test_a_version_that_has_left_its_reference_is_among_the_problems() -> None:
    def said(status: str) -> list[str]:
        told = {
            "type": "Degrading",
            "status": status,
            "reason": "LeftReference",
            "message": "errors 4 % of 2,400 in the last look",
            "lastTransitionTime": "2026-11-20T03:12:25Z",
        }
        return [one.message for one in gather(cases.progressing(conditions=[told])).problems]

    assert said("True") == ["errors 4 % of 2,400 in the last look"]
    assert said("False") == said("Unknown") == []


def test_steps_of_ones_own_are_shown_with_their_names_copies_and_webhooks() -> None:
    hooks = [{"name": "announce", "url": "http://hooks.ops/announce"}]
    steps = [
        {"name": "shadow", "mirror": 20, "webhooks": hooks},
        {"name": "tenth", "weight": 10, "mirror": 50},
        {"name": "look", "approval": True, "webhooks": hooks},
    ]
    document = copy.deepcopy(cases.progressing())
    document["spec"]["strategy"] = {"steps": steps}
    document["status"]["run"] |= {"step": 1, "steps": 3, "weight": 100, "mirror": 500}
    text = drawn(document, width=120)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "v8 at 10% and copies of 50%" in lines[0]
    assert "✔ 1 shadow 0% 0s 50 copies of 20% of the requests" in lines
    assert any(line.startswith("▶ 2 tenth 10%") and "copies of 50% of the requests" in line for line in lines)
    assert any(line.startswith("3 look 10%") and "calls announce; needs approval" in line for line in lines)


def test_an_audience_is_shown_wherever_its_weight_is() -> None:
    steps = [{"name": "beta", "audience": {"rules": ["beta", "staff"]}, "weight": 100}, {"name": "half", "weight": 50}]
    document = copy.deepcopy(cases.progressing())
    document["spec"]["strategy"] = {"steps": steps}
    document["status"]["run"] |= {"step": 0, "steps": 2, "weight": 1000, "audience": ["beta", "staff"]}
    text = drawn(document, width=120)
    lines = [" ".join(one.split()) for one in text.splitlines()]
    assert "v8 at 100% in beta, staff" in lines[0]
    assert any(one.startswith("▶ 1 beta 100% 0s") and one.endswith("only in beta, staff") for one in lines)
    assert "v8 at 100% in beta, staff: " in line(gather(document))
