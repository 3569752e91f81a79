"""A free list of steps: shadow, a little traffic, an approval, more traffic, in one run."""

from typing import Any

from modelrollout.api import Verb
from modelrollout.api.status import Phase, Verdict
from tests.unit.decisions.world import World, errors_metric

MEMORY = {"name": "memory", "threshold": {"query": "max(memory)", "max": 1}}
LATENCY = {"name": "slow", "latency": {"histogram": "seconds", "above": "250ms"}, "better": "Lower"}
STEPS: list[dict[str, Any]] = [
    {"name": "shadow", "mirror": 50, "hold": "1m"},
    {"name": "one-percent", "weight": 1, "hold": "1m"},
    {"name": "ask", "approval": True},
    {"name": "half", "weight": 50, "hold": "1m"},
]


def test_any_mix_of_steps_is_walked_through_in_order() -> None:
    seen = World(strategy={"steps": STEPS}).start()
    seen.passing()
    course = [(dict(seen.weights), dict(seen.copies))]
    for _ in range(2):
        seen.after(seconds=61)
        course.append((dict(seen.weights), dict(seen.copies)))
    assert seen.status.phase is Phase.AWAITING_APPROVAL
    seen.ask(Verb.APPROVE, by="ana")
    course.append((dict(seen.weights), dict(seen.copies)))
    seen.after(seconds=61)
    assert course == [
        ({"v7": 1000}, {"v8": 500}),
        ({"v7": 990, "v8": 10}, {}),
        ({"v7": 990, "v8": 10}, {}),
        ({"v7": 500, "v8": 500}, {}),
    ]
    assert seen.weights == {"v8": 1000}


def test_a_step_is_shown_by_its_name() -> None:
    seen = World(strategy={"steps": STEPS}).start()
    assert seen.status.message.startswith("step 1 of 4 (shadow), v8 at copies of 50 %")


def test_who_approved_and_why_stays_in_the_status_and_in_the_record() -> None:
    seen = World(strategy={"steps": [{"name": "ask", "weight": 1, "approval": True}, {"name": "half", "weight": 50}]})
    seen.start().passing()
    seen.after(seconds=1)
    seen.ask(Verb.APPROVE, by="ana")
    answer = seen.status.commands[-1]
    assert (answer.verb, answer.by, answer.reason, answer.accepted) == ("Approve", "ana", "drill", True)
    lines = [line for line in seen.status.last_record if line["decision"] == "StepPassed"]
    assert lines[0]["approved"] == "by ana: drill"


def test_a_step_waits_for_the_metrics_that_it_names_and_for_no_others() -> None:
    steps = [
        {"name": "memory-only", "weight": 1, "require": "Pass", "metrics": ["memory"]},
        {"name": "all", "weight": 50},
    ]
    seen = World(strategy={"steps": steps}, metrics=[errors_metric(), MEMORY, LATENCY]).start()
    seen.answers = 1000
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(seconds=1)
    assert seen.weights == {"v7": 500, "v8": 500}
    seen.after(hours=1)
    assert seen.weights == {"v7": 500, "v8": 500}, "the last step needs a Pass of all"


def test_a_guardrail_that_no_step_names_takes_the_candidate_back_all_the_same() -> None:
    seen = World(
        strategy={"steps": [{"name": "memory-only", "weight": 1, "metrics": ["memory"]}]},
        metrics=[errors_metric(), MEMORY],
    ).start()
    seen.verdicts = {"errors": Verdict.FAIL}
    seen.after(seconds=1)
    assert seen.weights == {"v7": 1000}


def test_a_step_without_requests_waits_for_thresholds_alone() -> None:
    steps = [{"name": "look", "approval": True}, {"name": "half", "weight": 50}]
    seen = World(strategy={"steps": steps}, metrics=[errors_metric(), MEMORY]).start()
    seen.verdicts = {"memory": Verdict.PASS}
    seen.after(seconds=1)
    assert (seen.weights, seen.status.phase) == ({"v7": 1000}, Phase.AWAITING_APPROVAL)
