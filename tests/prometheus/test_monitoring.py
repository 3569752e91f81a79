"""Looks at a version that serves, against a real Prometheus: a reference, steadiness, an alarm, and a new beginning."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from modelrollout.decisions.monitoring.findings import MonitoringEvidence
from modelrollout.decisions.monitoring.fold import MonitoringState, fold, judge
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.metrics import Bounds, Gatherer
from tests.prometheus.conftest import Exporter, Server
from tests.prometheus.models import Model, World

ERRORS = {
    "name": "errors",
    "better": "Lower",
    "proportion": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"},
}
SCORES = {"name": "scores", "distribution": {"histogram": "score", "margin": {"jensenShannon": 0.1}}}
EVERY, LOOKS = 3.0, 3


@dataclass
class Turning:
    """A pod whose answers and scores become worse at a moment, without any of its counters going back."""

    model: Model
    turned: float = 0.0

    def __call__(self, now: float) -> str:
        before = min(now, self.turned or now) - self.model.born
        after = max(0.0, now - self.turned) if self.turned else 0.0
        bad = int(self.model.rate * (0.01 * before + 0.05 * after))
        low = int(self.model.rate * (0.5 * before + 0.9 * after))
        answered = int(self.model.rate * (before + after))
        return (
            f'http_requests_total{{code="200"}} {answered - bad}\nhttp_requests_total{{code="503"}} {bad}\n'
            f'score_bucket{{le="0.5"}} {low}\nscore_bucket{{le="+Inf"}} {answered}\n'
        )


async def test_a_version_that_becomes_worse_leaves_its_reference_and_who_begins_again_sees_it_too(
    prometheus: Server, exporter: Exporter, executor: ThreadPoolExecutor
) -> None:
    serving = Turning(Model("v7"))
    world = World(prometheus, exporter, v7=serving.model)
    world.show("v7", serving)
    gatherer = Gatherer(executor, prometheus.address, bounds=Bounds(connect=1, seconds=2))
    asked = world.question(ERRORS, SCORES, candidate="v7", stable="v7")
    monitored = Monitored(asked, asked.spec.metrics, EVERY, LOOKS, mean_looks=1000)

    async def until(state: MonitoringState, enough) -> tuple[MonitoringState, MonitoringEvidence]:
        async with asyncio.timeout(60):
            while True:
                now = time.time()
                state = fold(state, monitored, await gatherer.gather_looks(monitored, state, now), now)
                evidence = judge(state, monitored)
                assert evidence.unreachable == ""
                if enough(evidence):
                    return state, evidence
                await asyncio.sleep(0.5)

    state, first = await until(MonitoringState(asked.run), lambda said: all(one.reference for one in said.findings))
    references = {one.metric: one.reference for one in first.findings if one.reference is not None}
    errors, answers = references["errors"].counts
    assert 0.008 < errors / answers < 0.012
    assert references["scores"].bounds == [0.5]
    monitored = replace(monitored, references=references)
    state, steady = await until(state, lambda said: all(one.evidence is not None for one in said.findings))
    assert [one.deviation for one in steady.findings] == ["", ""]
    serving.turned = time.time()
    _, worse = await until(state, lambda said: all(one.deviation for one in said.findings))
    assert "limit" in worse.findings[0].deviation
    _, again = await until(MonitoringState(asked.run), lambda said: all(one.deviation for one in said.findings))
    assert again.findings[0].deviation == worse.findings[0].deviation
