"""When Prometheus is asked."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from modelrollout.api import parse_spec
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.questions import Question
from modelrollout.kube.cache import Key
from modelrollout.reconciler.analysis import Analysis
from tests.unit.decisions.world import a_spec
from tests.unit.kube.clock import FakeClock


def question(run: str = "v8-1", interval: str = "10s", step: int = 0) -> Question:
    spec = parse_spec(a_spec(analysis={"interval": interval}))
    return Question("risk", spec, run, "v8", "v7", since=0.0, step=step, step_since=0.0, weight=50)


class Desk:
    """An analysis whose examiner counts; the state is how often it was asked."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.asked: list[tuple[float, str, int]] = []
        self.restored: list[Mapping[str, Any] | None] = []
        self.told: list[Key] = []
        self.hanging: set[str] = set()
        self.errors: list[Exception] = []
        self.analysis = Analysis(self, self.clock, random.Random(1), self.told.append, workers=3)  # noqa: S311
        self.task = asyncio.create_task(self.analysis.run())

    def restore(self, question: Question, checkpoint: Mapping[str, Any] | None) -> int:
        self.restored.append(checkpoint)
        return 0

    async def examine(self, question: Question, state: int, at: float) -> tuple[int, Evidence]:
        self.asked.append((self.clock.monotonic(), question.run, state))
        if self.errors:
            raise self.errors.pop()
        if question.run in self.hanging:
            await asyncio.Event().wait()
        return state + 1, Evidence(run=question.run, step=question.step, until=at)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    yield found
    found.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await found.task


async def test_a_run_is_examined_once_per_interval_and_its_state_goes_on(desk: Desk) -> None:
    desk.analysis.want(("risk", "a"), question(), {"n": 1})
    for step in range(6):
        desk.analysis.want(("risk", "a"), question(step=step), None)
        await desk.clock.advance(10)
    assert [state for _, _, state in desk.asked] == [0, 1, 2, 3, 4, 5]
    assert desk.restored == [{"n": 1}]
    assert desk.told == [("risk", "a")] * 6


async def test_many_runs_are_spread_over_the_interval(desk: Desk) -> None:
    for number in range(40):
        desk.analysis.want(("risk", f"r{number}"), question(f"v{number}"), None)
    for _ in range(10):
        await desk.clock.advance(1)
    per_second = [sum(second <= at < second + 1 for at, _, _ in desk.asked) for second in range(10)]
    assert sum(per_second) == 40
    assert max(per_second) <= 12


async def test_a_new_run_begins_with_its_own_checkpoint_and_the_old_evidence_is_gone(desk: Desk) -> None:
    desk.analysis.want(("risk", "a"), question(), None)
    await desk.clock.advance(10)
    assert desk.analysis.evidence(("risk", "a")) is not None
    desk.analysis.want(("risk", "a"), question("v9-1"), {"new": True})
    assert desk.analysis.evidence(("risk", "a")) is None
    await desk.clock.advance(10)
    assert desk.asked[-1][1:] == ("v9-1", 0)
    assert desk.restored == [None, {"new": True}]


async def test_nothing_is_asked_when_there_is_nothing_to_ask(desk: Desk) -> None:
    desk.analysis.want(("risk", "a"), question(), None)
    desk.analysis.want(("risk", "a"), None, None)
    await desk.clock.advance(60)
    assert desk.asked == []


async def test_a_run_that_hangs_costs_the_others_nothing(desk: Desk) -> None:
    desk.hanging = {"stuck"}
    desk.analysis.want(("risk", "s"), question("stuck"), None)
    desk.analysis.want(("risk", "a"), question("v8-1"), None)
    for _ in range(5):
        await desk.clock.advance(10)
    assert [run for _, run, _ in desk.asked].count("v8-1") == 5
    assert [run for _, run, _ in desk.asked].count("stuck") == 1


async def test_an_examination_that_breaks_is_tried_again(desk: Desk) -> None:
    desk.errors = [RuntimeError("a bug")]
    desk.analysis.want(("risk", "a"), question(), None)
    await desk.clock.advance(30)
    assert desk.analysis.evidence(("risk", "a")) is not None
