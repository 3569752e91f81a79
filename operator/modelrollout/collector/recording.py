"""Takes in what was sent: from events, labels, signals and heartbeats to rows, and the rows into the store."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, and_, case, func, or_, select

from modelrollout.collector.catalogue import Catalogue, Entry
from modelrollout.collector.documents import Heartbeat, Label, SignalSeen
from modelrollout.collector.engines import Store
from modelrollout.collector.events import Event
from modelrollout.collector.facts import write_answered, write_asked
from modelrollout.collector.moments import check_age
from modelrollout.collector.reading import Reader
from modelrollout.collector.refusals import Refused
from modelrollout.collector.tables import EXCHANGES, HEARTBEATS, LABELS, PENDING, SIGNALS

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ages:
    """How long what is waited for, in seconds.

    Attributes:
        settle: an exchange is not counted before it was in the store this long: its other half, the pair's other side
            and events from other senders are still under way.
        patience: a request without an answer is given up after this long.
        retention: for this long what was counted is remembered, so that a repetition is not counted again.
    """

    settle: float = 10.0
    patience: float = 600.0
    retention: float = 86_400.0


@dataclass(slots=True)
class Rows:
    """Rows by table, of one or many messages."""

    exchanges: list[Row] = field(default_factory=list)
    labels: list[Row] = field(default_factory=list)
    signals: list[Row] = field(default_factory=list)
    heartbeats: list[Row] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.exchanges) + len(self.labels) + len(self.signals) + len(self.heartbeats)

    @property
    def size(self) -> int:
        """Characters of what was taken from bodies, which is the larger part of them."""
        taken = [row[name] for row in self.exchanges for name in ("asked", "answered")]
        return sum(len(text) for text in taken if text is not None) + sum(len(row["value"]) for row in self.labels)

    def extend(self, other: "Rows") -> None:
        """Take in the rows of another message."""
        self.exchanges += other.exchanges
        self.labels += other.labels
        self.signals += other.signals
        self.heartbeats += other.heartbeats


class Scribe:
    """Makes rows."""

    def __init__(self, catalogue: Catalogue, ages: Ages) -> None:
        self._catalogue = catalogue
        self._ages = ages

    def event(self, event: Event, now: float, rows: Rows) -> None:
        """Rows of a request or an answer, one for each rollout that the workload belongs to.

        Raises:
            Refused: nobody asks for it, or its time is out of range.
        """
        at = check_age(event.time, now, self._ages.retention) if event.time is not None else now
        serving = self._catalogue.serving(event.namespace, event.workload)
        if not serving:
            raise Refused("workload", "no ModelRollout of its namespace names this workload in spec.versions")
        for entry, version in serving:
            rows.exchanges.append(self._exchange(event, entry, version, at, now))

    def label(self, label: Label, now: float, rows: Rows) -> None:
        """The row of a label.

        Raises:
            Refused: it is of no known rollout, or no label of its kind.
        """
        reader = self._reader(label.namespace, label.rollout)
        if not reader.predicts:
            raise Refused(
                "telemetry", "spec.telemetry of this ModelRollout names no prediction to compare a label with"
            )
        value = reader.keep(label.value)
        if value is None:
            raise Refused("value", "the value is none that spec.telemetry.compare can compare with a prediction")
        whose = {"namespace": label.namespace, "rollout": label.rollout, "id": label.id}
        rows.labels.append(whose | {"value": json.dumps(value), "at": _at(label.time, now), "received_at": now})

    def signal(self, seen: SignalSeen, now: float, rows: Rows) -> None:
        """The row of a signal.

        Raises:
            Refused: it is of no known rollout, not declared there, or out of its range.
        """
        declared = self._reader(seen.namespace, seen.rollout).signals.get(seen.signal)
        if declared is None:
            raise Refused("signal", "spec.telemetry.signals of this ModelRollout does not name this signal")
        if declared.min is not None and seen.value < declared.min:
            raise Refused("value", "the value is below the signal's min")
        if declared.max is not None and seen.value > declared.max:
            raise Refused("value", "the value is above the signal's max")
        whose = {"namespace": seen.namespace, "rollout": seen.rollout, "id": seen.id, "signal": seen.signal}
        rows.signals.append(whose | {"value": seen.value, "at": _at(seen.time, now), "received_at": now})

    def heartbeat(self, heartbeat: Heartbeat, now: float, rows: Rows) -> None:
        """The rows of a heartbeat, one for each rollout that it belongs to.

        Raises:
            Refused: nobody knows its workload or version.
        """
        if heartbeat.workload is not None:
            serving = self._catalogue.serving(heartbeat.namespace, heartbeat.workload)
            whose = [(entry.key, version) for entry, version in serving]
        else:
            entry = self._catalogue.get((heartbeat.namespace, heartbeat.rollout or ""))
            known = entry is not None and heartbeat.version in entry.versions.values()
            whose = [(entry.key, str(heartbeat.version))] if entry is not None and known else []
        if not whose:
            raise Refused("workload", "no ModelRollout of its namespace knows this workload or version")
        for (namespace, rollout), version in whose:
            row = {"namespace": namespace, "rollout": rollout, "version": version, "source": heartbeat.source}
            rows.heartbeats.append(row | {"at": _at(heartbeat.time, now)})

    def _exchange(self, event: Event, entry: Entry, version: str, at: float, now: float) -> Row:
        if entry.reader is None:
            raise Refused("telemetry", f"spec.telemetry of ModelRollout {entry.key[1]} cannot be used: {entry.problem}")
        row: Row = {
            "namespace": entry.key[0],
            "rollout": entry.key[1],
            "id": event.id,
            "version": version,
            "received_at": now,
            "asked_at": None,
            "answered_at": None,
            "code": None,
            "shadow": None if event.shadow is None else int(event.shadow),
            "asked": None,
            "answered": None,
        }
        try:
            if event.answer:
                row |= {"answered_at": at, "code": event.code}
                row["answered"] = write_answered(entry.reader.answered(event.id, event.code, event.body))
                row["due_at"] = max(at + entry.reader.label_delay, now + self._ages.settle)
            else:
                row |= {"asked_at": at, "asked": write_asked(entry.reader.asked(event.id, event.headers, event.body))}
                row["due_at"] = now + self._ages.patience
        except (RecursionError, ValueError):
            raise Refused("unreadable", "the body is nested too deeply, or holds what JSON cannot") from None
        return row

    def _reader(self, namespace: str, rollout: str) -> Reader:
        entry = self._catalogue.get((namespace, rollout))
        if entry is None:
            raise Refused("rollout", "there is no ModelRollout of this name in this namespace")
        if entry.reader is None:
            raise Refused("telemetry", f"spec.telemetry of ModelRollout {rollout} cannot be used: {entry.problem}")
        return entry.reader


def _at(time: float | None, now: float) -> float:
    """When it became known; a label may be as old as it likes."""
    return now if time is None else check_age(time, now, math.inf)


def record(store: Store, rows: Rows) -> Counter[str]:
    """Keep the rows, all of them or none; what came after its request had been counted, by kind.

    Of what is sent twice the first request and answer count, the label and the signal with the newest time.

    Raises:
        StoreUnavailable: nothing was kept.
    """
    late: Counter[str] = Counter()
    with store.writing() as connection:
        _write(connection, _exchanges(store), rows.exchanges, "namespace", "rollout", "id", "version")
        _write(connection, _newest(store, LABELS), rows.labels, "namespace", "rollout", "id")
        _write(connection, _newest(store, SIGNALS), rows.signals, "namespace", "rollout", "id", "signal")
        _write(connection, _newest(store, HEARTBEATS), rows.heartbeats, "namespace", "rollout", "version", "source")
        for kind, sent in (("late-label", rows.labels), ("late-signal", rows.signals)):
            late[kind] += _after_counting(connection, sent)
    return +late


def _write(connection: Connection, statement: Any, rows: list[Row], *key: str) -> None:  # noqa: ANN401 - SQLAlchemy's
    if rows:
        # In one order everywhere: two replicas that lock the same rows must not wait for each other.
        connection.execute(statement, sorted(rows, key=lambda row: [row[name] for name in key]))


def _exchanges(store: Store) -> Any:  # noqa: ANN401 - SQLAlchemy's
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


def _newest(store: Store, table: Table) -> Any:  # noqa: ANN401 - SQLAlchemy's
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


def chunks(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Parts that fit into one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))
