"""What goes on beside the intake, a turn at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from modelrollout.collector.counting import BATCH
from modelrollout.collector.engines import Store
from modelrollout.collector.instruments import Instruments
from modelrollout.collector.intake import Intake
from modelrollout.collector.keeping import Keeping
from modelrollout.collector.turns import Turns
from modelrollout.kube.clock import SystemClock
from tests.unit.collector.world import World, exchange


class Clock(SystemClock):
    """Shows the world's time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._world.now, UTC)

    def monotonic(self) -> float:
        return self._world.now


class Stage:
    """A world whose turns are taken by `Turns`."""

    def __init__(self, world: World, executor: ThreadPoolExecutor, most_rows: int) -> None:
        self.world = world
        self.registry = CollectorRegistry()
        self.intake = Intake(Keeping(world.store).keep, executor, most=1000)
        instruments, clock = Instruments(self.registry), Clock(world)
        self.turns = Turns(
            world.store,
            world.catalogue,
            world.counting,
            world.retention,
            self.intake,
            instruments,
            executor,
            executor,
            clock,
            most_rows,
            1 << 40,
            lambda: True,
        )

    def gauge(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"modelrollout_collector_{name}", labels)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[[int], Stage]]:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    with ThreadPoolExecutor(1) as executor:
        yield lambda most_rows: Stage(World(store), executor, most_rows)
    store.close()


async def test_a_turn_counts_all_that_is_due_also_when_it_is_more_than_one_transaction_takes(
    stage: Callable[[int], Stage],
) -> None:
    there = stage(1_000_000)
    there.world.send(*[event for number in range(BATCH + 1) for event in exchange(str(number))])
    there.world.now += 10
    await there.turns.turn()
    assert there.world.counted("model_requests_total", code_class="2xx") == BATCH + 1
    assert there.turns.lag() == 0


async def test_a_store_that_is_full_takes_nothing_until_there_is_room_again(stage: Callable[[int], Stage]) -> None:
    there = stage(3)
    there.world.send(*exchange("1"), *exchange("2"), *exchange("3"))
    await there.turns.turn()
    assert "the store is full" in there.intake.full
    assert (there.gauge("rows"), there.gauge("pending")) == (3, 3)
    there.world.later(10)
    there.world.now += 90_000
    # What is old is emptied first, then forgotten, then the room is measured.
    for _ in range(3):
        await there.turns.turn()
        there.world.now += 10
    assert there.intake.full == ""
    assert there.gauge("rows") == 0


async def test_what_finds_no_counterpart_is_told(stage: Callable[[int], Stage]) -> None:
    there = stage(1000)
    there.world.send(*exchange("1", "v8", body={"class": "a"}, shadow=True))
    there.world.now += 10
    await there.turns.turn()
    assert there.gauge("unmatched_total", kind="pair") == 1


async def test_series_begin_with_a_zero_as_soon_as_a_rollout_is_known(stage: Callable[[int], Stage]) -> None:
    there = stage(1000)
    await there.turns.turn()
    assert there.world.counted("model_outcomes_total", version="v8", correct="true") == 0
