"""The counters of models as Prometheus reads them."""

import math
from collections.abc import Iterable, Iterator

from sqlalchemy import select, update

from modelrollout.collector import series
from modelrollout.collector.catalogue import Catalogue, Entry
from modelrollout.collector.diagnosis import Diagnosis
from modelrollout.collector.engines import Store
from modelrollout.collector.series import in_order, write_labels
from modelrollout.collector.tables import COUNTERS, HEARTBEATS, REPORTERS

HOLD = 90.0
"""Seconds for which a replica that was asked remains the one that tells."""

DISTANCE = "model_score_reference_distance"
HEARTBEAT = "model_heartbeat_age_seconds"
PROBLEM = "model_telemetry_problem"
_REPORTER = "metrics"
_LONGEST = 400


class Exposition:
    """Reads the counters from the store each time it is asked: there is nothing to restore after a restart.

    Of several replicas on one store one tells at a time, else Prometheus would see each count as often.
    """

    def __init__(self, store: Store, catalogue: Catalogue, replica: str, diagnosis: Diagnosis) -> None:
        self._store = store
        self._catalogue = catalogue
        self._diagnosis = diagnosis
        self._replica = replica

    def text(self, now: float) -> str:
        """Prometheus' text format; empty where another replica tells.

        Raises:
            StoreUnavailable: the store did not answer.
        """
        if self._store.shared and not self._holds(now):
            return ""
        with self._store.reading() as connection:
            found = connection.execute(select(COUNTERS)).all()
            beats = connection.execute(select(HEARTBEATS)).all()
        # Sorted here, since a database may leave out the underscores when it sorts.
        rows = sorted(found, key=lambda row: (row.name, row.namespace, row.rollout, row.version))
        told_as: dict[tuple[str, str, str, str, str], str] = {}
        values: dict[tuple[str, str, str, str, str], float] = {}
        for row in rows:
            # Slices that have changed places are the same series, which Prometheus takes but once.
            place = row.name, row.namespace, row.rollout, row.version
            one = *place, told_as.setdefault((*place, in_order(row.labels)), row.labels)
            values[one] = values.get(one, 0.0) + row.value
        lines: list[str] = []
        told = ""
        for (name, namespace, rollout, version, labels), value in values.items():
            family = _family(name)
            if family != told:
                told = family
                lines += _head(family, _kind(family))
            more = f",{labels}" if labels else ""
            whose = (("namespace", namespace), ("rollout", rollout), ("version", version))
            lines.append(f"{name}{{{write_labels(whose)}{more}}} {_number(value)}")
        if beats:
            lines += _head(HEARTBEAT, "gauge")
        for beat in beats:
            whose = (("namespace", beat.namespace), ("rollout", beat.rollout), ("version", beat.version))
            lines.append(
                f"{HEARTBEAT}{{{write_labels((*whose, ('source', beat.source)))}}} {_number(max(0.0, now - beat.at))}"
            )
        lines += self._distances(rows)
        lines += self._problems()
        return "".join(f"{line}\n" for line in lines)

    def release(self) -> None:
        """Let another replica tell at once.

        Raises:
            StoreUnavailable: the store did not answer; the others will wait.
        """
        if self._store.shared:
            with self._store.writing() as connection:
                mine = update(REPORTERS).where(REPORTERS.c.name == _REPORTER, REPORTERS.c.holder == self._replica)
                connection.execute(mine.values(until=0.0))

    def _holds(self, now: float) -> bool:
        with self._store.writing() as connection:
            insert = self._store.upsert(REPORTERS).values(name=_REPORTER, holder=self._replica, until=now + HOLD)
            taken = connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[REPORTERS.c.name],
                    set_={"holder": insert.excluded.holder, "until": insert.excluded.until},
                    where=(REPORTERS.c.holder == self._replica) | (REPORTERS.c.until < now),
                ).returning(REPORTERS.c.holder)
            )
            return taken.one_or_none() is not None

    def _distances(self, rows: Iterable[object]) -> Iterator[str]:
        """How far each version's scores lie from its training reference."""
        first = True
        for entry in self._catalogue:
            for version, distance in _reference_distances(entry, rows):
                if first:
                    yield from _head(DISTANCE, "gauge")
                    first = False
                whose = (("namespace", entry.key[0]), ("rollout", entry.key[1]), ("version", version))
                yield f"{DISTANCE}{{{write_labels(whose)}}} {_number(distance)}"

    def _problems(self) -> Iterator[str]:
        """What keeps series at 0, in words: for the operator, which says it of a metric that finds nothing."""
        first = True
        for entry, one in self._diagnosis.problems(self._catalogue):
            if first:
                yield from _head(PROBLEM, "gauge")
                first = False
            whose = (("namespace", entry.key[0]), ("rollout", entry.key[1]), ("version", one.version))
            what = (("reason", one.reason), ("series", ",".join(one.series)), ("message", one.message[:_LONGEST]))
            yield f"{PROBLEM}{{{write_labels((*whose, *what))}}} 1"


def _reference_distances(entry: Entry, rows: Iterable[object]) -> Iterator[tuple[str, float]]:
    score = entry.reader.score if entry.reader is not None else None
    if score is None or not score.references:
        return
    bounds = [*map(series.bound_text, score.buckets), series.INFINITE]
    for reference in score.references:
        reached = dict.fromkeys(bounds, 0.0)
        for row in rows:
            if (row.namespace, row.rollout, row.version) != (*entry.key, reference.version):  # type: ignore[attr-defined]
                continue
            bound = series.bound_in(row.labels)  # type: ignore[attr-defined]
            if row.name == f"{series.SCORE}_bucket" and bound in reached:  # type: ignore[attr-defined]
                reached[bound] += row.value  # type: ignore[attr-defined]
        counts = [reached[bound] - (reached[bounds[i - 1]] if i else 0.0) for i, bound in enumerate(bounds)]
        if sum(counts) > 0 and sum(reference.counts) > 0:
            yield reference.version, jensen_shannon(counts, reference.counts)


def jensen_shannon(one: Iterable[float], other: Iterable[float]) -> float:
    """Jensen-Shannon distance of two histograms of equal buckets, from 0 (equal shares) to 1 (nothing in common).

    As `modelrollout.stats.drift`, which is written for many at a time and needs numpy.
    """
    one, other = list(one), list(other)
    p, q = [value / sum(one) for value in one], [value / sum(other) for value in other]
    bits = 0.0
    for a, b in zip(p, q, strict=True):
        bits += sum(share * math.log2(2 * share / (a + b)) for share in (a, b) if share > 0) / 2
    return math.sqrt(max(0.0, bits))


def _family(name: str) -> str:
    return next((one for one in series.HISTOGRAMS if name.startswith(f"{one}_") and name != one), name)


def _kind(family: str) -> str:
    """Sums are of no kind: of differences, or of values that a rollout lets be negative, they may fall."""
    if family in series.HISTOGRAMS:
        return "histogram"
    return "counter" if family.endswith("_total") else "untyped"


def _head(family: str, kind: str) -> tuple[str, str]:
    text = series.HELP.get(family) or _HELP[family]
    return f"# HELP {family} {text}", f"# TYPE {family} {kind}"


_HELP = {
    HEARTBEAT: "Time since a source of events last said that it is alive.",
    PROBLEM: "Why telemetry of a version says nothing, and in which series; all where none is named.",
    DISTANCE: "Jensen-Shannon distance of a version's scores from its training reference.",
}


def _number(value: float) -> str:
    return repr(float(value))
