"""The comparisons of one metric in many runs at once, each run in a step of its own.

A test with many elements restarts them all at the same time (see `stats.restarts`), but runs enter their steps at
different times. So runs are kept together as long as they had the same number of restarts: such runs have the same
stakes, and one test holds them. A restart moves a run on to the next cohort.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelrollout.rehearsal.simulation.elements import Elements
from modelrollout.rehearsal.streams.stream import Data, Stream
from modelrollout.stats.restarts import FIRST_RESTART

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
_SOME = 100.0  # requests that a probe has seen
_CROWDED = 0.6  # below this share of runs that still go on, a cohort is made smaller


@dataclass(slots=True)
class _Cohort:
    """Runs with equally many restarts.

    Attributes:
        test: their comparisons. Its own clock is set by hand: its step begins at 0.
        rows: the run of each element.
        doublings: restarts within the step that the test's clock has seen.
    """

    test: Any
    rows: Rows
    doublings: int = 0


class Cohorts:
    """One comparison per run.

    Attributes:
        peak: each run's largest log evidence for Fail, shape (runs,).
        log_pass: each run's log evidence for Pass, shape (runs,).
    """

    def __init__(self, stream: Stream, fresh: Callable[[], Any], runs: int) -> None:
        """Begin with no data.

        Args:
            stream: feeds the tests.
            fresh: makes one.
            runs: how many runs there are.
        """

        def probe(size: int) -> Any:  # noqa: ANN401 - any of the tests
            test, some = fresh(), np.full(size, _SOME)
            stream.update(test, stream.draw(np.random.default_rng(0), some, some, np.ones(size)), np.arange(size), None)
            return test

        self._stream = stream
        self._elements: Elements[Any] = Elements(probe)
        test = fresh()
        stream.update(test, stream.empty(runs), np.arange(runs), 0.0)  # its clock begins at 0
        self._cohorts: dict[int, _Cohort] = {0: _Cohort(test, np.arange(runs))}
        self._step_since = np.full(runs, np.nan)
        self._step_start = np.full(runs, np.nan)
        self._doublings = np.zeros(runs, dtype=int)
        self._seen = np.zeros(runs, dtype=bool)
        self.peak = np.zeros(runs)
        self.log_pass = np.zeros(runs)

    def fold(self, data: Data, start: float, step_since: Floats, present: Flags, alive: Flags) -> None:
        """Take in one stratum.

        Args:
            data: of all runs.
            start: when the stratum starts.
            step_since: when each run entered its present step.
            present: which runs have this stratum.
            alive: which runs still go on; what is known of the others is dropped.
        """
        begins = present & (self._step_since != step_since) & (start >= step_since)
        self._step_since[begins] = step_since[begins]
        restarts = begins & self._seen
        self._step_start[restarts] = step_since[restarts]
        self._doublings[restarts] = 0
        self._move(restarts, lambda test: test.restart(at=0.0))
        unset = present & np.isnan(self._step_start)
        self._step_start[unset] = start
        due = self._due(present, start)
        late: list[tuple[int, _Cohort]] = []
        for taken, cohort in list(self._cohorts.items()):
            self._shrink(taken, cohort, alive)
        for taken, cohort in list(self._cohorts.items()):
            here = due[cohort.rows]
            if here.any():
                late.append((taken + 1, self._split(taken, cohort, here)))
        for cohort in self._cohorts.values():
            self._feed(cohort, data, present, None)
        for taken, cohort in late:
            self._feed(cohort, data, present, FIRST_RESTART * 2.0**cohort.doublings)
            cohort.doublings += 1
            self._add(taken, cohort)
        self._seen |= present

    def each(self, rows: Flags, ask: Callable[[Any], Any]) -> dict[int, Any]:
        """What `ask` makes of each wanted run's comparison alone, by the run; for few runs and questions."""
        answers: dict[int, Any] = {}
        for cohort in self._cohorts.values():
            wanted = np.flatnonzero(rows[cohort.rows])
            if len(wanted):
                answers |= dict(
                    zip(cohort.rows[wanted].tolist(), ask(self._elements.take(cohort.test, wanted)), strict=True)
                )
        return answers

    def has_own_data(self, step_since: Floats) -> Flags:
        """Which runs have a stratum of their present step."""
        own: Flags = self._step_since == step_since
        return own

    def _due(self, present: Flags, start: float) -> Flags:
        """Runs whose step is old enough for its next restart; as `LateFaults.due`, run by run."""
        due = np.zeros(len(present), dtype=bool)
        while True:
            more = present & (start >= self._step_start + FIRST_RESTART * 2.0**self._doublings)
            if not more.any():
                return due
            self._doublings[more] += 1
            due |= more

    def _feed(self, cohort: _Cohort, data: Data, present: Flags, start: float | None) -> None:
        if start is None and not present[cohort.rows].any():
            return
        self._stream.update(cohort.test, data, cohort.rows, start)
        self.peak[cohort.rows] = cohort.test.peak_log_e_fail
        self.log_pass[cohort.rows] = cohort.test.log_e_pass

    def _move(self, which: Flags, change: Callable[[Any], None]) -> None:
        moved = []
        for taken, cohort in list(self._cohorts.items()):
            here = which[cohort.rows]
            if here.any():
                part = self._split(taken, cohort, here)
                change(part.test)
                moved.append((taken + 1, _Cohort(part.test, part.rows)))
        for taken, part in moved:
            self._add(taken, part)

    def _split(self, taken: int, cohort: _Cohort, here: Flags) -> _Cohort:
        """Take these elements out of a cohort."""
        if here.all():
            return self._cohorts.pop(taken)
        part = _Cohort(self._part(cohort, here), cohort.rows[here], cohort.doublings)
        cohort.test, cohort.rows = self._part(cohort, ~here), cohort.rows[~here]
        return part

    def _part(self, cohort: _Cohort, here: Flags) -> Any:  # noqa: ANN401
        return self._elements.take(cohort.test, np.flatnonzero(here))

    def _add(self, taken: int, part: _Cohort) -> None:
        there = self._cohorts.get(taken)
        if there is None:
            self._cohorts[taken] = part
            return
        rows = np.concatenate([there.rows, part.rows])
        there.test, there.rows = self._elements.join([there.test, part.test], len(rows)), rows

    def _shrink(self, taken: int, cohort: _Cohort, alive: Flags) -> None:
        going = alive[cohort.rows]
        if not going.any():
            del self._cohorts[taken]
        elif going.mean() < _CROWDED:
            self._split(taken, cohort, ~going)
