"""What users got while they were kept on one version: who failed, when, and what they heard; and who went astray."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.gateway.steering import Pace, Write
from dev.visitors import Came

BEFORE = "nothing is written"
"""The phase before the first write."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that failed.

    Attributes:
        phase: what was going on when it was over; `BEFORE` the first write.
        write: the last thing that was written by then, empty before the first one.
        after: seconds from that write to the end of the request.
        took: seconds of the request itself.
        heard: status and beginning of the answer, or what became of the connection.
    """

    phase: str
    write: str
    after: float
    took: float
    heard: str


@dataclass(frozen=True, slots=True)
class Round:
    """What users got from the first copy that came to the last one that went.

    Attributes:
        pace: how weights were brought about.
        requests: of all users.
        failures: those of them that failed.
        writes: how many there were.
        met: users who had each candidate for a time, and nobody else than stable before and after it.
        astray: users who met their versions in any other order.
    """

    pace: Pace
    requests: int
    failures: tuple[Failure, ...]
    writes: int
    met: Mapping[str, int]
    astray: int


@dataclass(frozen=True, slots=True)
class Group:
    """Failures of one kind: `phase`, `write` and `heard` as in `Failure`.

    Attributes:
        count: how many.
        after_ms: the least and the most milliseconds from that write to the end of the request.
        took_ms: the same of the requests themselves.
    """

    phase: str
    write: str
    heard: str
    count: int
    after_ms: tuple[float, float]
    took_ms: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Kept:
    """All rounds of one pace.

    Attributes:
        pace: how weights were brought about.
        rate: requests a second.
        rounds, requests, failed, writes: how many there were of each.
        failed_of_rounds: failed requests of each round, in order.
        users: as many were kept in every round.
        astray: users who met their versions in another order than they should, over all rounds.
        failures: by what was going on and what was heard.
    """

    pace: Pace
    rate: float
    rounds: int
    requests: int
    failed: int
    writes: int
    failed_of_rounds: tuple[int, ...]
    users: int
    astray: int
    failures: tuple[Group, ...]


def tallied(pace: Pace, came: Sequence[Came], writes: Sequence[Write], users: int, stable: str) -> Round:
    """Sum up a round.

    Args:
        pace: how weights were brought about.
        came: all requests.
        writes: all writes, in order.
        users: those with a lower number are to be kept.
        stable: the version that serves before and after.
    """
    ways = Counter(_ways(came, users).values())
    proper = {way: many for way, many in ways.items() if len(way) == 3 and way[0] == way[2] == stable}
    return Round(
        pace=pace,
        requests=len(came),
        failures=tuple(_failure(one, writes) for one in came if one.failed),
        writes=len(writes),
        met={way[1]: many for way, many in sorted(proper.items())},
        astray=ways.total() - sum(proper.values()) - ways[stable,],
    )


def summed(rounds: Sequence[Round], rate: float, users: int) -> Kept:
    """Sum up the rounds of one pace."""
    failures = [failure for one in rounds for failure in one.failures]
    return Kept(
        pace=rounds[0].pace,
        rate=rate,
        rounds=len(rounds),
        requests=sum(one.requests for one in rounds),
        failed=len(failures),
        writes=sum(one.writes for one in rounds),
        failed_of_rounds=tuple(len(one.failures) for one in rounds),
        users=users,
        astray=sum(one.astray for one in rounds),
        failures=grouped(failures),
    )


def grouped(failures: Sequence[Failure]) -> tuple[Group, ...]:
    """Those alike together, in the order in which each kind was first met."""
    kinds: dict[tuple[str, str, str], list[Failure]] = {}
    for one in failures:
        kinds.setdefault((one.phase, one.write, one.heard), []).append(one)
    return tuple(
        Group(*kind, len(alike), _range([one.after for one in alike]), _range([one.took for one in alike]))
        for kind, alike in kinds.items()
    )


def _failure(one: Came, writes: Sequence[Write]) -> Failure:
    last = next((write for write in reversed(writes) if write.at <= one.received), Write(one.received, BEFORE, ""))
    heard = f"{one.code} {one.why}".strip() if one.code else one.why
    return Failure(last.phase, last.what, one.received - last.at, one.received - one.sent, heard)


def _ways(came: Sequence[Came], users: int) -> Mapping[int, tuple[str, ...]]:
    """The versions that each user met, one after the other."""
    told: dict[int, list[str]] = {}
    for one in sorted(came, key=lambda one: one.sent):
        if one.user < users and not one.failed:
            told.setdefault(one.user, []).append(one.version)
    return {user: tuple(version for version, _ in groupby(versions)) for user, versions in told.items()}


def _range(seconds: Sequence[float]) -> tuple[float, float]:
    return round(min(seconds) * 1000, 1), round(max(seconds) * 1000, 1)
