"""When what is still missing can be expected: from the evidence, the answers and the time so far; pure.

Log evidence of a comparison starts at 0, falls at first (its alternatives still have to be told apart) and then rises
about evenly with the answers. So the answers it still needs are read off the line from `-START` at no answers to where
it stands. Nothing is said before it stands above 0: until then noise is larger than the slope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

START = 2.0
"""Where, in natural units of log evidence, the line begins.

Chosen by simulation of `Proportion` (equal and worse candidates at 5 and 50 %, ratios and differences, 200 runs each):
half way to the decision the middle prediction was 0.75 to 1.2 times the true number of answers, and nine of ten
predictions lay between 0.66 and 2.7 times.
"""


class Outlook(StrEnum):
    """What can be said of something that is waited for."""

    REACHED = "Reached"
    EXPECTED = "Expected"
    UNKNOWN = "Unknown"
    NEVER = "Never"


@dataclass(frozen=True, slots=True)
class Expectation:
    """When something can be expected.

    Attributes:
        outlook: Reached; Expected; Unknown (cannot be told yet); Never (not at this rate).
        answers: more answers of the candidate that it takes, about; None unless Expected, or where none are counted.
        seconds: until then, about; None unless Expected.
        why: what hinders, in a few words; empty when Reached or Expected.
    """

    outlook: Outlook
    answers: int | None = None
    seconds: float | None = None
    why: str = ""


_REACHED = Expectation(Outlook.REACHED)


def of_evidence(
    evidence: float | None, needed: float, answers: int | None, per_second: float, *, outside: bool = False
) -> Expectation:
    """When evidence reaches what it needs.

    Args:
        evidence: log evidence as a share of `needed`, 1 being decisive; None without any.
        needed: log evidence that decides, in natural units, above 0.
        answers: of the candidate, on which the evidence rests.
        per_second: answers of the candidate that come now.
        outside: what was seen so far lies where this evidence cannot grow.
    """
    if evidence is not None and evidence >= 1:
        return _REACHED
    if not answers or evidence is None:
        return Expectation(Outlook.UNKNOWN, why="no answers judged yet")
    if outside:
        return Expectation(Outlook.NEVER, why="what was seen so far speaks against it")
    if evidence <= 0:
        return Expectation(Outlook.UNKNOWN, why="too little is known so far")
    have = evidence * needed + START
    more = answers * (needed - evidence * needed) / have
    return _arriving(max(1, round(more)), per_second)


def of_answers(have: int, wanted: int, per_second: float) -> Expectation:
    """When the candidate has given so many answers."""
    return _REACHED if have >= wanted else _arriving(wanted - have, per_second)


def of_checks(done: float, needed: int, interval: float) -> Expectation:
    """When a threshold has held for so many checks in a row.

    Args:
        done: share of the checks that are done.
        needed: checks in a row.
        interval: seconds from one to the next.
    """
    return _REACHED if done >= 1 else Expectation(Outlook.EXPECTED, seconds=(1 - max(0.0, done)) * needed * interval)


def _arriving(answers: int, per_second: float) -> Expectation:
    if per_second <= 0:
        return Expectation(Outlook.NEVER, why="no answers come")
    return Expectation(Outlook.EXPECTED, answers, answers / per_second)


def answers_per_second(counts: Sequence[int | None], seconds: float, share: float) -> float:
    """The candidate's answers at its present share, from those of both versions so far; 0 when there are none.

    All answers together are taken as even over the time, so that earlier shares do not matter.

    Args:
        counts: answers of candidate and stable.
        seconds: in which they came.
        share: the candidate's share of all answers now, 0 to 1.
    """
    total = sum(count or 0 for count in counts)
    return total / seconds * share if seconds > 0 else 0.0


def last_of(expectations: Sequence[Expectation]) -> Expectation:
    """When all of them are there: the worst outlook, and among those that are expected the latest."""
    order = (Outlook.NEVER, Outlook.UNKNOWN, Outlook.EXPECTED, Outlook.REACHED)
    return min(expectations, key=lambda one: (order.index(one.outlook), -(one.seconds or 0.0)), default=_REACHED)


def in_words(expected: Expectation, exposures: str = "answers") -> str:
    """The expectation as the end of a sentence: "about 2,300 more answers, in about 8 min"."""
    match expected.outlook:
        case Outlook.REACHED:
            return "reached"
        case Outlook.UNKNOWN:
            return f"when cannot be told yet: {expected.why}"
        case Outlook.NEVER:
            return f"not at this rate: {expected.why}"
    more = "" if expected.answers is None else f"about {_two_digits(expected.answers):,} more {exposures}, "
    return f"{more}in about {roughly(expected.seconds or 0.0)}"


def roughly(seconds: float) -> str:
    """A span of time with no more digits than an estimate deserves: "40 s", "8 min", "3 h", "2 days"."""
    for limit, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h")):
        if seconds < limit:
            return f"{max(1, _two_digits(round(seconds / size)))} {unit}"
    return f"{_two_digits(round(seconds / 86400)):,} days"


def _two_digits(number: int) -> int:
    return int(float(f"{number:.2g}"))
