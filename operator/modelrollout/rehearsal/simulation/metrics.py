"""The metrics of many runs: what was counted, what failed, and what a gate still waits for."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from modelrollout.api import Metric, Role
from modelrollout.decisions.analysis.limits import alpha_of, comparison, family_alpha, guardrails
from modelrollout.decisions.analysis.threshold import is_inside
from modelrollout.rehearsal.simulation.cohorts import Cohorts
from modelrollout.rehearsal.simulation.plan import Plan
from modelrollout.rehearsal.streams.stream import Data, Stream
from modelrollout.stats import holm

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

SAMPLES = -2
NOTHING = -1
"""What a gate waits for beside the metrics, as places below theirs."""


@dataclass(slots=True)
class _Pending:
    """A stratum that has ended and is not counted yet."""

    number: int
    data: Data
    present: Flags
    answers: Floats


@dataclass(slots=True)
class _Compared:
    """A metric that compares versions, in all runs.

    Attributes:
        place: among the spec's metrics.
        stream: where its samples come from.
        settle: seconds after a stratum's end until it is counted.
        cohorts: the tests.
        pending: strata that have not settled.
    """

    place: int
    stream: Stream
    settle: float
    cohorts: Cohorts
    pending: deque[_Pending] = field(default_factory=deque)


@dataclass(slots=True)
class _Checked:
    """A threshold whose value never changes: what counts is how often it was looked at."""

    place: int
    metric: Metric
    inside: bool
    looks: Integers
    in_step: Integers
    step_since: Floats


class Judged:
    """All metrics of all runs, judged as the operator does."""

    def __init__(self, plan: Plan, streams: Sequence[Stream], fixed: Sequence[float | None], runs: int) -> None:
        """Begin without data; the arguments are those of `simulate`."""
        self._plan, self._runs = plan, runs
        by_name = {one.metric.name: one for one in streams}
        values = iter(fixed)
        self._compared: list[_Compared] = []
        self._checked: list[_Checked] = []
        for place, metric in enumerate(plan.spec.metrics):
            if metric.threshold is not None:
                value = next(values, None)
                inside = value is None or is_inside(metric.threshold, value)
                none = np.zeros(runs, dtype=np.int64)
                self._checked.append(_Checked(place, metric, inside, none, none.copy(), np.full(runs, np.nan)))
            else:
                self._compared.append(self._start(place, by_name[metric.name]))
        usable = [
            ((one.stream.metric.label_delay is not None), one.place)
            for one in self._compared
            if one.stream.kind.counts_answers and not one.stream.kind.one_sided
        ]
        first = self._compared[0].place if self._compared else -1
        self._counting = min(usable)[1] if usable else first  # the metric that tells how many answers there are
        self._answers = np.zeros(runs)  # of the candidate since its step began
        self._answers_step = np.full(runs, np.nan)

    def _start(self, place: int, stream: Stream) -> _Compared:
        spec, phi = self._plan.spec, self._plan.dispersion
        cohorts = Cohorts(stream, lambda: comparison(spec, stream.metric, phi, stream.frozen()), self._runs)
        return _Compared(place, stream, self._plan.settle(stream.metric), cohorts)

    def note(self, stream: Stream, number: int, data: Data, present: Flags, answers: Floats) -> None:
        """A stratum has ended."""
        one = next(one for one in self._compared if one.stream is stream)
        one.pending.append(_Pending(number, data, present, answers))

    def look(self, now: float, step_since: Floats, asked: Flags) -> None:
        """Count what has settled by now, in the runs that are asked about."""
        width = self._plan.grid.width
        for one in self._compared:
            closed = math.floor((now - one.settle) / width + 1e-6) - 1
            while one.pending and one.pending[0].number <= closed:
                stratum = one.pending.popleft()
                present = stratum.present & asked
                one.cohorts.fold(stratum.data, stratum.number * width, step_since, present, asked)
                if one.place == self._counting:
                    self._count(stratum, stratum.number * width, step_since, present)
        for check in self._checked:
            anew = check.step_since != step_since
            check.in_step[anew] = 0
            check.step_since[anew] = step_since[anew]
            check.looks[asked] += 1
            check.in_step[asked] += 1

    def _count(self, stratum: _Pending, start: float, step_since: Floats, present: Flags) -> None:
        anew = present & (start >= step_since) & (self._answers_step != step_since)
        self._answers[anew] = 0
        self._answers_step[anew] = step_since[anew]
        self._answers += np.where(present, stratum.answers, 0.0)

    def failures(self) -> tuple[Flags, Integers]:
        """Which runs have a failed guardrail, and the place of the first one among the spec's metrics."""
        failed = np.zeros(self._runs, dtype=bool)
        by = np.full(self._runs, -1, dtype=np.int64)
        family = [one for one in self._compared if one.stream.metric.role == Role.GUARDRAIL]
        found: list[tuple[int, Flags]] = []
        if family:
            peaks = np.stack([one.cohorts.peak for one in family], axis=-1)
            rejected = holm(peaks, family_alpha(self._plan.spec), planned=len(guardrails(self._plan.spec))).rejected
            found = [(one.place, rejected[:, number]) for number, one in enumerate(family)]
        found += [
            (one.place, ~np.bool_(one.inside) & (one.looks >= _consecutive(one.metric)))
            for one in self._checked
            if one.metric.role == Role.GUARDRAIL
        ]
        for place, which in sorted(found, key=lambda one: one[0]):
            by[which & ~failed] = place
            failed |= which
        return failed, by

    def missing(self, step: Integers, step_since: Floats) -> Integers:
        """What a gate that only waits for evidence waits for: a metric by its place, `SAMPLES` or `NOTHING`."""
        plan = self._plan
        have = np.where(self._answers_step == step_since, self._answers, 0.0)
        missing = np.where(have < plan.samples[step], SAMPLES, NOTHING)
        found = [
            (one.place, one.cohorts.log_pass < -math.log(plan.spec.analysis.false_promotion))
            for one in self._compared
            if one.stream.metric.role != Role.MONITOR
        ]
        found += [
            (one.place, (one.in_step < _consecutive(one.metric)) | (not one.inside))
            for one in self._checked
            if one.metric.role != Role.MONITOR
        ]
        for place, open_still in sorted(found, key=lambda one: one[0]):
            missing = np.where((missing == NOTHING) & plan.must_pass[step] & open_still, place, missing)
        return missing

    def ready(self, step: Integers, step_since: Floats, asked: Flags) -> Flags:
        """Which runs' gates wait for nothing but the hold; asked after the failures were dealt with."""
        plan = self._plan
        have = np.where(self._answers_step == step_since, self._answers, 0.0)
        ready = asked & (have >= plan.samples[step])
        passing = plan.must_pass[step]
        last = step == len(plan.steps) - 1
        for check in self._checked:
            if check.metric.role == Role.MONITOR:
                continue
            needed = _consecutive(check.metric)
            ready &= ~passing | ((check.in_step >= needed) & check.inside)
            ready &= (~last | check.inside) & (check.inside | (check.looks < needed))
        deciding = [one for one in self._compared if one.stream.metric.role != Role.MONITOR]
        for one in deciding:
            test = one.cohorts
            if one.stream.metric.role == Role.GOAL:
                ready &= test.peak < -math.log(alpha_of(plan.spec, one.stream.metric))
            ready &= ~passing | (test.log_pass >= -math.log(plan.spec.analysis.false_promotion))
        for one in deciding:
            wanted = ready & last & one.cohorts.has_own_data(step_since)
            for row, inside in one.cohorts.each(wanted, one.stream.inside).items():
                ready[row] &= inside
        return ready


def _consecutive(metric: Metric) -> int:
    return 1 if metric.threshold is None else metric.threshold.consecutive
