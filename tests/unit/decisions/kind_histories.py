"""Recorded counters of every kind of metric: seeded draws of a good and of a bad candidate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from modelrollout.decisions.analysis.looking import fold, wants_past, window_start
from modelrollout.decisions.analysis.samples import CounterSamples, Samples
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.questions import Question
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import T0, Pod, cut

SCRAPE = 15.0
BOUNDS = np.array([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, np.inf])

Draw = Callable[[np.random.Generator, float, np.ndarray], dict[str, np.ndarray]]
"""What each counter rises by at each scrape, from a chance, how bad the pod is, and its answers."""


@dataclass(frozen=True)
class Example:
    """A metric of one kind, draws for it, and how bad stable, a good and a bad candidate are."""

    metric: Mapping
    draw: Draw
    stable: float
    good: float
    bad: float


def _shares(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    return {"bad": rng.binomial(answers, level), "total": answers}


def _both(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    bad = rng.binomial(answers, level)
    return {"bad": bad, "good": answers - bad}


def _agreed(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    return {"agreed": rng.binomial(answers, level), "total": answers}


def _values(rng: np.random.Generator, level: float, answers: np.ndarray) -> np.ndarray:
    """Skewed values with this mean, one column for each answer."""
    values = rng.gamma(2.0, level / 2, (len(answers), max(1, int(answers.max(initial=1)))))
    return np.where(np.arange(values.shape[1]) < answers[:, None], values, np.nan)


def _mean(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    values = _values(rng, level, answers)
    return {"sum": np.nansum(values, axis=1), "count": answers, "sumOfSquares": np.nansum(values**2, axis=1)}


def _without_squares(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    return {name: rose for name, rose in _mean(rng, level, answers).items() if name != "sumOfSquares"}


def _bounded(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    return {"sum": rng.binomial(answers * 5, level / 5).astype(float), "count": answers}


def _per_user(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    requests = rng.poisson(5, (len(answers), int(answers.max(initial=1)))) + 1.0
    clicks = rng.binomial(requests.astype(int), level) * 1.0
    there = np.arange(requests.shape[1]) < answers[:, None]
    x, y = np.where(there, requests, 0.0), np.where(there, clicks, 0.0)
    sums = {"sum": y, "sumOfSquares": y**2, "per.sum": x, "per.sumOfSquares": x**2, "sumOfProducts": x * y}
    return {"count": answers, **{name: values.sum(axis=1) for name, values in sums.items()}}


def _rate(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    hours = answers / 7
    return {"events": rng.poisson(level * hours), "exposure": hours}


def _histogram(rng: np.random.Generator, level: float, answers: np.ndarray) -> dict[str, np.ndarray]:
    """Cumulative buckets of exponential values with this mean."""
    shares = np.diff(1 - np.exp(-BOUNDS / level), prepend=0.0)
    counts = np.cumsum(rng.multinomial(answers, shares), axis=1)
    return {"+Inf" if np.isinf(bound) else repr(float(bound)): counts[:, i] for i, bound in enumerate(BOUNDS)}


def _pairs(rng, level: float, counts):
    """Pairs in which stable alone is wrong with a chance of 3 %, and the candidate alone with that of the level."""
    ours = rng.binomial(counts, level)
    return {"onlyCandidateWrong": ours, "onlyStableWrong": rng.binomial(counts - ours, 0.03), "total": counts}


_MEAN = {"sum": "order_sum", "count": "order_count"}
_SQUARES = {**_MEAN, "sumOfSquares": "order_squares"}

EXAMPLES: dict[str, Example] = {
    "proportion": Example(
        {"better": "Lower", "proportion": {"bad": "bad_total", "total": "all_total"}}, _shares, 0.02, 0.02, 0.05
    ),
    "proportion of good and bad": Example(
        {"better": "Lower", "proportion": {"bad": "bad_total", "good": "good_total"}}, _both, 0.02, 0.02, 0.05
    ),
    "latency": Example(
        {"better": "Lower", "latency": {"histogram": "took", "above": "500ms"}}, _histogram, 0.15, 0.15, 0.25
    ),
    "quantile": Example(
        {"better": "Lower", "quantile": {"histogram": "took", "quantile": 0.95}}, _histogram, 0.15, 0.15, 0.25
    ),
    "rate": Example(
        {"better": "Lower", "rate": {"events": "kills_total", "exposure": "hours_total"}}, _rate, 0.3, 0.3, 0.6
    ),
    "mean": Example({"better": "Higher", "mean": _SQUARES, "margin": {"ratio": 1.1}}, _mean, 12.0, 12.0, 10.0),
    "mean without squares": Example(
        {"better": "Lower", "mean": _MEAN, "margin": {"difference": 2}}, _without_squares, 12.0, 12.0, 16.0
    ),
    "mean with bounds": Example(
        {"better": "Higher", "mean": {**_MEAN, "min": 0, "max": 5}, "margin": {"difference": 0.5}},
        _bounded,
        3.0,
        3.0,
        2.0,
    ),
    "ratio of sums": Example(
        {
            "better": "Higher",
            "mean": {
                **_SQUARES,
                "per": {"sum": "requests_sum", "sumOfSquares": "requests_squares", "sumOfProducts": "products"},
            },
            "margin": {"difference": 0.05},
        },
        _per_user,
        0.4,
        0.4,
        0.3,
    ),
    "agreement": Example(
        {"agreement": {"agreed": "agreed_total", "total": "compared_total", "min": 0.97}}, _agreed, 0.99, 0.99, 0.94
    ),
    "paired": Example(
        {
            "better": "Lower",
            "paired": {
                "onlyCandidateWrong": "ours_total",
                "onlyStableWrong": "theirs_total",
                "total": "pairs_total",
            },
            "margin": {"ratio": 1.5},
        },
        _pairs,
        0.03,
        0.03,
        0.12,
    ),
    "distribution": Example(
        {"distribution": {"histogram": "score", "margin": {"jensenShannon": 0.1}}}, _histogram, 0.3, 0.3, 0.8
    ),
}


def spec_of(kind: str, **more) -> dict:
    """The metric as a spec has it."""
    return {"name": "it", **EXAMPLES[kind].metric, **more}


def recorded(kind: str, pods: list[Pod], seconds: float, *, scrape: float = SCRAPE, seed: int = 1) -> CounterSamples:
    """What Prometheus has of these pods from two and a half hours before T0 on; a pod's `bad` is its level."""
    draw, series = EXAMPLES[kind].draw, {}
    for number, pod in enumerate(pods):
        rng = np.random.default_rng([seed, number])
        times = np.round(np.arange(T0 - 9000 + pod.offset, T0 + seconds + scrape, scrape), 3)
        times = times[(times >= pod.start) & (times < pod.end)]
        rose = draw(rng, pod.bad, rng.poisson(pod.rate * scrape, len(times)))
        epoch = np.searchsorted(np.array(pod.resets) + T0, times, side="right")
        kept = rng.random(len(times)) >= pod.missed
        for name, amounts in rose.items():
            values = np.concatenate([np.cumsum(amounts[epoch == one]) for one in np.unique(epoch)] or [amounts])
            one = CounterSeries(pod.version, pod.name, times[kept], values[kept].astype(float))
            series.setdefault(name, []).append(one)
    return CounterSamples({name: tuple(many) for name, many in series.items()})


def two(kind: str, candidate: float, **more) -> list[Pod]:
    """Two pods of stable and two of the candidate, all there before the run."""
    level = EXAMPLES[kind].stable
    return [
        *(Pod("v7", f"a{number}", bad=level, rate=10, start=T0 - 9000, **more) for number in range(2)),
        *(Pod("v8", f"b{number}", bad=candidate, rate=10, start=T0 - 9000, **more) for number in range(2)),
    ]


def looked(state: AnalysisState, asked: Question, whole: CounterSamples, *moments: float) -> AnalysisState:
    """The state after looking at T0 + each moment, with the past where it is wanted."""
    for moment in moments:
        found = {}
        for metric in asked.spec.metrics:
            window = cut(whole, window_start(state, asked, metric), T0 + moment)
            if wants_past(state, asked, metric):
                window = replace(window, past=cut(whole, T0 - 9000, T0))
            found[metric.name] = window
        state = fold(state, asked, Samples(T0 + moment, found), T0 + moment)
    return state
