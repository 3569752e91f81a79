"""Keeps rows in the store, all of a message or none of it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, case, func, or_, select

from modelrollout.collector.engines import Store
from modelrollout.collector.recording import Row, Rows, chunks
from modelrollout.collector.tables import EXCHANGES, HEARTBEATS, LABELS, PENDING, SIGNALS

Statement = Any
"""SQLAlchemy's, of either kind of database."""


class Keeping:
    """Writes rows. The statements are made once: to make one takes longer than to carry it out for a few rows."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._exchanges = _exchanges(store)
        self._labels, self._signals, self._heartbeats = (_newest(store, one) for one in (LABELS, SIGNALS, HEARTBEATS))

    def keep(self, rows: Rows) -> Counter[str]:
        """Keep the rows, all of them or none; what came after its request had been counted, by kind.

        Of what is sent twice the first request and answer count, the label and the signal with the newest time.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        late: Counter[str] = Counter()
        with self._store.writing() as connection:
            _write(connection, self._exchanges, rows.exchanges, "namespace", "rollout", "id", "version")
            _write(connection, self._labels, rows.labels, "namespace", "rollout", "id")
            _write(connection, self._signals, rows.signals, "namespace", "rollout", "id", "signal")
            _write(connection, self._heartbeats, rows.heartbeats, "namespace", "rollout", "version", "source")
            for kind, sent in (("late-label", rows.labels), ("late-signal", rows.signals)):
                late[kind] += _after_counting(connection, sent)
        return +late


def _write(connection: Connection, statement: Statement, rows: list[Row], *key: str) -> None:
    if rows:
        # In one order everywhere: two replicas that lock the same rows must not wait for each other.
        connection.execute(statement, sorted(rows, key=lambda row: [row[name] for name in key]))


def _exchanges(store: Store) -> Statement:
    insert = store.upsert(EXCHANGES)
    new = insert.excluded
    once = ("asked_at", "answered_at", "code", "shadow", "asked", "answered")
    kept = {name: func.coalesce(EXCHANGES.c[name], new[name]) for name in once}
    answered_now = and_(EXCHANGES.c.answered_at.is_(None), new.answered_at.is_not(None))
    return insert.on_conflict_do_update(
        index_elements=["namespace", "rollout", "id", "version"],
        set_=kept | {"due_at": case((answered_now, new.due_at), else_=EXCHANGES.c.due_at)},
        where=and_(
            EXCHANGES.c.counted == PENDING,
            or_(answered_now, and_(EXCHANGES.c.asked_at.is_(None), new.asked_at.is_not(None))),
        ),
    )


def _newest(store: Store, table: Table) -> Statement:
    insert = store.upsert(table)
    values = [column.name for column in table.columns if not column.primary_key]
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: insert.excluded[name] for name in values},
        where=insert.excluded.at >= table.c.at,
    )


def _after_counting(connection: Connection, rows: Sequence[Row]) -> int:
    by_rollout: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        by_rollout.setdefault((row["namespace"], row["rollout"]), set()).add(row["id"])
    found = 0
    for (namespace, rollout), ids in by_rollout.items():
        for some in chunks(sorted(ids)):
            counted = select(func.count(EXCHANGES.c.id.distinct())).where(
                EXCHANGES.c.namespace == namespace,
                EXCHANGES.c.rollout == rollout,
                EXCHANGES.c.id.in_(some),
                EXCHANGES.c.counted != PENDING,
            )
            found += connection.execute(counted).scalar_one()
    return found
