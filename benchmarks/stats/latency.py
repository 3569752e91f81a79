"""Heavy-tailed latency: the share of slow answers, and the mean."""

import numpy as np
from scipy.special import ndtr, ndtri

from benchmarks.stats import kayenta, thresholds
from benchmarks.stats.judges import first
from benchmarks.stats.oracle import ALPHA, BETA
from benchmarks.stats.ours import judged
from benchmarks.stats.outcomes import Outcomes, outcome
from benchmarks.stats.scenarios import HOUR
from benchmarks.stats.situation import Situation
from benchmarks.stats.streams import SCRAPE, Counts, Decisions, Floats, Stream, first_true
from benchmarks.stats.traffic import column, measured_dispersion
from modelrollout.stats.mean import Mean

MARGIN = 1.5
MEDIAN, SPREAD = 0.1, 1.3  # seconds, and the standard deviation of the logarithm: the mean is 2.3 times the median
BOUND = 1.0  # seconds beyond which an answer is slow
RATE = 5.0
STRATA = 2 * HOUR


def slow_share(spread: float) -> float:
    """Share of answers above the bound."""
    return float(ndtr(np.log(MEDIAN / BOUND) / spread))


def _side(rng: np.random.Generator, runs: int, spread: float) -> Floats:
    """Slow answers, answers, seconds, squared seconds in each scrape: shape (4, S, R)."""
    result = np.empty((4, STRATA, runs))
    for run in range(runs):
        counts = rng.poisson(RATE / 2 * SCRAPE, STRATA)
        seconds = MEDIAN * np.exp(spread * rng.standard_normal(counts.sum()))
        scrape = np.repeat(np.arange(STRATA), counts)
        for row, values in enumerate((seconds > BOUND, np.ones_like(seconds), seconds, seconds**2)):
            result[row, :, run] = np.bincount(scrape, weights=values.astype(float), minlength=STRATA)
    return result


def _of_means(sums: list[Floats]) -> tuple[Decisions, Decisions]:
    """Ours on the mean, and Welch's z at every scrape."""
    (_, m, sc, qc), (_, n, ss, qs) = sums
    strata, runs = m.shape
    fail, passed = np.full(runs, strata), np.full(runs, strata)
    test = Mean(margin_ratio=MARGIN, late_faults=True)
    for i in range(strata):
        test.update(candidate=(sc[i], m[i], qc[i]), stable=(ss[i], n[i], qs[i]), start=i * SCRAPE)
        verdict = np.asarray(test.verdict)
        fail = np.where((verdict == "Fail") & (fail == strata), i, fail)
        passed = np.where((verdict == "Pass") & (passed == strata), i, passed)
    m, sc, qc, n, ss, qs = (np.cumsum(one, axis=0) for one in (m, sc, qc, n, ss, qs))
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_c, mean_s = sc / m, ss / n
        error_c, error_s = (qc / m - mean_c**2) / m, (qs / n - mean_s**2) / n
        worse = (mean_c - mean_s) / np.sqrt(error_c + error_s) > -ndtri(ALPHA)
        better = (MARGIN * mean_s - mean_c) / np.sqrt(error_c + MARGIN**2 * error_s) > -ndtri(BETA)
    return Decisions(fail, passed), Decisions(first_true(worse), first_true(better))


def heavy_tail(spread: float, truth: str) -> Situation:
    """Lognormal latencies; the candidate's tail has this spread."""

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        sums = [_side(rng, runs, one) for one in (spread, SPREAD)]
        counts = Counts(sums[0][0], sums[0][1], sums[1][0], sums[1][1])
        slow, base = slow_share(spread), slow_share(SPREAD)
        phi = measured_dispersion(rng, runs, RATE / 2, base)
        stream = Stream(counts, column(slow), column(base), dispersion=phi)
        limits = {"margin_ratio": MARGIN}
        of_mean, peeked = _of_means(sums)
        judges = {
            "ours": judged(stream, limits),
            "ours-operator": judged(stream, limits, late_faults=True, dispersion=phi),
            "ours-mean": of_mean,
            "peeked": peeked,
            "argo": thresholds.argo(stream),
            "flagger": thresholds.flagger(stream),
        }
        found = {name: outcome(one, stream, truth) for name, one in judges.items()}
        if kayenta_runs:
            few, per_value = first(stream, kayenta_runs), round(kayenta.STEP / SCRAPE)
            shape = (STRATA // per_value, per_value, kayenta_runs)
            with np.errstate(divide="ignore", invalid="ignore"):
                values = [
                    one[2][:, :kayenta_runs].reshape(shape).sum(axis=1)
                    / one[1][:, :kayenta_runs].reshape(shape).sum(axis=1)
                    for one in sums
                ]
            decisions = kayenta.kayenta([(values[0], values[1])], 300.0, per_value=per_value, strata=STRATA)
            found["kayenta-5"] = outcome(decisions, few, truth)
        return found

    equal = spread == SPREAD
    title = f"heavy-tailed latency, {'equal' if equal else f'{100 * slow_share(spread):.2g} % slow answers'}, 50 %"
    return Situation("latency" if equal else "latency-bad", title, truth, play, most_runs=1000,
                     note=f"Stable has {100 * slow_share(SPREAD):.2g} % answers above a second, at 5 requests a second."
                     " z and Kayenta compare means, as dashboards do; fixed thresholds see the share of slow"
                     " answers.")  # fmt: skip


LATENCY = (heavy_tail(SPREAD, "equal"), heavy_tail(1.6, "bad"))
