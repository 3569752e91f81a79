"""Many comparisons in one rollout: ten metrics, and twenty slices of one."""

import math

import numpy as np
from scipy.special import ndtri

from benchmarks.stats import kayenta, pooled, thresholds
from benchmarks.stats.judges import first
from benchmarks.stats.ours import judged
from benchmarks.stats.outcomes import Outcome, Outcomes, outcome
from benchmarks.stats.scenarios import BASE, HOUR, RATE
from benchmarks.stats.situation import Situation, altogether
from benchmarks.stats.streams import SCRAPE, Counts, Decisions, Stream, cumulated, first_true
from benchmarks.stats.traffic import answered, column, measured_dispersion, split
from modelrollout.stats import Proportion, holm

ALPHA = 0.01
METRICS, SLICES = 10, 20
MARGIN = 1.5
STRATA = 2 * HOUR
MINIMUM_SAMPLES = 200  # the default of a metric's slices


def ten_metrics(effects: list[float], truth: str) -> Situation:
    """Ten metrics, independent of each other; `effects` are the candidate's rates of bad answers."""

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        totals = split(rng, STRATA, runs, RATE, 0.5)
        streams = [Stream(answered(rng, *totals, effect, BASE), column(effect), column(BASE)) for effect in effects]
        # a test has one dispersion: each metric's comes from one history for all runs of a chunk
        phi = [float(measured_dispersion(rng, 1, RATE / 2, BASE)[0]) for _ in effects]
        result = {
            "ours": _metrics(streams, [1.0] * METRICS, late_faults=False),
            "ours-operator": _metrics(streams, phi, late_faults=True),
            "peeked": altogether([pooled.peeked(one, MARGIN) for one in streams], STRATA),
            "sequence": altogether([pooled.confidence_sequence(one, MARGIN) for one in streams], STRATA),
            "argo": altogether([thresholds.argo(one) for one in streams], STRATA),
            "flagger": altogether([thresholds.flagger(one) for one in streams], STRATA),
        }
        found = {name: outcome(one, streams[0], truth) for name, one in result.items()}
        return found | _kayenta(streams, kayenta_runs, truth)

    bad = sum(effect > BASE for effect in effects)
    title = f"ten metrics at once, {'all equal' if not bad else f'{bad} of them with {100 * max(effects):g} %'}, 50 %"
    return Situation("ten-metrics-one-bad" if bad else "ten-metrics", title, truth, play, most_runs=1000,
                     note="Ours keeps the promise for all of them together (Holm); exposures are answers, the bad ones"
                     " those of the first metric.")  # fmt: skip


def _metrics(streams: list[Stream], phi: list[float], *, late_faults: bool) -> Decisions:
    strata, runs = streams[0].shape
    fail, passed = np.full(runs, strata), np.full(runs, strata)
    tests = [
        Proportion(margin_ratio=MARGIN, alpha=ALPHA / METRICS, dispersion=one, late_faults=late_faults) for one in phi
    ]
    for i in range(strata):
        for test, stream in zip(tests, streams, strict=True):
            b, m, a, n = (one[i] for one in stream.counts)
            test.update(candidate=(b, m), stable=(a, n), start=i * stream.width)
        peaks = np.stack([np.asarray(test.peak_log_e_fail) for test in tests], axis=-1)
        rejected = holm(peaks, ALPHA, planned=METRICS).rejected.any(axis=-1)
        fail = np.where(rejected & (fail == strata), i, fail)
        passes = np.all([np.asarray(test.log_e_pass) >= -math.log(test.beta) for test in tests], axis=0)
        passed = np.where(passes & (passed == strata), i, passed)
    return Decisions(fail, passed)


def _kayenta(streams: list[Stream], runs: int, truth: str) -> dict[str, Outcome]:
    if not runs:
        return {}
    few = [first(one, runs) for one in streams]
    shares = [kayenta.error_shares(one) for one in few]
    values, per_value = [pair for pairs, _ in shares for pair in pairs], shares[0][1]
    found = kayenta.kayenta(values, 300.0, per_value=per_value, strata=STRATA)
    return {"kayenta-5": outcome(found, few[0], truth)}


def twenty_slices(worst: float, truth: str) -> Situation:
    """Twenty slices of equal traffic; the candidate's rate of bad answers in the first one is `worst`."""

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        rates = np.where(np.arange(SLICES) == 0, worst, BASE)
        per_slice = RATE / 2 / SLICES * SCRAPE
        total_c, total_s = (rng.poisson(per_slice, (STRATA, runs, SLICES)) for _ in range(2))
        drawn = (rng.binomial(total_c, rates), total_c, rng.binomial(total_s, BASE), total_s)
        parts = Counts(*(one.astype(float) for one in drawn))
        whole = Counts(*(one.sum(axis=2) for one in parts))
        phi = measured_dispersion(rng, 1, RATE / 2, BASE)
        stream = Stream(whole, column(rates.mean()), column(BASE))
        judges = {
            "ours": _slices(parts, stream, 1.0, late_faults=False),
            "ours-operator": _slices(parts, stream, float(phi[0]), late_faults=True),
            "whole": _whole(stream),
            "peeked": pooled.peeked(stream, MARGIN),
            "peeked-slices": _peeked_slices(parts),
            "sequence": pooled.confidence_sequence(stream, MARGIN),
            "argo": thresholds.argo(stream),
            "flagger": thresholds.flagger(stream),
        }
        found = {name: outcome(one, stream, truth) for name, one in judges.items()}
        return found | _kayenta([stream], kayenta_runs, truth)

    bad = worst > BASE
    title = f"twenty slices, {f'one of them with {100 * worst:g} %' if bad else 'all equal'}, 50 %, two hours"
    return Situation("one-bad-slice" if bad else "twenty-slices", title, truth, play, most_runs=600,
                     note="Half of alpha is for the whole, half for the slices (Holm)."
                     + (" All others but one look at the whole, whose errors rise to"
                        f" {100 * (BASE + (worst - BASE) / SLICES):g} %." if bad else ""))  # fmt: skip


def _slices(parts: Counts, stream: Stream, phi: float, *, late_faults: bool) -> Decisions:
    strata, runs = stream.shape
    fail, passed = np.full(runs, strata), np.full(runs, strata)
    whole = Proportion(margin_ratio=MARGIN, alpha=ALPHA / 2, dispersion=phi, late_faults=late_faults)
    each = Proportion(margin_ratio=MARGIN, alpha=ALPHA / 2 / (SLICES + 1), dispersion=phi)
    for i in range(strata):
        b, m, a, n = (one[i] for one in stream.counts)
        whole.update(candidate=(b, m), stable=(a, n), start=i * stream.width)
        b, m, a, n = (one[i] for one in parts)
        each.update(candidate=(b, m), stable=(a, n), start=i * stream.width)
        enough = np.minimum(*(np.asarray(side) for side in each.exposures)) >= MINIMUM_SAMPLES
        peaks = np.where(enough, np.asarray(each.peak_log_e_fail), 0.0)
        rejected = holm(peaks, ALPHA / 2, planned=SLICES + 1).rejected.any(axis=-1)
        verdict = np.asarray(whole.verdict)
        fail = np.where((rejected | (verdict == "Fail")) & (fail == strata), i, fail)
        passed = np.where((verdict == "Pass") & ~rejected & (passed == strata), i, passed)
    return Decisions(fail, passed)


def _whole(stream: Stream) -> Decisions:
    """Ours without slices."""
    return judged(stream, {"margin_ratio": MARGIN}, late_faults=True)


def _peeked_slices(parts: Counts) -> Decisions:
    """The z test at every scrape in every slice."""
    strata, runs, _ = parts.total_c.shape
    beyond = pooled.z_worse(cumulated(parts)) > -ndtri(ALPHA)
    return Decisions(first_true(np.any(beyond, axis=2)), np.full(runs, strata))


FAMILIES = (
    ten_metrics([BASE] * METRICS, "equal"),
    ten_metrics([2 * BASE] + [BASE] * (METRICS - 1), "bad"),
    twenty_slices(BASE, "equal"),
    twenty_slices(5 * BASE, "held"),
)
