"""This project's own test on simulated streams, as it stands in the operator."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.stats.streams import Decisions, Floats, Stream
from modelrollout.stats import Proportion

GRID = 1.04
"""Runs whose measured dispersion lies within this factor share a test: it is a number, not an array."""


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
        dispersion: of each run, shape (R,); default 1.
        prepared: on the counts as the operator prepares them, where that changes them.
        whole: to the end of the stream, even where every run has been decided.
    """
    strata, runs = stream.shape
    fail, passed = np.full(runs, strata), np.full(runs, strata)
    phi = np.ones(runs) if dispersion is None else GRID ** np.rint(np.log(dispersion) / math.log(GRID))
    counts = stream.prepared if prepared and stream.prepared is not None else stream.counts
    for value in np.unique(phi):
        rows = np.flatnonzero(phi == value)
        test = Proportion(dispersion=float(value), late_faults=late_faults, **limits)
        for i in range(strata):
            if i in stream.steps:
                test.restart(at=i * stream.width)
            b, m, a, n = (one[i, rows] for one in counts)
            test.update(candidate=(b, m), stable=(a, n), start=i * stream.width)
            verdict = np.asarray(test.verdict)
            fail[rows] = np.where((verdict == "Fail") & (fail[rows] == strata), i, fail[rows])
            passed[rows] = np.where((verdict == "Pass") & (passed[rows] == strata), i, passed[rows])
            if not whole and (np.minimum(fail[rows], passed[rows]) < strata).all():
                break
    return Decisions(fail, passed)
