"""What webhooks do to a run: they are told and asked, one after the other; only an answer counts, never silence."""

from typing import Any

import pytest

from modelrollout.api import Verb
from modelrollout.api.status import Outcome, Phase, Verdict
from modelrollout.decisions.checks import Call
from modelrollout.decisions.decision import Reason
from tests.unit.decisions.world import World


def hook(name: str, when: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "url": f"http://hooks.ops/{name}", "when": when, **more}


def world(*hooks: dict[str, Any], second: tuple[dict[str, Any], ...] = (), **spec: Any) -> World:
    steps = [
        {"name": "one", "weight": 1, "hold": "1m", "webhooks": list(hooks)},
        {"name": "half", "weight": 50, "hold": "1m", "webhooks": list(second)},
    ]
    return World(strategy={"steps": steps}, **spec)


def started(seen: World) -> World:
    seen.start().passing()
    return seen


def test_nobody_gets_traffic_before_the_first_webhook_has_been_told() -> None:
    seen = started(world(hook("tell", "Before")))
    assert (seen.weights, seen.status.phase) == ({"v7": 1000}, Phase.PENDING)
    assert seen.status.message == "webhook tell (Before) is called"
    seen.find("tell", Verdict.PASS)
    assert seen.weights == {"v7": 990, "v8": 10}
    assert Reason.WEBHOOK_PASSED in seen.reasons()


def test_a_gate_is_asked_only_when_all_else_is_there_and_leaves_the_step_when_it_agrees() -> None:
    seen = started(world(hook("ask", "Gate")))
    assert seen.check is None
    seen.after(seconds=61)
    assert isinstance(seen.check.what if seen.check else None, Call)
    assert "step 1 of 2 may be left, webhook ask (Gate) is called" in seen.status.message
    seen.find("ask", Verdict.INCONCLUSIVE, "the committee meets at noon")
    assert seen.weights == {"v7": 990, "v8": 10}
    assert "webhook ask (Gate) says: the committee meets at noon" in seen.status.message
    seen.find("ask", Verdict.PASS)
    assert seen.weights == {"v7": 500, "v8": 500}


def test_gates_come_first_then_what_follows_the_step_then_what_precedes_the_next() -> None:
    seen = started(world(hook("after", "After"), hook("ask", "Gate"), second=(hook("before", "Before"),)))
    asked = []
    seen.after(seconds=61)
    for _ in range(3):
        assert seen.check is not None
        assert isinstance(seen.check.what, Call)
        asked.append(seen.check.what.webhook.name)
        seen.find(asked[-1], Verdict.PASS)
    assert asked == ["ask", "after", "before"]
    assert seen.weights == {"v7": 500, "v8": 500}


def test_what_got_no_answer_is_called_again_later_and_later_and_each_try_is_recorded() -> None:
    seen = started(world(hook("ask", "Gate", retries=2)))
    seen.after(seconds=61)
    seen.find("ask", Verdict.ERROR, "HTTP 503")
    attempts = []
    for pause in (1, 1, 3, 1, 60):
        attempts.append(seen.status.run.webhooks[-1].attempts)
        seen.after(seconds=pause)
    assert attempts == [1, 1, 2, 2, 3]
    assert seen.status.run.webhooks[-1].state == "Unanswered"
    calls = [line for line in seen.status.last_record if line["decision"] == "WebhookCalled"]
    assert [(line["attempt"], line["verdict"], line["answer"]) for line in calls] == [
        (1, "Error", "HTTP 503"),
        (2, "Error", "HTTP 503"),
        (3, "Error", "HTTP 503"),
    ]


def unanswered(**spec: Any) -> World:
    seen = started(world(hook("ask", "Gate", retries=0), **spec))
    seen.after(seconds=61)
    seen.find("ask", Verdict.ERROR, "no answer within 10 s")
    return seen


def test_silence_is_no_yes_and_no_no() -> None:
    seen = unanswered()
    assert (seen.weights, seen.status.phase) == ({"v7": 990, "v8": 10}, Phase.HOLDING)
    assert "gave no good answer in 1 tries, the last: no answer within 10 s; promote to go on" in seen.status.message
    assert seen.reasons().count(Reason.WEBHOOK_UNANSWERED) == 1
    seen.after(hours=1)
    assert seen.weights == {"v7": 990, "v8": 10}
    assert seen.reasons().count(Reason.WEBHOOK_UNANSWERED) == 1


def test_a_person_may_go_on_without_an_answer() -> None:
    seen = unanswered()
    seen.ask(Verb.PROMOTE)
    assert seen.weights == {"v7": 500, "v8": 500}


def test_without_an_answer_the_deadline_decides() -> None:
    seen = unanswered(progressDeadline="1h")
    seen.after(hours=2)
    assert seen.status.run.outcome is Outcome.NO_EVIDENCE
    assert "no answer within 10 s" in seen.status.run.message
    assert seen.status.rejected == []


@pytest.mark.parametrize("when", ["Before", "Gate", "After"])
def test_who_refuses_takes_the_candidate_back(when: str) -> None:
    seen = started(world(hook("ask", when)))
    seen.after(seconds=61)
    seen.find("ask", Verdict.FAIL, "the audit found a leak")
    assert (seen.weights, seen.status.run.outcome) == ({"v7": 1000}, Outcome.ROLLED_BACK)
    assert seen.status.run.reason == "WebhookRefused"
    assert "webhook ask (" + when + ") refused: the audit found a leak" in seen.status.run.message
    assert seen.status.rejected[-1].version == "v8"


def test_a_refusal_is_held_where_nothing_is_taken_back_by_itself_and_said_once() -> None:
    seen = started(world(hook("ask", "Gate"), rollback="Hold"))
    seen.after(seconds=61)
    seen.find("ask", Verdict.FAIL, "no")
    for _ in range(3):
        seen.after(seconds=10)
    assert (seen.weights, seen.status.phase) == ({"v7": 990, "v8": 10}, Phase.HOLDING)
    assert seen.reasons().count(Reason.GUARDRAIL_HELD) == 1


def test_who_has_agreed_is_not_called_again_by_another_leader() -> None:
    seen = started(world(hook("ask", "Gate"), hook("after", "After")))
    seen.after(seconds=61)
    seen.find("ask", Verdict.PASS)
    seen._found.clear()
    seen.reconcile()
    assert seen.check is not None
    assert isinstance(seen.check.what, Call)
    assert seen.check.what.webhook.name == "after"


def test_an_approval_does_not_replace_a_webhook() -> None:
    steps = [
        {"name": "one", "weight": 1, "approval": True, "webhooks": [hook("after", "After")]},
        {"name": "half", "weight": 50, "hold": "1m"},
    ]
    seen = started(World(strategy={"steps": steps}))
    seen.after(seconds=1)
    assert seen.status.phase is Phase.AWAITING_APPROVAL
    seen.ask(Verb.APPROVE)
    assert seen.last_answer()[1] == "step 1 is approved; before it is left: webhook after (After) is called"
    assert seen.weights == {"v7": 990, "v8": 10}
    seen.find("after", Verdict.PASS)
    assert seen.weights == {"v7": 500, "v8": 500}


def test_every_try_has_the_same_delivery_and_says_where_the_run_stands() -> None:
    seen = started(world(hook("ask", "Gate")))
    seen.after(seconds=61)
    first = seen.check.what if seen.check else None
    seen.find("ask", Verdict.ERROR, "HTTP 503")
    seen.finds = {}
    seen.after(seconds=3)
    second = seen.check.what if seen.check else None
    assert isinstance(first, Call)
    assert isinstance(second, Call)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.delivery == second.delivery
    assert (first.step, first.steps, first.step_name, first.weight, first.stable) == (1, 2, "one", 10, "v7")


def test_the_status_keeps_ten_webhooks_at_most() -> None:
    hooks = [hook(f"h{number}", "After") for number in range(3)]
    steps = [{"name": f"s{number}", "weight": 1 + number, "webhooks": hooks} for number in range(5)]
    seen = started(World(strategy={"steps": steps}))
    for _ in range(40):
        for one in hooks:
            seen.finds[one["name"]] = (Verdict.PASS, "well")
        seen.after(seconds=1)
    assert seen.weights == {"v8": 1000}
    assert len(seen.status.run.webhooks) == 10
