"""This project's own test on simulated streams, as it stands in the operator."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stats.streams import Decisions, Floats, Ints, Stream
from modelrollout.rehearsal.simulation.elements import Elements
from modelrollout.stats import Heterogeneity, Proportion
from modelrollout.stats.dispersion import BLOCK, MINIMUM_BLOCKS

GRID = 1.08
"""Runs whose dispersion lies within this factor share a test: a test has one dispersion for all its elements."""


def judged(
    stream: Stream,
    limits: Mapping[str, Any],
    *,
    late_faults: bool = False,
    dispersion: Floats | None = None,
    prepared: bool = True,
    whole: bool = True,
) -> Decisions:
    """When `Proportion` fails and passes.

    Args:
        stream: the runs.
        limits: of the constructor.
        late_faults: with the restarts, as the operator runs it.
        dispersion: measured before each run, shape (R,), and raised by what the run shows; default 1 throughout.
        prepared: on the counts as the operator prepares them, where that changes them.
        whole: to the end of the stream, even where every run has been decided.
    """
    strata, runs = stream.shape
    fail, passed = np.full(runs, strata), np.full(runs, strata)
    counts = stream.prepared if prepared and stream.prepared is not None else stream.counts
    groups = _Groups(limits, late_faults, np.ones(runs) if dispersion is None else dispersion)
    long_enough = strata * stream.width > MINIMUM_BLOCKS * BLOCK
    scatter = [Heterogeneity() for _ in range(runs)] if dispersion is not None and long_enough else None
    for i in range(strata):
        start, now = i * stream.width, [one[i] for one in counts]
        if i in stream.steps:
            groups.restart(start)
        for rows, test in groups.members():
            b, m, a, n = (one[rows] for one in now)
            test.update(candidate=(b, m), stable=(a, n), start=start)
            verdict = np.asarray(test.verdict)
            fail[rows] = np.where((verdict == "Fail") & (fail[rows] == strata), i, fail[rows])
            passed[rows] = np.where((verdict == "Pass") & (passed[rows] == strata), i, passed[rows])
        if scatter is not None:
            open_ = np.flatnonzero(fail == strata)  # a Fail stays one, whatever the run shows later
            for run in open_:
                b, m, a, n = (float(one[run]) for one in now)
                scatter[run].update(start, (b, m), (a, n))
            if start >= MINIMUM_BLOCKS * BLOCK and start % BLOCK < stream.width:
                groups.raise_to({int(run): scatter[run].raise_to or 1.0 for run in open_})
        if not whole and (np.minimum(fail, passed) < strata).all():
            break
    return Decisions(fail, passed)


class _Groups:
    """Tests by their dispersion, on a grid; a run moves to another one when its dispersion is raised."""

    def __init__(self, limits: Mapping[str, Any], late_faults: bool, dispersion: Floats) -> None:
        def fresh(phi: float) -> Proportion:
            return Proportion(dispersion=phi, late_faults=late_faults, **limits)

        def probe(size: int) -> Proportion:
            test = fresh(1.0)
            test.update(candidate=(np.ones(size), np.full(size, 9)), stable=(np.ones(size), np.full(size, 9)))
            return test

        self._elements = Elements(probe)
        steps = _step(dispersion)
        self._of = {int(step): np.flatnonzero(steps == step) for step in np.unique(steps)}
        self._tests = {step: fresh(GRID**step) for step in self._of}

    def members(self) -> list[tuple[Ints, Proportion]]:
        """The runs of each test, and the test."""
        return [(self._of[step], self._tests[step]) for step in self._of]

    def restart(self, at: float) -> None:
        """A step of the rollout begins."""
        for test in self._tests.values():
            test.restart(at=at)

    def raise_to(self, wanted: Mapping[int, float]) -> None:
        """Moves the runs whose dispersion is to be larger than their test's."""
        steps = dict(zip(wanted, _step(np.array(list(wanted.values()))), strict=True))
        for step in sorted(self._of, reverse=True):
            target = np.array([steps.get(int(run), 0) for run in self._of[step]])
            for higher in np.unique(target[target > step]):
                self._move(step, int(higher), target == higher)
                target = target[target != higher]

    def _move(self, step: int, higher: int, which: NDArray[np.bool_]) -> None:
        rows, test = self._of[step], self._tests[step]
        moved = self._elements.take(test, np.flatnonzero(which))
        moved.raise_dispersion(GRID**higher)
        if higher in self._of:
            joined = np.concatenate([self._of[higher], rows[which]])
            moved = self._elements.join([self._tests[higher], moved], len(joined))
            self._of[higher] = joined
        else:
            self._of[higher] = rows[which]
        self._tests[higher] = moved
        if which.all():
            del self._of[step], self._tests[step]
        else:
            self._of[step] = rows[~which]
            self._tests[step] = self._elements.take(test, np.flatnonzero(~which))


def _step(dispersion: Floats) -> Ints:
    return np.rint(np.log(np.maximum(dispersion, 1.0)) / math.log(GRID)).astype(np.int64)
