"""The collector on SQLite."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelrollout.collector.counting import Counting
from modelrollout.collector.diagnosis import Diagnosis
from modelrollout.collector.engines import Store, StoreUnavailable
from tests.unit.collector.suite import *  # noqa: F403 - the promises that hold on every store
from tests.unit.collector.world import AGES, World, exchange


@pytest.fixture
def make(tmp_path: Path) -> Iterator[object]:
    stores = []

    def world(telemetry: object = None, replica: str = "a") -> World:
        stores.append(Store(f"sqlite:///{tmp_path / 'collector.db'}"))
        return World(stores[-1], telemetry, replica)  # type: ignore[arg-type]

    yield world
    for store in stores:
        store.close()


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite://"])
def test_a_store_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="sqlite:////path"):
        Store(url)


def test_a_store_of_another_layout_is_not_touched(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    store.prepare()
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE facts SET value = '0' WHERE name = 'layout'")
    with pytest.raises(StoreUnavailable, match="layout 0"):
        store.prepare()
    store.close()


def test_the_key_of_hashes_is_made_once(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    store.prepare()
    assert store.hash_key() == store.hash_key() != b""
    store.close()


def test_groups_of_several_slices_are_bounded_together(tmp_path: Path) -> None:
    slices = [{"name": name, "header": name} for name in ("country", "device")]
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    world = World(store, {"slices": slices})
    world.counting = Counting(store, world.catalogue, AGES, most_groups=2, diagnosis=Diagnosis())
    for number, (country, device) in enumerate([("BR", "phone"), ("DE", "phone"), ("BR", "desk"), ("BR", "phone")]):
        world.send(*exchange(str(number), headers={"country": country, "device": device}))
        world.later(10)
    assert world.counted("model_requests_total", country="BR", device="phone") == 2
    assert world.counted("model_requests_total", country="DE", device="phone") == 1
    assert world.counted("model_requests_total", country="other", device="other") == 1
    store.close()


def test_what_is_to_be_forgotten_is_found_without_looking_at_the_rest(make: Callable[[], World]) -> None:
    world = make()

    def steps() -> int:
        """Of SQLite's machine, to forget what is old; there is nothing."""
        taken = [0]

        def step() -> None:
            taken[0] += 1

        with world.store.writing() as connection:
            connection.connection.driver_connection.set_progress_handler(step, 1)  # type: ignore[union-attr]
        world.retention.forget(world.now)
        return taken[0]

    found = []
    for number in (1, 500):
        world.send(*(event for one in range(number) for event in exchange(f"{number}-{one}")))
        world.later(20)
        world.now += 100
        world.retention.forget(world.now)
        found.append(steps())
    assert found[0] == found[1] > 0


def test_an_index_that_came_later_is_made_in_a_store_from_before_it(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    store.prepare()
    with store.writing() as connection:
        connection.exec_driver_sql("DROP INDEX exchanges_emptied")
    store.prepare()
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index'").scalars().all()
    assert "exchanges_emptied" in found
    store.close()
