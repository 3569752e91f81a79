"""The evidence of many experiments at once: each pair of versions by the operator's own tests, one element a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stats.experiments.situations import Floats
from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.limits import alpha_of, comparison, dispersion_of
from modelrollout.decisions.experiments.asking import against_each_other, against_stable
from modelrollout.decisions.findings import Duel, Evidence, Finding
from modelrollout.decisions.kinds import Kind, kind_of

Flags = NDArray[np.bool_]


@dataclass(slots=True)
class _Pair:
    """Two versions, by their places, and the test that compares them in every run."""

    first: int
    second: int
    metric: Metric
    kind: Kind
    test: Any
    fail: float
    failed: Flags
    passed: Flags
    estimates: tuple[Floats, Floats] = field(default=(np.zeros(0), np.zeros(0)))
    exposures: tuple[Floats, Floats] = field(default=(np.zeros(0), np.zeros(0)))


@dataclass(frozen=True, slots=True)
class _Element:
    """What a kind asks of a test, of one run."""

    estimates: tuple[float, float]
    exposures: tuple[float, float]


class Contest:
    """All pairs of the versions of an experiment, in many runs."""

    def __init__(self, spec: ModelRolloutSpec, names: Sequence[str], runs: int) -> None:
        """Begin without data.

        Args:
            spec: the experiment's plan, with one metric and a dispersion that is written.
            names: stable and the candidates.
            runs: how many.
        """
        self._names = tuple(names)
        candidates = len(names) - 1
        plans = against_stable(spec, candidates), against_each_other(spec, candidates)
        self._pairs = [
            *(_pair(plans[0], place, 0, runs) for place in range(1, len(names))),
            *(_pair(plans[1], one, other, runs) for one, other in combinations(range(1, len(names)), 2)),
        ]

    def add(self, good: Floats, total: Floats, start: float) -> None:
        """Take in one stratum: answers by version and run, shape (K, R); none in a run that is over."""
        for pair in self._pairs:
            one, other = pair.first, pair.second
            pair.test.update((good[one], total[one]), (good[other], total[other]), start=start)
            pair.failed |= np.asarray(pair.test.peak_log_e_fail) >= pair.fail
            pair.passed = ~pair.failed & (np.asarray(pair.test.log_e_pass) >= -math.log(pair.test.beta))
            pair.estimates, pair.exposures = pair.test.estimates, pair.test.exposures

    def verdicts(self) -> NDArray[np.int8]:
        """Of each pair and run: 1 for Pass, -1 for Fail, 0 for neither, shape (pairs, R)."""
        return np.stack([pair.passed.astype(np.int8) - pair.failed.astype(np.int8) for pair in self._pairs])

    def evidence(self, run: int, name: str) -> Evidence:
        """What the operator would have in one run, which has this name."""
        arms, duels = {}, []
        for pair in self._pairs:
            finding = _finding(pair, run)
            if pair.second == 0:
                arms[self._names[pair.first]] = Evidence(run=name, step=0, findings=(finding,))
            else:
                duels.append(Duel(self._names[pair.first], self._names[pair.second], finding))
        return Evidence(run=name, step=0, arms=arms, duels=tuple(duels))


def _pair(spec: ModelRolloutSpec, first: int, second: int, runs: int) -> _Pair:
    metric = spec.metrics[0]
    kind = kind_of(metric)
    if kind is None:
        raise ValueError(f"{metric.name} compares nothing")
    test = comparison(spec, metric, dispersion_of(spec) or 1.0)
    none = np.zeros(runs, dtype=bool)
    return _Pair(first, second, metric, kind, test, -math.log(alpha_of(spec, metric)), none, none.copy())


def _finding(pair: _Pair, run: int) -> Finding:
    (mine, theirs), (count, others) = pair.estimates, pair.exposures
    element = _Element((float(mine[run]), float(theirs[run])), (float(count[run]), float(others[run])))
    return Finding(
        metric=pair.metric.name,
        role=pair.metric.role,
        verdict=Verdict.FAIL if pair.failed[run] else Verdict.PASS if pair.passed[run] else Verdict.INCONCLUSIVE,
        candidate_count=int(count[run]),
        stable_count=int(others[run]),
        fresh=True,
        samples=pair.kind.samples(element),
    )
