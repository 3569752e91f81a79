"""Recorded counters for tests of the analysis: seeded, scraped at fixed times, cut to what a question would fetch."""

from dataclasses import dataclass, field, replace

import numpy as np

from modelrollout.api import Metric, parse_spec
from modelrollout.decisions.analysis.looking import fold, window_start
from modelrollout.decisions.analysis.samples import CounterSamples, Samples
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.stats import CounterSeries

T0 = 1_700_000_000.0
ERRORS = {
    "name": "errors",
    "better": "Lower",
    "proportion": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"},
}


def question(*metrics: dict, analysis: dict | None = None, **fields) -> Question:
    """A question about v8 against v7 at a weight of 500 since T0."""
    version = {"workload": {"kind": "Deployment"}, "service": {"port": 8080}}
    spec = parse_spec(
        {
            "versions": [
                {
                    "name": name,
                    "service": {**version["service"], "name": f"fraud-{name}"},
                    "workload": {**version["workload"], "name": f"fraud-{name}"},
                }
                for name in ("v7", "v8")
            ],
            "target": "v8",
            "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
            "strategy": {"canary": {"weights": [5, 50]}},
            "metrics": list(metrics) or [ERRORS],
            "analysis": {"interval": "5s", "warmUp": "0s", "dispersion": 1, **(analysis or {})},
        }
    )
    given = Question(
        namespace="risk",
        spec=spec,
        run="v8-abc-1",
        candidate="v8",
        stable="v7",
        since=T0,
        step=0,
        step_since=T0,
        weight=500,
        targets={
            name: SeriesTarget(f"fraud-{name}", 8080, f"fraud-{name}", (f"fraud-{name}-a",)) for name in ("v7", "v8")
        },
    )
    return replace(given, **fields)


@dataclass
class Pod:
    """A pod with counters that rise by seeded draws at each scrape."""

    version: str
    name: str
    rate: float = 20.0
    bad: float = 0.01
    start: float = T0 - 300
    end: float = T0 + 1e9
    offset: float = 0.3
    resets: tuple[float, ...] = ()
    missed: float = 0.0
    bad_from: dict[float, float] = field(default_factory=dict)


def history(pods: list[Pod], seconds: float, scrape: float = 1.0, seed: int = 1) -> CounterSamples:
    """Everything that Prometheus would have of these pods up to T0 + seconds."""
    events, total = [], []
    for number, pod in enumerate(pods):
        rng = np.random.default_rng([seed, number])
        times = np.arange(T0 - 300 + pod.offset, T0 + seconds + scrape, scrape)
        times = np.round(times[(times >= pod.start) & (times < pod.end)], 3)
        answers = rng.poisson(pod.rate * scrape, len(times))
        share = np.full(len(times), pod.bad)
        for moment, value in sorted(pod.bad_from.items()):
            share[times >= T0 + moment] = value
        wrong = rng.binomial(answers, share)
        epoch = np.searchsorted(np.array(pod.resets) + T0, times, side="right") if pod.resets else np.zeros(len(times))
        for counts, out in ((wrong, events), (answers, total)):
            values = (
                np.concatenate([np.cumsum(counts[epoch == one]) for one in np.unique(epoch)]) if len(times) else counts
            )
            out.append(CounterSeries(pod.version, pod.name, times, values.astype(float)))
    return CounterSamples({"bad": tuple(events), "total": tuple(total)})


def cut(samples: CounterSamples, start: float, end: float) -> CounterSamples:
    """The samples of a window, series without any left out, as an instant query gives them."""

    def parts(series):
        for one in series:
            inside = (one.times > start) & (one.times <= end)
            if inside.any():
                yield replace(one, times=one.times[inside], values=one.values[inside])

    return CounterSamples({name: tuple(parts(many)) for name, many in samples.counters.items()})


def gathered(state: AnalysisState, asked: Question, whole: CounterSamples, at: float) -> Samples:
    """What gathering at that moment would bring for every compared metric."""
    window = {m.name: cut(whole, window_start(state, asked, m), at) for m in asked.spec.metrics if _compared(m)}
    return Samples(at, window)


def folded(state: AnalysisState, asked: Question, whole: CounterSamples, *moments: float) -> AnalysisState:
    """The state after looking at T0 + each moment."""
    for moment in moments:
        state = fold(state, asked, gathered(state, asked, whole, T0 + moment), T0 + moment)
    return state


def _compared(metric: Metric) -> bool:
    return metric.compared
