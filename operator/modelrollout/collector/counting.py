"""Counts what is due: one transaction takes exchanges, adds them to the counters, and marks them as counted.

What a transaction has taken no other one sees, and either all of it is kept or nothing: so every exchange is counted
once, by whichever replica, whenever one is killed.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, update

from modelrollout.collector.catalogue import Catalogue, Entry
from modelrollout.collector.diagnosis import Diagnosis
from modelrollout.collector.engines import Store
from modelrollout.collector.facts import Exchange, read_exchange
from modelrollout.collector.groups import Groups
from modelrollout.collector.reading import Reader
from modelrollout.collector.recording import Ages, Row, chunks
from modelrollout.collector.sampling import keep_samples
from modelrollout.collector.series import INFINITE, SCORE, bound_in, bound_text, write_labels
from modelrollout.collector.tables import COUNTED, COUNTERS, EXCHANGES, LABELS, LAST_VALUES, PENDING, SIGNALS, UNITS
from modelrollout.collector.tallying import Known, Tally, UnitKey

BATCH = 1000
"""Exchanges, or units, counted in one transaction."""


@dataclass(slots=True)
class Done:
    """What one transaction did.

    Attributes:
        taken: exchanges or units that were due; `BATCH` means that there are probably more.
        unmatched: what found no counterpart, by kind.
    """

    taken: int = 0
    unmatched: Counter[str] = field(default_factory=Counter)


class Counting:
    """Brings what is due into the counters."""

    def __init__(self, store: Store, catalogue: Catalogue, ages: Ages, most_groups: int, diagnosis: Diagnosis) -> None:
        self._store = store
        self._catalogue = catalogue
        self._ages = ages
        self._diagnosis = diagnosis
        self._groups = Groups(store, most_groups)

    def exchanges(self, now: float) -> Done:
        """Count exchanges that are due.

        Raises:
            StoreUnavailable: nothing was counted.
        """
        done = Done()
        tallies: list[tuple[Entry, Tally]] = []
        due = select(EXCHANGES).where(EXCHANGES.c.counted == PENDING, EXCHANGES.c.due_at <= now)
        due = due.order_by(EXCHANGES.c.due_at).limit(BATCH).with_for_update(skip_locked=True)
        with self._groups.transaction(), self._store.writing() as connection:
            taken = connection.execute(due).all()
            done.taken = len(taken)
            by_rollout: dict[tuple[str, str], list[Exchange]] = {}
            for row in taken:
                by_rollout.setdefault((row.namespace, row.rollout), []).append(read_exchange(row))
            for key, exchanges in sorted(by_rollout.items(), key=lambda item: item[0]):
                entry = self._catalogue.get(key)
                if entry is None or entry.reader is None:
                    done.unmatched["rollout"] += len(exchanges)
                    continue
                tallies.append((entry, self._count(connection, entry, entry.reader, exchanges, now)))
            if taken:
                numbers = [row.n for row in taken]
                mark = update(EXCHANGES).where(EXCHANGES.c.n.in_(numbers)).values(counted=COUNTED)
                connection.execute(mark)
        for entry, tally in tallies:
            done.unmatched += tally.unmatched
            for (version, what, end), number in tally.ends.items():
                self._diagnosis.saw(entry, version, what, end, number)
        return done

    def units(self, now: float) -> Done:
        """Count units whose window is over.

        Raises:
            StoreUnavailable: nothing was counted.
        """
        done = Done()
        due = select(UNITS).where(UNITS.c.due_at <= now, UNITS.c.signal == "").order_by(UNITS.c.due_at)
        with self._store.writing() as connection:
            over = connection.execute(due.limit(BATCH).with_for_update(skip_locked=True)).all()
            done.taken = len(over)
            tallies: dict[tuple[str, str], Tally] = {}
            for row in over:
                entry = self._catalogue.get((row.namespace, row.rollout))
                same = [UNITS.c[name] == getattr(row, name) for name in _WINDOW]
                values = {
                    one.signal: one.value
                    for one in connection.execute(select(UNITS.c.signal, UNITS.c.value).where(*same))
                }
                connection.execute(delete(UNITS).where(*same))
                if entry is None or entry.reader is None:
                    done.unmatched["rollout"] += 1
                    continue
                tally = tallies.setdefault(entry.key, Tally(entry.reader, entry.stable))
                slices = tuple((name, value) for name, value in json.loads(row.labels))
                requests = values.pop("")
                known = {name: values.get(name, 0.0) for name in entry.reader.signals}
                tally.add_unit(UnitKey(row.version, slices, row.unit, row.began_at), requests, known)
            for key, tally in sorted(tallies.items(), key=lambda item: item[0]):
                self._add(connection, key, tally, now)
        return done

    def begin(self, now: float) -> None:
        """Let the counters of every version be seen before its first answer, where there are no slices.

        A histogram of scores whose buckets are others now begins anew: old and new ones would not add up.

        Raises:
            StoreUnavailable: nothing was written.
        """
        with self._store.writing() as connection:
            for entry in sorted(self._catalogue, key=lambda one: one.key):
                if entry.reader is None:
                    continue
                self._drop_other_buckets(connection, entry.key, entry.reader)
                if entry.reader.slices:
                    continue
                tally = Tally(entry.reader, entry.stable)
                for version in entry.versions.values():
                    tally.begin(version, ())
                self._add(connection, entry.key, tally, now)

    def _drop_other_buckets(self, connection: Connection, key: tuple[str, str], reader: Reader) -> None:
        if reader.score is None:
            return
        mine = *_of(COUNTERS, key), COUNTERS.c.name.in_([f"{SCORE}_{part}" for part in ("bucket", "sum", "count")])
        labels = connection.execute(select(COUNTERS.c.labels).where(*mine)).scalars()
        known = set(filter(None, map(bound_in, labels)))
        if known and known != {*map(bound_text, reader.score.buckets), INFINITE}:
            connection.execute(delete(COUNTERS).where(*mine))

    def _count(
        self, connection: Connection, entry: Entry, reader: Reader, exchanges: Sequence[Exchange], now: float
    ) -> Tally:
        tally = Tally(reader, entry.stable)
        ids = sorted({one.id for one in exchanges})
        labels = self._labels(connection, entry.key, ids) if reader.predicts else {}
        signals = self._signals(connection, entry.key, ids) if reader.signals else {}
        others = self._versions(connection, entry.key, ids, {one.n: one for one in exchanges})
        steady = self._steady(connection, entry.key, reader, exchanges)
        for exchange in exchanges:
            slices = self._groups.of(connection, entry.key, reader, exchange.question.slices)
            tally.begin(exchange.version, slices)
            label, label_at = labels.get(exchange.id, (None, 0.0))
            partners = [one for one in others[exchange.id] if one.version != exchange.version]
            known = Known(label, label_at, signals.get(exchange.id, {}), partners, steady.get(exchange.n, {}))
            tally.add(exchange, slices, known)
        self._add(connection, entry.key, tally, now)
        self._add_units(connection, entry.key, reader, tally)
        keep_samples(self._store, connection, entry.key, tally.drawn, reader, now)
        return tally

    def _labels(
        self, connection: Connection, key: tuple[str, str], ids: Sequence[str]
    ) -> Mapping[str, tuple[Any, float]]:
        found = {}
        for some in chunks(ids):
            for row in connection.execute(select(LABELS).where(*_of(LABELS, key), LABELS.c.id.in_(some))):
                found[row.id] = json.loads(row.value), row.at
        return found

    def _signals(
        self, connection: Connection, key: tuple[str, str], ids: Sequence[str]
    ) -> Mapping[str, Mapping[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for some in chunks(ids):
            for row in connection.execute(select(SIGNALS).where(*_of(SIGNALS, key), SIGNALS.c.id.in_(some))):
                found.setdefault(row.id, {})[row.signal] = row.value
        return found

    def _versions(
        self, connection: Connection, key: tuple[str, str], ids: Sequence[str], read: Mapping[int, Exchange]
    ) -> Mapping[str, Sequence[Exchange]]:
        """What every version did with these requests, those that were counted already too."""
        found: dict[str, list[Exchange]] = {}
        for some in chunks(ids):
            for row in connection.execute(select(EXCHANGES).where(*_of(EXCHANGES, key), EXCHANGES.c.id.in_(some))):
                found.setdefault(row.id, []).append(read.get(row.n) or read_exchange(row))
        return found

    def _steady(
        self, connection: Connection, key: tuple[str, str], reader: Reader, exchanges: Sequence[Exchange]
    ) -> Mapping[int, Mapping[str, bool]]:
        """Whether each answer is as the one before for the same key, by the number of the exchange."""
        found: dict[int, dict[str, bool]] = {}
        last: dict[tuple[str, str, str], tuple[str, float]] = {}
        for exchange in sorted(exchanges, key=lambda one: one.at) if reader.flickers else ():
            for name, value in exchange.reply.values.items():
                hashed = exchange.question.keys.get(name)
                if hashed is None or name not in reader.flickers:
                    continue
                place = exchange.version, name, hashed
                before = last.get(place) or _last_value(connection, key, place)
                if before is not None and 0 <= exchange.at - before[1] <= reader.flickers[name]:
                    found.setdefault(exchange.n, {})[name] = before[0] == value
                if before is None or exchange.at >= before[1]:
                    last[place] = value, exchange.at
        rows = [
            {"namespace": key[0], "rollout": key[1], "version": version, "invariant": name, "key": hashed}
            | {"value": value, "at": at}
            for (version, name, hashed), (value, at) in sorted(last.items())
        ]
        if rows:
            insert = self._store.upsert(LAST_VALUES)
            newer = {"value": insert.excluded.value, "at": insert.excluded.at}
            connection.execute(
                insert.on_conflict_do_update(index_elements=list(LAST_VALUES.primary_key.columns), set_=newer), rows
            )
        return found

    def _add(self, connection: Connection, key: tuple[str, str], tally: Tally, now: float) -> None:
        rows = []
        for (version, slices, name, more), amount in tally.counters.items():
            labels = ",".join(filter(None, (write_labels(slices), more)))
            row = {"namespace": key[0], "rollout": key[1], "version": version, "name": name, "labels": labels}
            rows.append(row | {"value": amount, "touched_at": now})
        if rows:
            insert = self._store.upsert(COUNTERS)
            more_by = {"value": COUNTERS.c.value + insert.excluded.value, "touched_at": insert.excluded.touched_at}
            added = insert.on_conflict_do_update(index_elements=list(COUNTERS.primary_key.columns), set_=more_by)
            # In one order everywhere: two replicas that count the same series must not wait for each other.
            connection.execute(added, sorted(rows, key=lambda row: (row["version"], row["name"], row["labels"])))

    def _add_units(self, connection: Connection, key: tuple[str, str], reader: Reader, tally: Tally) -> None:
        rows = []
        for (unit, signal), value in tally.units.items():
            due = unit.began_at + reader.window + reader.label_delay + 2 * self._ages.settle
            row: Row = {"namespace": key[0], "rollout": key[1], "version": unit.version, "unit": unit.unit}
            row |= {"labels": json.dumps(unit.slices), "began_at": unit.began_at, "signal": signal}
            rows.append(row | {"value": value, "due_at": due})
        if rows:
            insert = self._store.upsert(UNITS)
            added = insert.on_conflict_do_update(
                index_elements=list(UNITS.primary_key.columns), set_={"value": UNITS.c.value + insert.excluded.value}
            )
            connection.execute(added, sorted(rows, key=lambda row: [row[name] for name in (*_WINDOW, "signal")]))


_WINDOW = ("namespace", "rollout", "version", "labels", "unit", "began_at")


def _of(table: Any, key: tuple[str, str]) -> tuple[Any, Any]:  # noqa: ANN401 - SQLAlchemy's
    return table.c.namespace == key[0], table.c.rollout == key[1]


def _last_value(connection: Connection, key: tuple[str, str], place: tuple[str, str, str]) -> tuple[str, float] | None:
    names = zip(("version", "invariant", "key"), place, strict=True)
    asked = select(LAST_VALUES.c.value, LAST_VALUES.c.at).where(*_of(LAST_VALUES, key))
    row = connection.execute(asked.where(*(LAST_VALUES.c[name] == value for name, value in names))).one_or_none()
    return None if row is None else (row.value, row.at)
