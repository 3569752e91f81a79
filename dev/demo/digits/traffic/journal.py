"""The memory of all answers: what users got when, and which outcomes are old enough to be published."""

import heapq
from array import array
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .answers import Answer, Kind

FAILURES = 1000
"""How many failed answers are kept whole, the newest ones."""


@dataclass(slots=True)
class Column:
    """One version's answers in the order in which users got them: parallel arrays, 21 bytes an answer."""

    received: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: "array[float]" = field(default_factory=lambda: array("f"))
    kinds: "array[int]" = field(default_factory=lambda: array("b"))
    countries: list[str] = field(default_factory=list)


class Journal:
    """Remembers answers.

    True labels arrive late. Here every label arrives at one fixed age: an outcome is published `label_age` seconds
    after its request was sent, however long the answer took, right and wrong at the same instant. So at any moment the
    published outcomes of all versions are those of requests sent in the same time, and a plain share compares like with
    like. A request that got no digit has no outcome: it is an error, counted as such at once, and would otherwise weigh
    twice.

    Args:
        label_age: seconds from sending a request to the publication of its outcome.
        publish: called once for each outcome that has come of age, with its version and whether it was right.
    """

    def __init__(self, label_age: float, publish: Callable[[str, bool], None]) -> None:
        self._label_age = label_age
        self._publish = publish
        self._columns: dict[str, Column] = {}
        self._young: list[tuple[float, str, bool]] = []
        self._failures: deque[Answer] = deque(maxlen=FAILURES)

    def add(self, answer: Answer) -> None:
        """Remember an answer; to be called in the order in which answers are received."""
        column = self._columns.setdefault(answer.version, Column())
        column.received.append(answer.received)
        column.seconds.append(answer.seconds)
        column.kinds.append(answer.kind.value)
        column.countries.append(answer.country)
        if answer.kind is Kind.FAILED:
            self._failures.append(answer)
        else:
            due = answer.sent + self._label_age
            heapq.heappush(self._young, (due, answer.version, answer.kind is Kind.RIGHT))

    def publish_until(self, now: float) -> None:
        """Publish every outcome that has come of age, `now` being in seconds since the epoch."""
        while self._young and self._young[0][0] <= now:
            _, version, right = heapq.heappop(self._young)
            self._publish(version, right)

    def summary(self, since: float, until: float) -> dict[str, dict[str, object]]:
        """What users got from each version in an interval of time (seconds since the epoch).

        `bad` is wrong and failed answers together; `countries` has answers and bad ones by the users' country. Times
        are seconds since the epoch, or None where there is nothing.
        """
        return {version: self._of(column, since, until) for version, column in sorted(self._columns.items())}

    def failures(self, since: float, until: float) -> list[dict[str, object]]:
        """The newest failed answers that users got in an interval of time, oldest first, each with what it said."""
        return [
            {
                "sent": failed.sent,
                "seconds": failed.seconds,
                "version": failed.version,
                "code": failed.code,
                "why": failed.why,
            }
            for failed in self._failures
            if since <= failed.received < until
        ]

    def timeline(self, since: float, until: float) -> list[dict[str, object]]:
        """The interval second by second: answers and bad ones of each version."""
        answers: Counter[tuple[int, str]] = Counter()
        bad: Counter[tuple[int, str]] = Counter()
        for version, column in self._columns.items():
            for index in _range(column, since, until):
                second = int(column.received[index])
                answers[second, version] += 1
                bad[second, version] += column.kinds[index] != Kind.RIGHT.value
        seconds: dict[int, dict[str, dict[str, int]]] = {}
        for (second, version), count in sorted(answers.items()):
            seconds.setdefault(second, {})[version] = {"answers": count, "bad": bad[second, version]}
        return [{"second": second, "versions": versions} for second, versions in seconds.items()]

    @staticmethod
    def _of(column: Column, since: float, until: float) -> dict[str, object]:
        indices = _range(column, since, until)
        kinds = Counter(column.kinds[index] for index in indices)
        bad = [index for index in indices if column.kinds[index] != Kind.RIGHT.value]
        waits = sorted(column.seconds[index] for index in indices)
        return {
            "answers": len(indices),
            "wrong": kinds[Kind.WRONG.value],
            "failed": kinds[Kind.FAILED.value],
            "bad": len(bad),
            "firstAnswer": column.received[indices[0]] if indices else None,
            "lastAnswer": column.received[indices[-1]] if indices else None,
            "firstBad": column.received[bad[0]] if bad else None,
            "lastBad": column.received[bad[-1]] if bad else None,
            "countries": _by_country(column, indices, bad),
            "p50Seconds": waits[len(waits) // 2] if waits else None,
            "p99Seconds": waits[len(waits) * 99 // 100] if waits else None,
        }


def _range(column: Column, since: float, until: float) -> range:
    return range(bisect_left(column.received, since), bisect_left(column.received, until))


def _by_country(column: Column, indices: range, bad: list[int]) -> dict[str, dict[str, int]]:
    answers = Counter(column.countries[index] for index in indices)
    wrong = Counter(column.countries[index] for index in bad)
    return {country: {"answers": count, "bad": wrong[country]} for country, count in sorted(answers.items())}
