"""Keeps, step by step, what the metrics last said and since when."""

from dataclasses import dataclass, field

from modelrollout.api.status import Outcome
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.rehearsal.replay.result import MetricReplay, StepReplay


@dataclass(slots=True)
class _Open:
    """The step that goes on."""

    number: int | None
    weight: int
    entered: float
    metrics: dict[str, MetricReplay] = field(default_factory=dict)


class StepLog:
    """The steps of a run as they begin and end; a step without a number is the watch after promotion.

    Attributes:
        outcome: the run's, as it was last seen.
    """

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self._done: list[StepReplay] = []
        self._open: _Open | None = None

    def stands(self, number: int | None, weight: int, at: float) -> None:
        """The run is in this step at that moment."""
        if self._open is not None and self._open.number == number:
            self._open.weight = weight
            return
        self.leave(at)
        self._open = _Open(number, weight, at)

    def leave(self, at: float) -> None:
        """The run is in no step any more."""
        if self._open is not None:
            self._done.append(_step(self._open, at))
            self._open = None

    def saw(self, evidence: Evidence, at: float) -> None:
        """What the metrics say in the present step."""
        if self._open is None:
            return
        for finding in evidence.findings:
            before = self._open.metrics.get(finding.metric)
            since = before.since if before is not None and _same(before.finding, finding) else at
            self._open.metrics[finding.metric] = MetricReplay(finding, since)

    def steps(self) -> tuple[StepReplay, ...]:
        """All steps, the present one last."""
        return (*self._done, *([_step(self._open, None)] if self._open is not None else []))


def _same(one: Finding, other: Finding) -> bool:
    return one.verdict == other.verdict


def _step(opened: _Open, left: float | None) -> StepReplay:
    return StepReplay(opened.number, opened.weight, opened.entered, left, tuple(opened.metrics.values()))
