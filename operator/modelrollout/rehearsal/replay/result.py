"""What a policy would have decided."""

from dataclasses import dataclass
from enum import StrEnum

from modelrollout.decisions.decision import Event
from modelrollout.decisions.findings import Finding


class Ending(StrEnum):
    """How a replay ends: promoted, taken back for whatever reason, reported, or on trial when the data end."""

    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"
    REPORTED = "Reported"
    HELD = "Held"


@dataclass(frozen=True, slots=True)
class MetricReplay:
    """What a metric last said in a step, and since when its verdict was that one (seconds since the epoch)."""

    finding: Finding
    since: float


@dataclass(frozen=True, slots=True)
class StepReplay:
    """One step of a run, or the watch after its promotion.

    Attributes:
        number: of the step, from 1; None for the watch.
        weight: the candidate's share of the traffic that the policy would have given, of 1000.
        entered: when it began, seconds since the epoch.
        left: when it ended, None when the data ended first.
        metrics: what the metrics last said in it.
    """

    number: int | None
    weight: int
    entered: float
    left: float | None
    metrics: tuple[MetricReplay, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """What a policy would have decided over a recording. Times are seconds since the epoch.

    Attributes:
        candidate, stable: names of the versions.
        since: when the candidate is taken to have got its first weight.
        until: the last moment that was looked at.
        ending: how it ended.
        outcome: the run's own outcome (NoEvidence is one of being taken back), empty while it goes on.
        reason: one CamelCase word why.
        message: a sentence with the numbers.
        at: when that was decided; the end of the data where nothing was.
        missing: what the present step still waited for when the data ended.
        watched: the watch after a promotion was over before the data ended.
        steps: those that began, in order.
        events: what would have been told, and when.
    """

    candidate: str
    stable: str
    since: float
    until: float
    ending: Ending
    outcome: str
    reason: str
    message: str
    at: float
    missing: tuple[str, ...]
    watched: bool
    steps: tuple[StepReplay, ...]
    events: tuple[tuple[float, Event], ...]
