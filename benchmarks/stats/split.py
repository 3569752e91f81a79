"""Is the traffic split as it was meant to be?"""

import numpy as np
from scipy.special import gammaincc

from benchmarks.stats.outcomes import Outcomes, outcome
from benchmarks.stats.scenarios import BASE, HOUR, RATE
from benchmarks.stats.situation import Situation
from benchmarks.stats.streams import Decisions, Stream, first_true
from benchmarks.stats.traffic import answered, column, split
from modelrollout.stats import SampleRatio

INTENDED = 0.5
LEVEL = 0.001
STRATA = 2 * HOUR


def split_of(weight: float, truth: str) -> Situation:
    """Half is meant for each version; the candidate gets this share."""

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        totals = split(rng, STRATA, runs, RATE, weight)
        stream = Stream(answered(rng, *totals, BASE, BASE), column(BASE), column(BASE))
        test, noticed = SampleRatio(level=LEVEL), np.full(runs, STRATA)
        for i in range(STRATA):
            test.update(np.stack([totals[0][i], totals[1][i]], axis=-1), [INTENDED, 1 - INTENDED])
            noticed = np.where((np.asarray(test.verdict) == "Mismatch") & (noticed == STRATA), i, noticed)
        never = np.full(runs, STRATA)
        mine, theirs = (np.cumsum(one, axis=0) for one in totals)
        with np.errstate(invalid="ignore"):
            expected = (mine + theirs) * INTENDED
            chi2 = (mine - expected) ** 2 / expected + (theirs - expected) ** 2 / ((mine + theirs) - expected)
        p_values = gammaincc(0.5, np.nan_to_num(chi2) / 2)
        judges = {"ours": Decisions(noticed, never), "chi": Decisions(first_true(p_values < LEVEL), never)}
        return {name: outcome(one, stream, truth) for name, one in judges.items()}

    off = weight != INTENDED
    title = f"traffic split {f'off by {100 * (weight - INTENDED):g} points' if off else 'as intended'}, 50 %, two hours"
    return Situation("split-off" if off else "split-right", title, truth, play,
                     note="Rolled back stands for noticed here: a rollout is not rolled back for its split, but"
                     " warned about.")  # fmt: skip


SPLITS = (split_of(INTENDED, "equal"), split_of(INTENDED + 0.02, "held"))
