"""Which scrape made the evidence sufficient: found afterwards, by folding what Prometheus recorded once more."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from time import time

from benchmarks.operator.models import NEW, OLD, pod
from benchmarks.operator.programs import SCRAPE
from modelrollout.api import parse_spec
from modelrollout.decisions.analysis.looking import fold, initial
from modelrollout.decisions.analysis.samples import CounterSamples, Samples
from modelrollout.decisions.analysis.state import ComparedState
from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.kube.resources import Obj
from modelrollout.metrics import Gatherer
from modelrollout.stats import CounterSeries


def question(rollout: Obj, weight: int) -> Question:
    """What was asked in the run of a rollout that had one step."""
    name, run = rollout["metadata"]["name"], rollout["status"]["run"]
    return Question(
        namespace=rollout["metadata"]["namespace"],
        spec=parse_spec(rollout["spec"]),
        run=run["id"],
        candidate=run["target"],
        stable=run["stable"],
        since=datetime.fromisoformat(run["exposedAt"]).timestamp(),
        step=0,
        step_since=datetime.fromisoformat(run["stepStartedAt"]).timestamp(),
        weight=weight,
        targets={
            version: SeriesTarget(f"{name}-{version}", 8080, f"{name}-{version}", (pod(name, version),))
            for version in (OLD, NEW)
        },
        baseline=run.get("stableRevision", ""),
    )


class Recording:
    """Samples of runs that are over."""

    def __init__(self, prometheus: str) -> None:
        self._threads = ThreadPoolExecutor(2)
        self._gatherer = Gatherer(self._threads, prometheus)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    async def sufficient(self, asked: Question, since: float) -> float:
        """Time of the first scrape, after `since`, with which all that was scraped by then says Fail.

        It need not say so at once: strata are judged a moment after their end, so that no sample is missed. That moment
        is part of the operator's reaction, and is not taken off here.

        Raises:
            ValueError: the recorded samples never say Fail, or said it before.
        """
        metric = asked.spec.metrics[0].name
        whole = await self._gatherer.gather(asked, initial(asked), time())
        samples = whole.metrics[metric]
        if not isinstance(samples, CounterSamples):
            raise ValueError(f"{asked.run}: {samples}")  # noqa: TRY004 - not a mistake in the program

        def failed(scrape: float) -> bool:
            known = {metric: _until(samples, scrape)}
            state = fold(initial(asked), asked, Samples(scrape, known), scrape + SCRAPE).metrics[metric]
            return isinstance(state, ComparedState) and state.failed

        scrapes = sorted({float(at) for one in samples.counters["total"] for at in one.times})
        low, high = sum(at <= since for at in scrapes) - 1, len(scrapes) - 1
        if failed(scrapes[low]) or not failed(scrapes[high]):
            raise ValueError(f"{asked.run}: the recorded samples do not turn to Fail after {since}")
        # A Fail stays one, so its first scrape can be looked for by halves.
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if failed(scrapes[middle]) else (middle, high)
        return scrapes[high]


def _until(samples: CounterSamples, scrape: float) -> CounterSamples:
    return replace(samples, counters={name: _cut(many, scrape) for name, many in samples.counters.items()})


def _cut(series: Sequence[CounterSeries], scrape: float) -> tuple[CounterSeries, ...]:
    cut = (replace(one, times=one.times[one.times <= scrape], values=one.values[one.times <= scrape]) for one in series)
    return tuple(one for one in cut if len(one.times))
