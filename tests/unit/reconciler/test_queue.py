"""When a key is worked on."""

# ruff: noqa: S311 - jitter, the same in every run

import asyncio
import contextlib
import itertools
import random
import unittest.mock
from collections.abc import AsyncIterator

import pytest

from modelrollout.reconciler.queue import Agenda, Queue
from tests.unit.kube.clock import FakeClock, settle


class Bench:
    """A queue whose work ends when the test says so, or at once."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.begun: list[tuple[float, str]] = []
        self.again: dict[str, float | None] = {}
        self.errors: dict[str, list[Exception]] = {}
        self.gate: asyncio.Event | None = None
        self.present = self.most = 0
        self.queue: Queue[str] = Queue(self.work, self.clock, random.Random(1), workers=3)

    async def work(self, key: str) -> float | None:
        self.begun.append((self.clock.monotonic(), key))
        self.present += 1
        self.most = max(self.most, self.present)
        if self.gate is not None:
            await self.gate.wait()
        self.present -= 1
        if self.errors.get(key):
            raise self.errors[key].pop(0)
        return self.again.get(key)

    def times(self, key: str) -> list[float]:
        return [at for at, begun in self.begun if begun == key]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    found = Bench()
    task = asyncio.create_task(found.queue.run())
    await settle()
    yield found
    if found.gate is not None:
        found.gate.set()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_key_added_many_times_is_worked_on_once(bench: Bench) -> None:
    for _ in range(5):
        bench.queue.add("a")
    await settle()
    assert bench.times("a") == [0.0]


async def test_a_key_added_while_it_is_worked_on_is_worked_on_once_more_and_never_twice_at_once(bench: Bench) -> None:
    bench.gate = asyncio.Event()
    bench.queue.add("a")
    await settle()
    bench.queue.add("a")
    bench.queue.add("a")
    await settle()
    assert len(bench.begun) == 1
    bench.gate.set()
    await settle()
    assert len(bench.begun) == 2
    assert bench.most == 1


async def test_no_more_keys_are_worked_on_at_once_than_there_are_workers(bench: Bench) -> None:
    bench.gate = asyncio.Event()
    for key in "abcdef":
        bench.queue.add(key)
    await settle()
    assert bench.most == 3
    assert bench.queue.depth() == 3
    bench.gate.set()
    await settle()
    assert {key for _, key in bench.begun} == set("abcdef")


async def test_a_queue_whose_workers_are_all_at_work_waits_for_one_of_them_and_does_not_spin(bench: Bench) -> None:
    bench.gate = asyncio.Event()
    for key in "abc":
        bench.queue.add(key)
    bench.queue.add_after("d", 1.0)
    await settle()
    await bench.clock.advance(2.0)
    with unittest.mock.patch.object(bench.clock, "wait", wraps=bench.clock.wait) as wait:
        bench.queue.add("e")
        await settle()
    assert wait.call_count == 1
    bench.gate.set()
    await settle()
    assert bench.times("d") == [2.0]


async def test_a_key_is_worked_on_again_when_it_asked_for_it(bench: Bench) -> None:
    bench.again["a"] = 10.0
    bench.queue.add("a")
    await bench.clock.advance(25)
    assert bench.times("a") == [0.0, 10.0, 20.0]


async def test_the_earliest_of_several_moments_counts_and_work_done_meanwhile_replaces_them(bench: Bench) -> None:
    bench.queue.add_after("a", 10)
    bench.queue.add_after("a", 4)
    bench.queue.add_after("a", 7)
    await bench.clock.advance(20)
    assert bench.times("a") == [4.0]


async def test_failures_are_tried_again_after_growing_pauses_and_success_ends_that(bench: Bench) -> None:
    bench.errors["a"] = [RuntimeError("x") for _ in range(6)]
    bench.queue.add("a")
    await bench.clock.advance(120)
    times = bench.times("a")
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == 7
    assert pauses[-1] > 4 * pauses[0]
    bench.errors["a"] = [RuntimeError("x")]
    bench.queue.add("a")
    before = bench.clock.monotonic()
    await bench.clock.advance(1)
    assert bench.times("a")[-1] - before < 0.5


async def test_the_trouble_of_one_key_is_its_own(bench: Bench) -> None:
    bench.errors["bad"] = [RuntimeError("x") for _ in range(100)]
    bench.queue.add("bad")
    for second in range(10):
        bench.queue.add(f"good-{second}")
        await bench.clock.advance(1)
    assert [at for at, key in bench.begun if key.startswith("good")] == [float(second) for second in range(10)]


async def test_stopping_waits_for_work_that_has_begun_and_begins_no_more(bench: Bench) -> None:
    queue, gate = bench.queue, asyncio.Event()
    bench.gate = gate
    other = Queue(bench.work, bench.clock, random.Random(1), workers=1)
    running = asyncio.create_task(other.run())
    other.add("a")
    other.add("b")
    await settle()
    running.cancel()
    await settle()
    assert not running.done()
    gate.set()
    await settle()
    assert running.cancelled()
    assert [key for _, key in bench.begun] == ["a"]
    assert queue.depth() == 0


async def test_lag_tells_for_how_long_keys_wait_and_nobody_works(bench: Bench) -> None:
    bench.gate = asyncio.Event()
    for key in "abcd":
        bench.queue.add(key)
    await bench.clock.advance(30)
    assert bench.queue.lag() == 30.0
    bench.gate.set()
    await settle()
    assert bench.queue.lag() == 0.0


def test_a_key_that_is_due_now_loses_its_later_moment() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.add_at("a", 5.0)
    agenda.add("a")
    assert agenda.take(0.0) == "a"
    agenda.done("a")
    assert agenda.next_moment() is None
    assert agenda.take(10.0) is None
