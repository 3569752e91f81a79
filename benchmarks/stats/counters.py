"""Scenarios that begin with raw counters: a candidate that warms up, and labels that come late."""

from dataclasses import replace

import numpy as np

from benchmarks.stats import kayenta, pooled, thresholds
from benchmarks.stats.judges import first
from benchmarks.stats.ours import judged
from benchmarks.stats.outcomes import Outcomes, outcome
from benchmarks.stats.scenarios import BASE, HOUR, RATE
from benchmarks.stats.situation import Situation
from benchmarks.stats.streams import SCRAPE, Counts, Floats, Stream
from benchmarks.stats.traffic import STABLE_PODS, column, measured_dispersion, split
from modelrollout.decisions.analysis.strata import delayed
from modelrollout.stats import CounterSeries, Strata, close_strata

WARM_UP = 600.0
DELAY = 1800.0
MARGIN = 1.5
SIDES = ("candidate", "stable")

Pods = dict[str, Floats]
"""By the counter's name: its rise in each scrape in each pod of one run, shape (S, P)."""


def series_of(version: str, pods: Pods) -> dict[str, tuple[CounterSeries, ...]]:
    """Counters as scraped, with a first sample of 0 at the start."""
    return {
        name: tuple(
            CounterSeries(
                version,
                f"{version}-{pod}",
                SCRAPE * np.arange(len(rose) + 1.0),
                np.concatenate([[0.0], np.cumsum(rose[:, pod])]),
            )
            for pod in range(rose.shape[1])
        )
        for name, rose in pods.items()
    }


def _both(of: list[dict[str, tuple[CounterSeries, ...]]]) -> dict[str, tuple[CounterSeries, ...]]:
    return {name: of[0][name] + of[1][name] for name in of[0]}


def _columns(strata: Strata, number: int, numerator: str) -> list[Floats]:
    """Numerator and total of both sides, each of shape (number,); NaN in strata that were left out."""
    rows = np.rint(strata.starts / SCRAPE).astype(int)
    result = []
    for side in (strata.candidate, strata.stable):
        for name in (numerator, "total"):
            column_ = np.full(number, np.nan)
            column_[rows] = side[name]
            result.append(column_)
    return result


def _warming(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
    """The candidate's pods start with five times the errors, which fade over minutes; warmUp is ten minutes."""
    strata = 2 * HOUR
    age = SCRAPE * np.arange(strata)
    rate = {"candidate": BASE * (1 + 4 * np.exp(-age / 120)), "stable": np.full(strata, BASE)}
    shape = (strata, STABLE_PODS, runs)
    answers = {side: rng.poisson(RATE / 2 * SCRAPE / STABLE_PODS, shape) for side in SIDES}
    bad = {side: rng.binomial(answers[side], rate[side][:, None, None]).astype(float) for side in SIDES}
    total = {side: answers[side].astype(float) for side in SIDES}
    prepared = np.empty((4, strata, runs))
    for run in range(runs):
        counters = _both([series_of(s, {"bad": bad[s][..., run], "total": total[s][..., run]}) for s in SIDES])
        closed = close_strata(
            counters, reference="total", candidate="candidate", stable="stable", width=SCRAPE, settle=0.0, since=0.0,
            warm_up=WARM_UP, started={f"candidate-{pod}": 0.0 for pod in range(STABLE_PODS)},
        )  # fmt: skip
        prepared[:, :, run] = _columns(closed, strata, "bad")
    counts = Counts(*(one[side].sum(axis=1) for side in SIDES for one in (bad, total)))
    phi = measured_dispersion(rng, runs, RATE / 2, BASE)
    stream = Stream(counts, column(rate["candidate"]), column(BASE), prepared=Counts(*prepared), dispersion=phi)
    return _judged(stream, kayenta_runs, "equal", {"margin_ratio": MARGIN})


def late_labels(effect: float, truth: str) -> Situation:
    """Correct answers are known half an hour later; meanwhile the weight goes 5→25→50 %."""
    base, strata = 0.1, round((7200 + DELAY) / SCRAPE)
    lag = round(DELAY / SCRAPE)

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        third = strata // 3
        weights = np.repeat([0.05, 0.25, 0.5], third)
        # answers before the first stratum have their labels counted in it: stable's only, as before any rollout
        before = rng.poisson(RATE * SCRAPE, (lag, runs))
        totals = dict(zip(SIDES, split(rng, strata, runs, RATE, weights), strict=True))
        rates = {"candidate": effect, "stable": base}
        good = {side: rng.binomial(totals[side].astype(np.int64), 1 - rates[side]) for side in SIDES}
        early = {"candidate": np.zeros((lag, runs)), "stable": rng.binomial(before, 1 - base)}
        arriving = {side: np.concatenate([early[side], good[side][: strata - lag]]) for side in SIDES}
        prepared = np.empty((4, strata, runs))
        for run in range(runs):
            counters = _both(
                [series_of(s, {"good": arriving[s][:, [run]], "total": totals[s][:, [run]]}) for s in SIDES]
            )
            closed = close_strata(
                delayed(counters, ("good",), DELAY), reference="total", candidate="candidate", stable="stable",
                width=SCRAPE, settle=0.0, since=0.0, until=SCRAPE * strata - DELAY,
            )  # fmt: skip
            prepared[:, :, run] = _columns(closed, strata, "good")
        known = Counts(*prepared)
        # what is known of a stratum is known half an hour later: our test may not run ahead of the others
        bad_of = [known.total_c - known.bad_c, known.total_c, known.total_s - known.bad_s, known.total_s]
        ours = Counts(*(np.concatenate([np.full((lag, runs), np.nan), one[: strata - lag]]) for one in bad_of))
        missing = {side: np.clip(totals[side] - arriving[side], 0, totals[side]) for side in SIDES}
        arrived = Counts(*(one[side] for side in SIDES for one in (missing, totals)))
        phi = measured_dispersion(rng, runs, RATE, base)
        stream = Stream(arrived, column(effect), column(base), steps=(third, 2 * third), prepared=ours, dispersion=phi)
        wrong = {side: totals[side] - good[side] for side in SIDES}
        true = replace(stream, counts=Counts(*(one[side] for side in SIDES for one in (wrong, totals))))
        return _judged(stream, kayenta_runs, truth, {"margin_ratio": MARGIN}, true)

    equal = effect == base
    title = (
        f"labels half an hour late, weight 5→25→50 %, {'equal candidate' if equal else '20 % wrong instead of 10 %'}"
    )
    return Situation("late-labels" if equal else "late-labels-bad", title, truth, play, most_runs=1000,
                     note="Others compare what arrives with what is asked; ours lines up cohorts.")  # fmt: skip


def _judged(
    stream: Stream, kayenta_runs: int, truth: str, limits: dict[str, float], true: Stream | None = None
) -> Outcomes:
    """What the judges make of the stream; `true` counts the bad answers as they are, where not all can be seen."""
    true = stream if true is None else true
    judges = {
        "ours": judged(stream, limits),
        "ours-operator": judged(stream, limits, late_faults=True, dispersion=stream.dispersion),
        "unprepared": judged(stream, limits, prepared=False),
        "peeked": pooled.peeked(stream, MARGIN),
        "sequence": pooled.confidence_sequence(stream, MARGIN),
        "argo": thresholds.argo(stream),
        "flagger": thresholds.flagger(stream),
    }
    found = {name: outcome(one, true, truth) for name, one in judges.items()}
    if kayenta_runs:
        few = first(stream, kayenta_runs)
        values, per_value = kayenta.error_shares(few)
        decisions = kayenta.kayenta(values, 300.0, per_value=per_value, strata=few.shape[0])
        found["kayenta-5"] = outcome(decisions, first(true, kayenta_runs), truth)
    return found


COUNTERS = (
    Situation(
        "warming-up", "a candidate that warms up: five times the errors at first, 50 %", "equal", _warming,
        note="Ours leaves out the first ten minutes (`warmUp`); that costs no exposures here but time.", most_runs=1000,
    ),
    late_labels(0.1, "equal"),
    late_labels(0.2, "bad"),
)  # fmt: skip
