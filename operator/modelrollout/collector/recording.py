"""Takes in what was sent: from events, labels, signals and heartbeats to rows, and the rows into the store."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelrollout.collector.catalogue import Catalogue, Entry
from modelrollout.collector.diagnosis import Diagnosis, What
from modelrollout.collector.documents import Heartbeat, Label, SignalSeen
from modelrollout.collector.events import Event
from modelrollout.collector.facts import write_answered, write_asked
from modelrollout.collector.moments import check_age
from modelrollout.collector.reading import Reader
from modelrollout.collector.refusals import Refused

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

    def __init__(self, catalogue: Catalogue, ages: Ages, diagnosis: Diagnosis) -> None:
        self._catalogue = catalogue
        self._ages = ages
        self._diagnosis = diagnosis

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
        entry = self._entry(label.namespace, label.rollout)
        reader = self._reader(entry)
        if not reader.predicts:
            raise Refused(
                "telemetry", "spec.telemetry of this ModelRollout names no prediction to compare a label with"
            )
        value = reader.keep(label.value)
        if value is None:
            raise Refused("value", "the value is none that spec.telemetry.compare can compare with a prediction")
        self._diagnosis.saw_label(entry)
        whose = {"namespace": label.namespace, "rollout": label.rollout, "id": label.id}
        rows.labels.append(whose | {"value": json.dumps(value), "at": _at(label.time, now), "received_at": now})

    def signal(self, seen: SignalSeen, now: float, rows: Rows) -> None:
        """The row of a signal.

        Raises:
            Refused: it is of no known rollout, not declared there, or out of its range.
        """
        declared = self._reader(self._entry(seen.namespace, seen.rollout)).signals.get(seen.signal)
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
        reader = self._reader(entry)
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
                answered = reader.answered(event)
                row["answered"] = write_answered(answered)
                row["due_at"] = max(at + reader.label_delay, now + self._ages.settle)
            else:
                asked = reader.asked(event)
                row |= {"asked_at": at, "asked": write_asked(asked)}
                row["due_at"] = now + self._ages.patience
        except (RecursionError, ValueError):
            raise Refused("unreadable", "the body is nested too deeply, or holds what JSON cannot") from None
        if event.answer:
            self._diagnosis.saw(entry, version, What.ASKED)
            if reader.predicts and event.code < 400:
                self._diagnosis.saw(entry, version, What.PREDICTED, answered.lack or "")
        elif not asked.empty:
            self._diagnosis.saw(entry, version, What.ASKED, "unanswered")
        return row

    def _entry(self, namespace: str, rollout: str) -> Entry:
        entry = self._catalogue.get((namespace, rollout))
        if entry is None:
            raise Refused("rollout", "there is no ModelRollout of this name in this namespace")
        return entry

    def _reader(self, entry: Entry) -> Reader:
        if entry.reader is None:
            raise Refused("telemetry", f"spec.telemetry of ModelRollout {entry.key[1]} cannot be used: {entry.problem}")
        return entry.reader


def _at(time: float | None, now: float) -> float:
    """When it became known; a label may be as old as it likes."""
    return now if time is None else check_age(time, now, math.inf)


def chunks(values: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    """Parts that fit into one statement."""
    return (values[start : start + size] for start in range(0, len(values), size))
