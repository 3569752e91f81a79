"""A scenario that builds its own streams and its own judges."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.stats.outcomes import Outcomes
from benchmarks.stats.streams import Decisions

Play = Callable[[np.random.Generator, int, int], Outcomes]


@dataclass(frozen=True, slots=True)
class Situation:
    """Where more than one proportion is compared, or something else.

    Attributes:
        name: its key in the results.
        title: one line for people.
        truth: what the right decision is; see `page.TRUTHS`.
        play: from a generator, a number of runs and the runs that Kayenta judges, what came of them.
        note: sentences for the page.
        ratio: of the true rates, None where no goal asks for it.
        yardstick: the judge that exposures are compared with.
        bursty: whether answers are not independent.
        most_runs: as many as time allows.
    """

    name: str
    title: str
    truth: str
    play: Play
    note: str = ""
    ratio: float | None = None
    yardstick: str | None = None
    bursty: bool = False
    most_runs: int = 10**9

    def outcomes(self, rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        """What came of so many runs under each judge."""
        return self.play(rng, runs, min(runs, kayenta_runs))


def altogether(each: list[Decisions], strata: int) -> Decisions:
    """Of several metrics: rolled back with the first that fails, promoted once all have been."""
    passed = np.stack([one.passed for one in each]).max(axis=0)
    return Decisions(np.stack([one.fail for one in each]).min(axis=0), np.minimum(passed, strata))
