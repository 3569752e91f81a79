"""What `explain` shows: one account of a rollout, which is drawn for people and printed for programs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from modelrollout.api.status import Condition, Outcome, Run
from modelrollout.cli.explain.records import RecordLine
from modelrollout.cli.overview import MetricRow, as_json
from modelrollout.decisions.expectation import Expectation


@dataclass(frozen=True, slots=True)
class Gathered:
    """Evidence against what it needs.

    Attributes:
        have, needed: log evidence in natural units; for a threshold, checks in a row. None where the need is unknown.
        share: of what is needed, 1 being decisive.
        expected: when it will be there; None where it is not heading there.
    """

    have: float | None
    needed: float | None
    share: float
    expected: Expectation | None = None


@dataclass(frozen=True, slots=True)
class MetricAccount:
    """What one metric says and why.

    Attributes:
        row: as `status` shows it.
        to_pass, to_fail: how far the evidence is; None without any.
        decides: whether it can hold back or roll back anything.
    """

    row: MetricRow
    to_pass: Gathered | None
    to_fail: Gathered | None
    decides: bool


@dataclass(frozen=True, slots=True)
class Awaited:
    """Something that must come before the run goes on.

    Attributes:
        what: endpoints, resume, hold, guardrail, goal, data, proof, samples, approval, deadline or watch.
        text: a sentence.
        expected: when it can be expected; None where that is known to the second, or up to people.
        until: when it ends by itself; None where that is not certain.
        kind: of the metric that is waited for, None where it is none.
    """

    what: str
    text: str
    expected: Expectation | None = None
    until: datetime | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class EndedRun:
    """The last run that ended, with what the record has of it."""

    run: str
    target: str
    outcome: Outcome
    message: str
    started_at: datetime
    ended_at: datetime
    lines: tuple[RecordLine, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a rollout stands where it stands.

    Attributes:
        run: the present run, or the last one.
        decision: the last line of the record of that run, None before the first.
        metrics, metrics_at, live: as in `status`.
        missing: what the run waits for; empty when nothing goes on.
        ended: the run that ended last, None when there was none.
        problems: conditions that are not as they should be.
        record_read: whether the whole record could be read, and not only the newest lines that status repeats.
    """

    namespace: str
    name: str
    phase: str
    message: str
    stable: str
    candidate: str
    weight: int | None
    steps: int
    run: Run | None
    decision: RecordLine | None
    metrics: tuple[MetricAccount, ...]
    metrics_at: datetime | None
    live: bool
    unreachable: str
    missing: tuple[Awaited, ...]
    ended: EndedRun | None
    record_read: bool
    problems: tuple[Condition, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form: camelCase names, times as RFC 3339, absent values left out; a metric is one flat object."""
        document = as_json(self)
        document["metrics"] = [{**one.pop("row"), **one} for one in document["metrics"]]
        return document
