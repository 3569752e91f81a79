"""A metric of the collector that finds nothing says why: the collector's own words, through a real Prometheus."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from modelrollout.collector.engines import Store
from modelrollout.decisions.analysis.looking import initial, judge
from modelrollout.decisions.findings import Finding
from modelrollout.metrics import Bounds, Gatherer
from modelrollout.presets import resolve
from tests.prometheus.conftest import Exporter, Server
from tests.prometheus.test_live_analysis import watch
from tests.unit.collector.world import CLASSES, KEY, World, exchange, fraud, label
from tests.unit.decisions.analysis_histories import question
from tests.unit.presets.shelves import EMPTY

NAMESPACE = "risk-hints"


async def test_a_path_that_finds_nothing_is_named_in_the_finding_until_it_is_right(
    prometheus: Server, exporter: Exporter, executor: ThreadPoolExecutor, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    world = World(store, {"prediction": "klass"})
    world.counting.begin(world.now)
    numbers = iter(range(1_000_000))
    # What is shown is made at each look: Prometheus scrapes from a thread that the store does not know.
    page = ""

    def more() -> None:
        nonlocal page
        for number in (str(next(numbers)) for _ in range(30)):
            for version in ("v7", "v8"):
                world.send(*exchange(f"{version}-{number}", version, {"class": "a"}), label(f"{version}-{number}", "a"))
        world.later(20)
        page = world.exposition.text(world.now).replace(f'namespace="{KEY[0]}"', f'namespace="{NAMESPACE}"')

    more()
    exporter.show("/hints", lambda _: page)
    prometheus.scrape({"path": "/hints"})
    now = time.time()
    metric = {"name": "accuracy", "preset": {"name": "collector/accuracy"}}
    one = question(metric, analysis={"interval": "1s"}, namespace=NAMESPACE, since=now, step_since=now)
    asked = replace(one, spec=resolve(one.spec, "fraud", EMPTY))
    gatherer = Gatherer(executor, prometheus.address, bounds=Bounds(connect=5, seconds=10))

    def until(wanted: Callable[[Finding], bool]) -> Callable[[object], bool]:
        def done(evidence) -> bool:
            more()
            return wanted(evidence.findings[0])

        return done

    state = await watch(gatherer, asked, initial(asked), until(lambda one: one.reason == "TelemetryProblem"))
    said = judge(state, asked).findings[0]
    assert said.verdict == "Inconclusive"
    assert "the collector says of v7 and v8: no answer has anything at spec.telemetry.prediction" in said.message
    edited = fraud(CLASSES)
    edited["metadata"]["generation"] = 2
    world.catalogue.take(edited)
    state = await watch(gatherer, asked, state, until(lambda one: bool(one.candidate_count)))
    assert "collector" not in judge(state, asked).findings[0].message
    exporter.show("/hints", None)
    store.close()
