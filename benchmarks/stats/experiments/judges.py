"""Who decides an experiment: this project's three forms, and the way in which many dashboards do it.

All judges count the same: answers of all versions until the decision, and good answers lost by then, which is what the
best version would have given more on average. After the decision all traffic goes to the winner, without one to stable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.stats.experiments.contest import Contest
from benchmarks.stats.experiments.decisions import Begun, Run, a_rollout, after
from benchmarks.stats.experiments.situations import ANSWERS, BASE, MINUTES, STRATA, Floats, Situation
from modelrollout.api import ModelRolloutSpec
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.steps import FULL
from modelrollout.stats.bandit import towards
from modelrollout.stats.chances import chances_to_be_best
from modelrollout.stats.power import exposures_for_proportions

POWER = 0.9
BELIEVED = 0.95

LABELS = {
    "bandit": "ours, bandit",
    "split": "ours, equal split, sequential",
    "fixed": "ours, equal split, fixed horizon",
    "thompson": "Thompson sampling, believed at 95 %",
}
OURS = ("bandit", "split", "fixed")


@dataclass(frozen=True, slots=True)
class Endings:
    """What came of R runs, arrays of shape (R,).

    Attributes:
        winner: place of the version that was promoted, 0 where nobody was.
        answers: of all versions until the decision; to the end of the situation where there was none.
        lost: good answers fewer until then than the best version would have given on average.
        lost_in_all: the same to the end of the situation, whoever serves after the decision.
    """

    winner: NDArray[np.int64]
    answers: Floats
    lost: Floats
    lost_in_all: Floats


class Judge(Protocol):
    """Decides many runs of one situation at once."""

    @property
    def weights(self) -> NDArray[np.int64]:
        """Thousandths of each version in each run, shape (K, R)."""
        ...

    def look(self, good: Floats, total: Floats, strata: int) -> Mapping[int, int]:
        """Take in the stratum that has ended, of shape (K, R); the runs that end by it, and their winner's place.

        Args:
            good: good answers; 0 in runs that are over.
            total: all answers.
            strata: how many are over, this one included.
        """
        ...


def played(judge: Judge, situation: Situation, rng: np.random.Generator, runs: int) -> Endings:
    """Let a judge decide so many runs."""
    rates = situation.rates()
    short = rates.max(axis=1, keepdims=True) - rates  # good answers fewer, for each answer of a version
    still = np.ones(runs, dtype=bool)
    winner = np.zeros(runs, dtype=np.int64)
    answers, lost, lost_later = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    for stratum in range(STRATA):
        total = rng.poisson(ANSWERS * judge.weights / FULL * still).astype(np.float64)
        good = rng.binomial(total.astype(np.int64), rates[stratum][:, None]).astype(np.float64)
        answers += total.sum(axis=0)
        lost += short[stratum] @ total
        lost_later += np.where(still, 0.0, ANSWERS * short[stratum][winner])
        if not still.any():
            continue
        for run, place in judge.look(good, total, stratum + 1).items():
            still[run], winner[run] = False, place
    return Endings(winner, answers, lost, lost + lost_later)


class _Equal:
    """Weights that stay as they began."""

    def __init__(self, weights: tuple[int, ...], runs: int) -> None:
        self.weights = np.repeat(np.array(weights, dtype=np.int64)[:, None], runs, axis=1)


class Ours(_Equal):
    """The operator: its tests of every pair, and its decisions of every run."""

    def __init__(self, situation: Situation, strategy: Mapping[str, Any], runs: int, *, ends: int = STRATA) -> None:
        """Begin all runs.

        Args:
            situation: whose versions are compared.
            strategy: as a ModelRollout has it, without its end.
            runs: how many.
            ends: number of strata after which it is over at the latest.
        """
        (form, fields), names = next(iter(strategy.items())), situation.names
        planned = {form: {**fields, "until": {"duration": f"{ends * MINUTES}m"}}}
        begun = Begun(a_rollout(names, planned))
        self._places = {name: place for place, name in enumerate(names)}
        self._contest = Contest(begun.spec, names, runs)
        self._runs = [Run(begun) for _ in range(runs)]
        self._ends, self._moves = ends, form == "bandit"
        self._seen = np.zeros((len(self._contest.verdicts()), runs), dtype=np.int8)
        super().__init__(self._runs[0].weights, runs)

    def evidence(self, number: int) -> Evidence:
        """What the operator would have now in one run."""
        return self._contest.evidence(number, self._runs[number].id)

    def look(self, good: Floats, total: Floats, strata: int) -> Mapping[int, int]:
        """As `Judge.look`. A split's decision follows from its verdicts alone: without a new one nothing is asked."""
        self._contest.add(good, total, 60.0 * MINUTES * (strata - 1))
        verdicts = self._contest.verdicts()
        ended: dict[int, int] = {}
        new = (verdicts != self._seen).any(axis=0) | (self._moves or strata >= self._ends)
        self._seen = verdicts
        for number in np.flatnonzero(new):
            run = self._runs[number]
            if run.over:
                continue
            run.look(self.evidence(int(number)), after(strata))
            if run.over:
                ended[int(number)] = self._places[run.winner] if run.winner is not None else 0
            elif self._moves:
                self.weights[:, number] = run.weights
        return ended


class Thompson(_Equal):
    """Shares by the chance to be the best, and the first that reaches 95 % is believed; stable may be it."""

    def __init__(self, situation: Situation, runs: int) -> None:
        """Begin with equal shares."""
        versions = len(situation.names)
        super().__init__(towards((FULL, *(0,) * (versions - 1)), [1 / versions] * versions, FULL), runs)
        self._good, self._total = np.zeros((versions, runs)), np.zeros((versions, runs))
        self._over = np.zeros(runs, dtype=bool)

    def look(self, good: Floats, total: Floats, strata: int) -> Mapping[int, int]:
        """As `Judge.look`."""
        self._good += good
        self._total += total
        ended: dict[int, int] = {}
        for run in np.flatnonzero(~self._over):
            chances = chances_to_be_best(self._good[:, run], self._total[:, run])
            if chances.max() >= BELIEVED:
                ended[int(run)] = int(chances.argmax())
                self._over[run] = True
            else:
                self.weights[:, run] = towards(self.weights[:, run].tolist(), chances, FULL)
        return ended


def fixed_strata(situation: Situation, spec: ModelRolloutSpec) -> int:
    """How many strata a fixed horizon is planned for: the size that finds the planned effect, in every version."""
    candidates = len(situation.names) - 1
    each = exposures_for_proportions(
        BASE, situation.planned, power=POWER, alpha=spec.analysis.false_promotion / candidates
    )
    return min(STRATA, ceil(each * (candidates + 1) / ANSWERS))


def _fixed(situation: Situation, runs: int) -> Judge:
    strategy = {"abTest": {"horizon": "Fixed", "until": {"duration": "1h"}}}
    strata = fixed_strata(situation, a_rollout(situation.names, strategy).spec)
    return Ours(situation, strategy, runs, ends=strata)


JUDGES: Mapping[str, Callable[[Situation, int], Judge]] = {
    "bandit": lambda situation, runs: Ours(situation, {"bandit": {"interval": f"{MINUTES}m"}}, runs),
    "split": lambda situation, runs: Ours(situation, {"abTest": {}}, runs),
    "fixed": _fixed,
    "thompson": Thompson,
}
