"""What `status` shows: one look at a rollout, which is drawn for people and printed for programs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic.alias_generators import to_camel

from modelrollout.api.status import CommandResult, Condition, MetricStatus, PastRun, Rejected, Run, SliceStatus, Verdict


class StepState(StrEnum):
    """Where a step stands in the present run."""

    DONE = "Done"
    PRESENT = "Present"
    AHEAD = "Ahead"
    STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version: what it is, and what traffic it should get and gets, of 1000."""

    name: str
    roles: tuple[str, ...]
    desired: int | None = None
    observed: int | None = None
    ready: int | None = None
    revision: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of the run's plan. Weight and mirror are of 1000; hold and deadline in seconds.

    `audience` names the rules in which the weight counts, none where it counts in all; `decides` names the metrics
    that it waits for, None where the plan is not known; `webhooks` those who are called.
    """

    number: int
    weight: int
    hold: float
    samples: int
    state: StepState
    deadline: float | None = None
    approval: bool = False
    needs_pass: bool = False
    name: str = ""
    mirror: int = 0
    audience: tuple[str, ...] = ()
    decides: tuple[str, ...] | None = None
    webhooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Countdown:
    """Something that ends at a known moment: a hold, a deadline, a watch. `stands_still` while the clock is stopped."""

    what: str
    ends: datetime | None
    stands_still: bool = False


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric as status has it, with its kind (proportion, latency, ...) where the plan is known."""

    name: str
    role: str
    kind: str
    verdict: Verdict
    reason: str
    message: str
    candidate: str | None
    stable: str | None
    limit: str | None
    effect: str | None
    candidate_count: int | None
    stable_count: int | None
    evidence_fail: str | None
    evidence_pass: str | None
    alpha: str | None = None
    dispersion: str | None = None
    dispersion_assumed: bool | None = None
    lost_strata: int | None = None
    slices: list[SliceStatus] | None = None
    version: str = ""
    against: str = ""
    chance: str | None = None
    p_value: str | None = None

    @property
    def title(self) -> str:
        """The metric, and of an experiment the two versions."""
        return f"{self.name} {self.version}/{self.against}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Live:
    """What the leader says beyond status, fresher than the last write.

    Attributes:
        run, step: what it speaks of; the step is an index.
        metrics: as in status.
        answers: the candidate's answers since the step began, None when unknown.
        observed: weights on the route, of 1000, None when unknown.
        at: when Prometheus was asked.
        unreachable: why Prometheus did not answer, empty when it did.
    """

    run: str
    step: int
    metrics: tuple[MetricStatus, ...] = ()
    answers: int | None = None
    observed: Mapping[str, int] | None = None
    at: datetime | None = None
    unreachable: str = ""


@dataclass(frozen=True, slots=True)
class Overview:
    """One look at a rollout."""

    namespace: str
    name: str
    phase: str
    message: str
    hypothesis: str
    strategy: str
    target: str
    stable: str
    candidate: str
    weight: int | None
    unseen_edit: bool
    unreadable: tuple[str, ...]
    versions: tuple[VersionRow, ...]
    steps: tuple[StepRow, ...]
    countdowns: tuple[Countdown, ...]
    metrics: tuple[MetricRow, ...]
    metrics_at: datetime | None
    live: bool
    answers: int | None
    unreachable: str
    problems: tuple[Condition, ...]
    paused_by: tuple[str, ...]
    run: Run | None
    rejected: tuple[Rejected, ...]
    commands: tuple[CommandResult, ...]
    history: tuple[PastRun, ...]
    next_verbs: tuple[tuple[str, str], ...]

    def document(self) -> dict[str, Any]:
        """The JSON form: camelCase names, times as RFC 3339, absent values left out."""
        return as_json(self)


def as_json(value: object) -> dict[str, Any]:
    """A dataclass as JSON: camelCase names, times as RFC 3339, absent values left out."""
    document = _plain(value)
    assert isinstance(document, dict)  # noqa: S101 - a dataclass becomes a dict
    return document


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((to_camel(one.name), _plain(getattr(value, one.name))) for one in fields(value))
        return {name: plain for name, plain in pairs if plain is not None}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return value
