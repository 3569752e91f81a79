"""Why telemetry says nothing: a wrong path, answers without bodies, ids that do not meet, labels that do not come.

Nobody is refused for that, and the counters stay at 0 as if nobody had asked. So this process watches what it takes and
counts, and says in words what is missing where all of it lacks the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

from modelrollout.collector import series
from modelrollout.collector.catalogue import Entry
from modelrollout.collector.reading import Lack, Reader

LEAST = 20
"""Of so many none must have worked before anything is said."""

_MOST = 1000
"""Beyond so many the older ones count half: what worked once does not hide for ever that it does no more."""

_OF_LABELS = (series.OUTCOMES, series.PAIR_OUTCOMES)
_OF_PAIRS = (series.PAIRS, series.PAIR_OUTCOMES, series.IDENTICAL, series.DIFFERENCE)
_OF_PREDICTIONS = (*_OF_LABELS, *_OF_PAIRS, series.UNLABELLED)

_LACKS = {
    Lack.NOT_SENT: "no answer comes with its body: let the sender send the bodies of answers",
    Lack.NOT_JSON: "no answer is JSON",
    Lack.NOTHING_THERE: "no answer has anything at spec.telemetry.prediction",
    Lack.NOT_OF_KIND: "what is at spec.telemetry.prediction is nothing that spec.telemetry.compare can compare",
}


class What(StrEnum):
    """What is watched, each with how it ended."""

    ASKED = "asked"
    PREDICTED = "predicted"
    LABELLED = "labelled"
    PAIRED = "paired"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps series of one version at 0.

    Attributes:
        version: its name.
        reason: one CamelCase word.
        series: names of the series, where it is not all of them.
        message: a sentence without numbers, which would make it another one at each look.
    """

    version: str
    reason: str
    series: tuple[str, ...]
    message: str


@dataclass(slots=True)
class _Seen:
    """What was seen of one version: how often anything ended how; an empty word stands for well."""

    ends: defaultdict[What, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, what: What, end: str, number: int) -> None:
        ends = self.ends[what]
        ends[end] += number
        if ends[end] > _MOST:
            self.ends[what] = +Counter({word: count // 2 for word, count in ends.items()})

    def lacking(self, what: What) -> str:
        """How most of it ended, where there was enough and nothing ended well; else empty."""
        ends = self.ends.get(what, Counter())
        return ends.most_common(1)[0][0] if ends.total() >= LEAST and not ends[""] else ""


@dataclass(slots=True)
class _Watched:
    reader: Reader
    versions: defaultdict[str, _Seen] = field(default_factory=lambda: defaultdict(_Seen))
    labels: bool = False


class Diagnosis:
    """What this process has seen since it started, or since the telemetry of a rollout was changed.

    Of several replicas each sees a part, which tells as much.
    """

    def __init__(self) -> None:
        self._watched: dict[tuple[str, str], _Watched] = {}
        self._lock = Lock()  # events come in one thread, are counted in another, and are told of in a third

    def saw(self, entry: Entry, version: str, what: What, end: str = "", number: int = 1) -> None:
        """Take in how something ended: well, or why not."""
        if entry.reader is not None:
            with self._lock:
                self._of(entry, entry.reader).versions[version].add(what, end, number)

    def saw_label(self, entry: Entry) -> None:
        """A label of the rollout came, for whichever request."""
        if entry.reader is not None:
            with self._lock:
                self._of(entry, entry.reader).labels = True

    def problems(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Problem]]:
        """What can be said of these rollouts, which are all that there are."""
        known = list(entries)
        with self._lock:
            there = {entry.key for entry in known}
            self._watched = {key: one for key, one in self._watched.items() if key in there}
            found = [(entry, problem) for entry in known for problem in self._problems(entry)]
        yield from found

    def _of(self, entry: Entry, reader: Reader) -> _Watched:
        watched = self._watched.get(entry.key)
        if watched is None or watched.reader is not reader:
            watched = self._watched[entry.key] = _Watched(reader)
        return watched

    def _problems(self, entry: Entry) -> Iterator[Problem]:
        if entry.reader is None:
            for version in entry.versions.values():
                yield Problem(version, "Unusable", (), f"spec.telemetry cannot be used: {entry.problem}")
            return
        watched = self._watched.get(entry.key)
        if watched is None or watched.reader is not entry.reader:
            return
        for version, seen in sorted(watched.versions.items()):
            if seen.lacking(What.ASKED):
                message = "requests are told of and no answers: let the logger tell of both (mode: all)"
                yield Problem(version, "NoAnswers", (), message)
            if lack := seen.lacking(What.PREDICTED):
                yield Problem(version, "NoPredictions", _OF_PREDICTIONS, _LACKS[Lack(lack)])
                continue
            if seen.lacking(What.LABELLED):
                yield Problem(version, "NoLabels", _OF_LABELS, _labels(watched))
            if seen.lacking(What.PAIRED):
                message = "no copy of a request has the id of one that stable answered: give both the same id"
                yield Problem(version, "NoPairs", _OF_PAIRS, message)


def _labels(watched: _Watched) -> str:
    if watched.labels:
        return "labels come, and none in time for one of these answers: send each with the id that its request had"
    return "no label has come"
