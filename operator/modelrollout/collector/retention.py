"""What the store forgets, a piece at a time so that nothing waits for it long, and how full it is."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from modelrollout.collector.catalogue import Catalogue
from modelrollout.collector.engines import Store
from modelrollout.collector.recording import Ages
from modelrollout.collector.tables import (
    COUNTED,
    COUNTERS,
    EMPTIED,
    EXCHANGES,
    HEARTBEATS,
    LABELS,
    LAST_VALUES,
    PENDING,
    SAMPLES,
    SIGNALS,
    SLICES,
    THRESHOLDS,
)

PIECE = 5000
"""Rows forgotten in one transaction."""

_ESTIMATE = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'exchanges'::regclass"
_DAY = 86_400.0
_ABANDONED = 7 * _DAY
_SAMPLES = 30 * _DAY


@dataclass(frozen=True, slots=True)
class Room:
    """How full the store is.

    Attributes:
        rows: exchanges in it, about.
        pending: those of them that are not counted yet.
        bytes: size of SQLite's file in use; 0 for PostgreSQL, whose disk is its own matter.
    """

    rows: int
    pending: int
    bytes: int


def measure(store: Store) -> Room:
    """How full the store is now. Rows are told without counting them, which would take long when there are many.

    Raises:
        StoreUnavailable: it did not answer.
    """
    with store.reading() as connection:
        if store.shared:
            # As of the last autovacuum, and -1 before the first one.
            rows = max(0, int(connection.exec_driver_sql(_ESTIMATE).scalar_one()))
        else:
            first, last = connection.execute(select(func.min(EXCHANGES.c.n), func.max(EXCHANGES.c.n))).one()
            rows = last - first + 1 if last is not None else 0
        waiting = select(func.count()).select_from(EXCHANGES).where(EXCHANGES.c.counted == PENDING)
        pending = connection.execute(waiting).scalar_one()
        return Room(rows, pending, 0 if store.shared else _used(connection))


def _used(connection: Connection) -> int:
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


class Retention:
    """Forgets what is not needed any more."""

    def __init__(self, store: Store, catalogue: Catalogue, ages: Ages) -> None:
        self._store = store
        self._catalogue = catalogue
        self._ages = ages

    def forget(self, now: float) -> bool:
        """Forget one piece of everything that is old; whether there is more.

        Raises:
            StoreUnavailable: nothing was forgotten.
        """
        ages = self._ages
        # A partner that is counted later still compares itself with what was counted.
        compared = now - 6 * ages.settle
        old = now - ages.retention
        longest = max((entry.reader.label_delay for entry in self._catalogue if entry.reader is not None), default=0.0)
        # With a label delay longer than the retention an exchange is old when it is counted, but still compared.
        done = (EXCHANGES.c.counted == EMPTIED) & (EXCHANGES.c.received_at < old)
        gone = [self._empty(compared), self._drop(EXCHANGES, EXCHANGES.c.received_at, done)]
        for table, column, before in (
            (LABELS, LABELS.c.received_at, old - longest),
            (SIGNALS, SIGNALS.c.received_at, old - longest),
            (LAST_VALUES, LAST_VALUES.c.at, now - _DAY),
            (HEARTBEATS, HEARTBEATS.c.at, now - _ABANDONED),
            (SAMPLES, SAMPLES.c.kept_at, now - _SAMPLES),
        ):
            gone.append(self._drop(table, column, column < before))
        return max(gone) >= PIECE

    def abandon(self, now: float) -> None:
        """Forget rollouts that have been gone for a week. Call it only while all rollouts are known.

        Raises:
            StoreUnavailable: nothing was forgotten.
        """
        with self._store.writing() as connection:
            untouched = select(COUNTERS.c.namespace, COUNTERS.c.rollout).group_by(
                COUNTERS.c.namespace, COUNTERS.c.rollout
            )
            untouched = untouched.having(func.max(COUNTERS.c.touched_at) < now - _ABANDONED)
            for namespace, rollout in connection.execute(untouched).all():
                if self._catalogue.get((namespace, rollout)) is not None:
                    continue
                for table in (COUNTERS, SLICES, THRESHOLDS, SAMPLES):
                    connection.execute(delete(table).where(table.c.namespace == namespace, table.c.rollout == rollout))

    def _empty(self, before: float) -> int:
        """Drop what was taken from bodies of what has been counted and compared."""
        with self._store.writing() as connection:
            old = select(EXCHANGES.c.n).where(EXCHANGES.c.counted == COUNTED, EXCHANGES.c.due_at < before)
            numbers = list(connection.execute(old.limit(PIECE)).scalars())
            if numbers:
                emptied = {"counted": EMPTIED, "asked": None, "answered": None}
                connection.execute(update(EXCHANGES).where(EXCHANGES.c.n.in_(numbers)).values(emptied))
        return len(numbers)

    def _drop(self, table: Any, column: Any, old: ColumnElement[bool]) -> int:  # noqa: ANN401 - SQLAlchemy's
        with self._store.writing() as connection:
            edge = connection.execute(select(column).where(old).order_by(column).limit(PIECE)).scalars().all()
            if not edge:
                return 0
            return int(connection.execute(delete(table).where(old, column <= edge[-1])).rowcount)
