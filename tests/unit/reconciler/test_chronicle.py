"""What is told, when, and how often."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator

import pytest

from modelrollout.decisions.decision import Event, Reason
from modelrollout.decisions.plan import LINES_KEPT
from modelrollout.kube.client import Client
from modelrollout.kube.errors import KubeError, NotFound, Terminating, Unavailable
from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import CONFIGMAPS, EVENTS, Obj
from modelrollout.kube.transport import Request
from modelrollout.manifests.owned import RECORD_LIMIT
from modelrollout.reconciler.chronicle import Chronicle
from tests.unit.kube.clock import FakeClock

METADATA = {"namespace": "risk", "name": "fraud", "uid": "u1", "resourceVersion": "5"}
ROLLOUT: Obj = {"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRollout", "metadata": METADATA}
STEP = Event(Reason.STEP_STARTED, "v8 gets 5 %")
RECORD = CONFIGMAPS.path("risk", "fraud-decisions")


def line(number: int, text: str = "") -> dict[str, object]:
    return {
        "at": f"2026-11-21T03:{number // 60:02}:{number % 60:02}.000+00:00",
        "run": "v8-1",
        "step": 1,
        "decision": "StepPassed",
        "text": text,
    }


class Desk:
    """A chronicle that writes to a server in memory."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.chronicle = Chronicle(Client(self.server), self.clock, random.Random(1), "pod")  # noqa: S311
        self.task = asyncio.create_task(self.chronicle.run())

    @property
    def events(self) -> list[Obj]:
        return [obj for path, obj in self.server.objects.items() if path.startswith(EVENTS.path("risk"))]

    @property
    def lines(self) -> dict[str, str]:
        found: dict[str, str] = (self.server.objects.get(RECORD) or {}).get("data") or {}
        return found

    def writes(self, part: str) -> int:
        return sum(part in request.path and request.write for request in self.server.requests)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    found = Desk()
    yield found
    found.task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await found.task


async def test_an_event_is_posted_once_however_often_it_is_told(desk: Desk) -> None:
    for _ in range(3):
        desk.chronicle.tell(ROLLOUT, (STEP,), cause="7")
        await desk.clock.advance(1)
    assert [event["reason"] for event in desk.events] == ["StepStarted"]
    assert desk.events[0]["regarding"]["uid"] == "u1"


async def test_an_event_told_by_the_process_before_is_there_once(desk: Desk) -> None:
    desk.chronicle.tell(ROLLOUT, (STEP,), cause="7")
    await desk.clock.advance(1)
    again = Chronicle(Client(desk.server), desk.clock, random.Random(2), "pod")  # noqa: S311
    again.tell(ROLLOUT, (STEP,), cause="7")
    await again.flush()
    assert len(desk.events) == 1


async def test_lines_of_steps_are_gathered_and_written_with_the_outcome(desk: Desk) -> None:
    for number in range(4):
        desk.chronicle.tell(ROLLOUT, (), (line(number),), cause=str(number))
        await desk.clock.advance(10)
    assert desk.lines == {}
    desk.chronicle.tell(ROLLOUT, (), (line(5),), cause="5", urgent=True)
    await desk.clock.advance(1)
    assert len(desk.lines) == 5
    assert desk.writes("configmaps") == 1
    desk.chronicle.tell(ROLLOUT, (), (line(6),), cause="6", urgent=True)
    await desk.clock.advance(1)
    assert len(desk.lines) == 6
    assert desk.writes("configmaps") == 2


async def test_no_more_lines_wait_than_status_keeps_for_whoever_comes_after_a_crash(desk: Desk) -> None:
    for number in range(LINES_KEPT):
        desk.chronicle.tell(ROLLOUT, (), (line(number),))
        await desk.clock.advance(1)
        assert number + 1 - len(desk.lines) <= LINES_KEPT // 2
    assert desk.writes("configmaps") == 1


async def test_a_line_that_is_told_again_after_a_crash_is_there_once(desk: Desk) -> None:
    desk.chronicle.tell(ROLLOUT, (), (line(1), line(2)), urgent=True)
    await desk.clock.advance(1)
    again = Chronicle(Client(desk.server), desk.clock, random.Random(2), "pod")  # noqa: S311
    again.tell(ROLLOUT, (), (line(2), line(3)), urgent=True)
    await again.flush()
    assert len(desk.lines) == 3


async def test_lines_wait_no_longer_than_five_minutes(desk: Desk) -> None:
    desk.chronicle.tell(ROLLOUT, (), (line(1),), cause="1")
    await desk.clock.advance(299)
    assert desk.lines == {}
    await desk.clock.advance(2)
    assert len(desk.lines) == 1


async def test_a_process_that_ends_in_good_order_tells_what_is_left(desk: Desk) -> None:
    desk.chronicle.tell(ROLLOUT, (STEP,), (line(1),), cause="1")
    await desk.chronicle.flush()
    assert (len(desk.lines), len(desk.events)) == (1, 1)


async def test_the_next_process_appends_to_the_record(desk: Desk) -> None:
    desk.chronicle.tell(ROLLOUT, (), (line(1),), cause="1", urgent=True)
    await desk.clock.advance(1)
    again = Chronicle(Client(desk.server), desk.clock, random.Random(2), "pod")  # noqa: S311
    again.tell(ROLLOUT, (), (line(2),), cause="2", urgent=True)
    await again.flush()
    assert len(desk.lines) == 2


async def test_a_record_never_exceeds_its_limit_and_loses_its_oldest_lines(desk: Desk) -> None:
    for number in range(30):
        desk.chronicle.tell(ROLLOUT, (), (line(number, "x" * 10_000),), cause=str(number), urgent=True)
        await desk.clock.advance(1)
    size = sum(len(key) + len(text) for key, text in desk.lines.items())
    assert RECORD_LIMIT * 0.9 < size <= RECORD_LIMIT
    assert max(desk.lines).startswith("2026-11-21T030029")


async def test_what_could_not_be_told_is_told_later_and_nothing_twice(desk: Desk) -> None:
    failures = 2

    def fail(request: Request) -> Exception | None:
        nonlocal failures
        if "configmaps" in request.path and failures:
            failures -= 1
            return Unavailable("busy")
        return None

    desk.server.before = fail
    desk.chronicle.tell(ROLLOUT, (STEP,), (line(1),), cause="1", urgent=True)
    await desk.clock.advance(5)
    assert (len(desk.lines), len(desk.events)) == (1, 1)
    assert desk.writes("events") == 1


async def test_what_can_never_be_told_is_given_up(desk: Desk) -> None:
    desk.server.before = lambda _: Unavailable("busy")
    desk.chronicle.tell(ROLLOUT, (STEP,), cause="1")
    await desk.clock.advance(60)
    tried = len(desk.server.requests)
    assert tried == 5
    await desk.clock.advance(600)
    assert len(desk.server.requests) == tried


@pytest.mark.parametrize("answer", [Terminating("it is being terminated", 403), NotFound("there is no namespace", 404)])
async def test_what_cannot_be_told_in_a_namespace_that_goes_away_is_dropped_without_alarm(
    desk: Desk, answer: KubeError, caplog: pytest.LogCaptureFixture
) -> None:
    desk.server.before = lambda _: answer
    desk.chronicle.tell(ROLLOUT, (STEP,), [line(1)], cause="7", urgent=True)
    await desk.clock.advance(600)
    assert len(desk.server.requests) == 1
    assert [one.getMessage() for one in caplog.records if one.levelno > logging.INFO] == []
