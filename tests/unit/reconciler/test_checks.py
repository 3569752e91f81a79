"""When something is found out of a candidate: once for each question, and again only while the answer may change."""

import asyncio

import pytest

from modelrollout.api import ModelInfo
from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import Check, CheckResult
from modelrollout.kube.cache import Key
from modelrollout.reconciler.checks import ASK_AGAIN, Checks
from tests.unit.gates.pods import a_call, a_check, at
from tests.unit.kube.clock import FakeClock, settle

KEY = ("risk", "fraud")
GATE = a_check({"warmUp": {"path": "/"}}, "10.0.0.1:8080")
MODEL = a_check(ModelInfo(name="fraud", version="8"), "10.0.0.1:8080")


class Finder:
    """Finds what `verdict` says, once `answers` is set."""

    def __init__(self) -> None:
        self.verdict = Verdict.PASS
        self.asked: list[Check] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.broken = False

    async def find(self, check: Check) -> CheckResult:
        self.asked.append(check)
        await self.answers.wait()
        if self.broken:
            raise RuntimeError("a bug")
        return CheckResult(check, self.verdict, "Scripted", "as the test says")


class Desk:
    def __init__(self) -> None:
        self.finder, self.clock = Finder(), FakeClock()
        self.told: list[Key] = []
        self.checks = Checks(self.finder, self.clock, self.told.append)

    async def want(self, check: Check | None, times: int = 1) -> None:
        for _ in range(times):
            self.checks.want(KEY, check)
            await settle()

    def verdicts(self) -> list[Verdict]:
        return [one.verdict for one in self.checks.results(KEY)]


async def test_a_question_is_asked_once_however_often_it_comes_up() -> None:
    desk = Desk()
    await desk.want(GATE, times=5)
    await desk.clock.advance(10 * ASK_AGAIN)
    assert (len(desk.finder.asked), desk.told, desk.verdicts()) == (1, [KEY], [Verdict.PASS])


async def test_a_gate_that_failed_is_not_asked_again() -> None:
    desk = Desk()
    desk.finder.verdict = Verdict.FAIL
    await desk.want(GATE, times=2)
    await desk.clock.advance(10 * ASK_AGAIN)
    assert len(desk.finder.asked) == 1


async def test_a_wrong_model_is_asked_again_until_it_is_the_right_one_and_only_news_are_told() -> None:
    desk = Desk()
    desk.finder.verdict = Verdict.FAIL
    await desk.want(MODEL)
    await desk.clock.advance(ASK_AGAIN)
    await desk.clock.advance(ASK_AGAIN)
    assert (len(desk.finder.asked), desk.told, desk.verdicts()) == (3, [KEY], [Verdict.FAIL])
    desk.finder.verdict = Verdict.PASS
    await desk.clock.advance(ASK_AGAIN)
    await desk.clock.advance(10 * ASK_AGAIN)
    assert (len(desk.finder.asked), desk.told, desk.verdicts()) == (4, [KEY, KEY], [Verdict.PASS])


async def test_what_is_known_stays_known_while_the_next_question_is_asked_and_goes_with_the_run() -> None:
    desk = Desk()
    await desk.want(MODEL)
    await desk.want(GATE)
    await desk.want(MODEL)
    assert len(desk.finder.asked) == 2
    await desk.want(None)
    assert desk.checks.results(KEY) == ()


async def test_other_pods_are_another_question_that_takes_the_place_of_the_one_before() -> None:
    desk = Desk()
    desk.finder.answers.clear()
    await desk.want(GATE)
    await desk.want(at(GATE, "10.0.0.2:8080"))
    desk.finder.answers.set()
    await settle()
    assert [one.check.addresses for one in desk.checks.results(KEY)] == [("10.0.0.2:8080",)]


async def test_an_answer_that_nobody_waits_for_any_more_is_not_told() -> None:
    desk = Desk()
    desk.finder.answers.clear()
    await desk.want(GATE)
    await desk.want(None)
    desk.finder.answers.set()
    await settle()
    assert (desk.told, desk.verdicts()) == ([], [])


async def test_a_finder_that_breaks_is_no_failure_of_the_candidate() -> None:
    desk = Desk()
    desk.finder.broken = True
    await desk.want(GATE)
    assert desk.verdicts() == [Verdict.ERROR]
    desk.finder.broken = False
    await desk.clock.advance(ASK_AGAIN)
    assert desk.verdicts() == [Verdict.PASS]


async def test_closing_asks_nobody_any_more() -> None:
    desk = Desk()
    desk.finder.answers.clear()
    await desk.want(GATE)
    await desk.checks.close()
    desk.finder.answers.set()
    await settle()
    assert desk.told == []


@pytest.mark.parametrize(
    ("verdict", "asked"), [(Verdict.PASS, 1), (Verdict.FAIL, 1), (Verdict.ERROR, 1), (Verdict.INCONCLUSIVE, 4)]
)
async def test_of_a_webhook_only_not_yet_is_asked_again_for_retries_are_decided_elsewhere(
    verdict: Verdict, asked: int
) -> None:
    desk = Desk()
    desk.finder.verdict = verdict
    await desk.want(a_call("receiver:8080"))
    for _ in range(3):
        await desk.clock.advance(ASK_AGAIN)
    assert (len(desk.finder.asked), desk.told) == (asked, [KEY])
