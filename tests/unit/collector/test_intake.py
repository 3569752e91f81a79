import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelrollout.collector.engines import StoreUnavailable
from modelrollout.collector.intake import Intake
from modelrollout.collector.recording import Rows
from modelrollout.collector.refusals import Busy
from tests.unit.collector.world import until


class Disk:
    """Takes rows while it is open, one commit at a time."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.broken = False
        self.commits: list[int] = []

    def write(self, rows: Rows) -> Counter[str]:
        self.open.wait(timeout=10)
        if self.broken:
            raise StoreUnavailable("the disk is gone")
        self.commits.append(len(rows))
        return Counter()


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    yield disk
    disk.open.set()


@pytest.fixture
async def intake(disk: Disk) -> AsyncIterator[Intake]:
    with ThreadPoolExecutor(1) as executor:
        intake = Intake(disk.write, executor, most=100)
        task = asyncio.create_task(intake.run())
        yield intake
        disk.open.set()
        task.cancel()


def _rows(number: int) -> Rows:
    return Rows(labels=[{"id": str(one), "value": "1"} for one in range(number)])


async def test_nobody_is_answered_before_the_rows_are_kept(disk: Disk, intake: Intake) -> None:
    disk.open.clear()
    sent = asyncio.create_task(intake.put(_rows(1)))
    done, _ = await asyncio.wait({sent}, timeout=0.05)
    assert (done, intake.waiting) == (set(), 1)
    disk.open.set()
    await sent
    assert (disk.commits, intake.waiting) == ([1], 0)


async def test_all_who_wait_share_one_commit(disk: Disk, intake: Intake) -> None:
    disk.open.clear()
    sent = [asyncio.create_task(intake.put(_rows(1))) for _ in range(50)]
    await until(lambda: intake.waiting >= 50)
    disk.open.set()
    await asyncio.gather(*sent)
    assert sum(disk.commits) == 50
    assert len(disk.commits) <= 2


async def test_beyond_the_bound_a_sender_is_told_to_come_again(disk: Disk, intake: Intake) -> None:
    disk.open.clear()
    sent = asyncio.create_task(intake.put(_rows(100)))
    await until(lambda: intake.waiting >= 100)
    with pytest.raises(Busy, match="too much waits"):
        await intake.put(_rows(1))
    disk.open.set()
    await sent
    await intake.put(_rows(1))


async def test_what_waits_is_bounded_by_its_size_too(disk: Disk, intake: Intake) -> None:
    large = {"asked": "x" * (40 << 20), "answered": None}
    disk.open.clear()
    sent = asyncio.create_task(intake.put(Rows(exchanges=[large])))
    await until(lambda: intake.waiting > 0)
    with pytest.raises(Busy, match="too much waits"):
        await intake.put(Rows(exchanges=[large]))
    disk.open.set()
    await sent


async def test_a_full_store_takes_nothing(intake: Intake) -> None:
    intake.full = "the store is full"
    with pytest.raises(Busy, match="the store is full"):
        await intake.put(_rows(1))


async def test_what_was_not_kept_is_not_acknowledged_and_the_next_is(disk: Disk, intake: Intake) -> None:
    disk.broken = True
    with pytest.raises(Busy, match="does not answer"):
        await intake.put(_rows(1))
    disk.broken = False
    await intake.put(_rows(2))
    assert (disk.commits, intake.waiting) == ([2], 0)


async def test_a_sender_that_left_holds_nobody_up(disk: Disk, intake: Intake) -> None:
    disk.open.clear()
    sent = asyncio.create_task(intake.put(_rows(1)))
    await until(lambda: intake.waiting > 0)
    sent.cancel()
    disk.open.set()
    await intake.put(_rows(3))
    assert intake.waiting == 0
