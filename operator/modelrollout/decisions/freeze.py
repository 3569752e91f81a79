"""Freezes: what the ConfigMap `modelrollout-freeze` says, and whether it is in force."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from modelrollout.decisions.observed import Freeze

CONFIGMAP = "modelrollout-freeze"
"""Name of the ConfigMap whose presence freezes: a namespace where it stands in one, all in the operator's own."""

REASON_KEPT = 500
"""Characters of the reason that are shown."""


def read(data: Mapping[str, str], where: str) -> Freeze:
    """The freeze that a ConfigMap's data orders.

    An end that cannot be read is no end: who wrote one wanted a freeze, and lifting it by accident is the worse error.
    """
    reason, written = data.get("reason", "").strip()[:REASON_KEPT], data.get("until", "").strip()
    if not written:
        return Freeze(where, reason)
    try:
        until = datetime.fromisoformat(written)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        problem = f'data.until "{written[:64]}" is no RFC 3339 time such as 2026-12-24T08:00:00Z, so it does not end'
        return Freeze(where, reason, problem=problem)
    return Freeze(where, reason, until.astimezone(UTC))


def in_force(freezes: Iterable[Freeze], now: datetime) -> Freeze | None:
    """The freeze that lasts longest of those that are not over, None when nothing is frozen."""
    present = [one for one in freezes if one.until is None or now < one.until]
    return max(present, key=_end, default=None)


def _end(freeze: Freeze) -> datetime:
    return freeze.until if freeze.until is not None else datetime.max.replace(tzinfo=UTC)


def describe(freeze: Freeze) -> str:
    """In a sentence: what is frozen, until when, and why."""
    until = f" until {freeze.until:%Y-%m-%d %H:%M:%S} UTC" if freeze.until is not None else ""
    why = "; ".join(part for part in (freeze.reason, freeze.problem) if part)
    return f"{freeze.where} is frozen{until}" + (f": {why}" if why else "")
