"""The collector on a real PostgreSQL, alone and with others on the same database."""

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from dev.postgresql import PostgreSQL
from modelrollout.collector.engines import Store
from modelrollout.collector.tables import COUNTERS, EXCHANGES
from tests.unit.collector.suite import *  # noqa: F403 - the promises that hold on every store
from tests.unit.collector.world import CLASSES, World, exchange, label

REPLICAS = 3
EACH = 400


@pytest.fixture
def make(postgresql: PostgreSQL) -> Iterator[Callable[..., World]]:
    url = postgresql.database(f"test_{uuid.uuid4().hex[:10]}")
    stores = []

    def world(telemetry: Any = None, replica: str = "a") -> World:
        stores.append(Store(url))
        return World(stores[-1], telemetry, replica)

    yield world
    for store in stores:
        store.close()


def _together(work: list[Callable[[], None]]) -> None:
    """Do all of it at once; the first thing that goes wrong in a thread is raised here."""
    wrong: list[BaseException] = []
    start = threading.Barrier(len(work))

    def guarded(one: Callable[[], None]) -> None:
        try:
            start.wait(timeout=10)
            one()
        except BaseException as error:  # noqa: BLE001 - raised below
            wrong.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    if wrong:
        raise wrong[0]


def test_replicas_that_start_together_make_one_store(make: Callable[..., World], postgresql: PostgreSQL) -> None:
    url = postgresql.database(f"test_{uuid.uuid4().hex[:10]}")
    stores = [Store(url) for _ in range(REPLICAS)]
    keys: list[bytes] = []

    def begin(store: Store) -> None:
        store.prepare()
        keys.append(store.hash_key())

    _together([lambda store=store: begin(store) for store in stores])  # type: ignore[misc]
    for store in stores:
        store.close()
    assert len(set(keys)) == 1


def test_replicas_neither_lose_nor_double_what_all_of_them_get_and_count_at_once(make: Callable[..., World]) -> None:
    worlds = [make(CLASSES, f"replica-{number}") for number in range(REPLICAS)]

    def send(world: World, first: int) -> None:
        # Each request comes to two of the three, in another order.
        for number in range(EACH):
            id_ = str((first * EACH // 2 + number * 7) % (REPLICAS * EACH // 2))
            world.send(*exchange(id_, body={"class": "a"}), label(id_, "a"))
            if number % 50 == 0:
                world.later(0)

    _together([lambda world=world, first=first: send(world, first) for first, world in enumerate(worlds)])  # type: ignore[misc]
    sent = {str((first * EACH // 2 + number * 7) % 600) for first in range(REPLICAS) for number in range(EACH)}
    _together([lambda world=world: world.later(20) for world in worlds])  # type: ignore[misc]
    assert worlds[0].counted("model_outcomes_total", correct="true") == len(sent)
    assert worlds[0].counted("model_requests_total") == len(sent)


def test_what_a_replica_has_taken_and_not_finished_is_counted_by_another(make: Callable[..., World]) -> None:
    dying, other = make(), make(replica="b")
    dying.send(*exchange("1"), *exchange("2"))
    with pytest.raises(RuntimeError, match="killed"), dying.store.writing() as connection:  # noqa: PT012 - the transaction
        taken = connection.execute(select(EXCHANGES).with_for_update(skip_locked=True).limit(1)).one()
        connection.execute(update(EXCHANGES).where(EXCHANGES.c.n == taken.n).values(counted=1))
        other.later(10)
        assert other.counted("model_requests_total") == 1
        raise RuntimeError("killed")
    other.later(1)
    assert other.counted("model_requests_total") == 2


def test_one_replica_at_a_time_tells_prometheus(make: Callable[..., World]) -> None:
    first, second = make(replica="a"), make(replica="b")
    first.counting.begin(first.now)
    assert first.exposition.text(first.now)
    assert second.exposition.text(second.now) == ""
    assert first.exposition.text(first.now + 80)
    assert second.exposition.text(first.now + 160) == ""
    assert second.exposition.text(first.now + 171)
    assert first.exposition.text(first.now + 172) == ""
    second.exposition.release()
    assert first.exposition.text(first.now + 173)


def test_values_of_slices_seen_by_several_replicas_stay_within_the_bound(make: Callable[..., World]) -> None:
    telemetry = CLASSES | {"slices": [{"name": "country", "header": "x-country", "maxValues": 3}]}
    worlds = [make(telemetry, f"replica-{number}") for number in range(REPLICAS)]

    def send(world: World, first: int) -> None:
        for number in range(20):
            world.send(*exchange(f"{first}-{number}", headers={"x-country": f"C{(first + number) % 10}"}))
            world.now += 10
            world.later(0)

    _together([lambda world=world, first=first: send(world, first) for first, world in enumerate(worlds)])  # type: ignore[misc]
    with worlds[0].store.reading() as connection:
        rows = connection.execute(select(COUNTERS.c.labels).where(COUNTERS.c.name == "model_requests_total")).scalars()
        countries = {row.split('"')[1] for row in rows}
    assert len(countries) == 4
    assert "other" in countries
    assert worlds[0].counted("model_requests_total") == 20 * REPLICAS
