"""Moments as they are written and as they are kept: seconds since 1970."""

from datetime import UTC, datetime

from modelrollout.collector.refusals import Refused

FUTURE = 600.0
"""Seconds by which a sender's clock may be ahead."""


def moment(value: object) -> float | None:
    """A moment of RFC 3339 with its time zone, None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo is not None else None


def written(at: float) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_age(at: float, now: float, oldest: float) -> float:
    """The moment itself.

    Args:
        at: what the sender says.
        now: the present.
        oldest: seconds after which what was counted is forgotten, so that a repetition could not be told any more.

    Raises:
        Refused: it lies too far in the past or in the future.
    """
    if at < now - oldest:
        raise Refused("too-old", "its time lies further back than the collector remembers what it has counted")
    if at > now + FUTURE:
        raise Refused("future", "its time lies in the future: set the clock of the sender")
    return at
