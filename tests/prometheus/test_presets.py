"""Every preset, asked of a real Prometheus about a scrape of its server, finds what a person counts in that scrape.

The first lines of a scrape say where it comes from, and what the server had been asked.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from modelrollout.api import ServiceRef
from modelrollout.decisions.analysis.looking import initial
from modelrollout.decisions.analysis.samples import CounterSamples, Sample, ValueSample
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.questions import Question, SeriesTarget
from modelrollout.manifests.router_series import gateway_series, istio_series
from modelrollout.metrics import Bounds, Gatherer
from modelrollout.presets import preset_names, resolve
from tests.prometheus.conftest import Exporter, Server
from tests.prometheus.scraped import Scrapes, Shown
from tests.unit.decisions.analysis_histories import question
from tests.unit.presets.shelves import EMPTY

COUNTED: dict[str, tuple[dict[str, str], dict[str, float]]] = {
    "bentoml/errors": ({}, {"bad": 6, "total": 30 + 4 + 6 + 5 + 3}),
    "bentoml/latency": ({}, {"slow": 4, "all": 30 + 4}),
    "collector/accuracy": ({}, {"good": 60, "total": 60 + 5, "requests": 100 + 28}),
    "collector/agreement": ({}, {"agreed": 25, "total": 25 + 3 + 2}),
    "collector/complaints": ({}, {"bad": 4, "total": 100 + 28}),
    "collector/invariants": ({"invariant": "probability"}, {"bad": 3, "total": 100 + 28}),
    "collector/score-drift": ({}, {"0.2": 65, "0.4": 85, "0.6": 113, "0.8": 124, "1.0": 125, "+Inf": 128}),
    "envoy-gateway/errors": ({}, {"bad": 6 + 2, "total": 30 + 4 + 6 + 2 + 5}),
    "envoy-gateway/latency": ({}, {"slow": 4, "all": 47}),
    "istio/errors": ({}, {"bad": 6 + 2 + 3, "total": 100}),
    "istio/latency": ({}, {"slow": 12, "all": 80}),
    "kserve/errors": ({}, {"bad": 6 + 2, "total": 47}),
    "kserve/latency": ({}, {"slow": 4, "all": 30 + 4 + 6}),
    "linkerd/errors": ({}, {"bad": 7, "total": 98}),
    "linkerd/latency": ({}, {"slow": 4, "all": 86}),
    "mlserver/errors": ({}, {"bad": 6, "total": 30 + 4 + 6 + 5 + 5 + 3}),
    "mlserver/failures": ({"model": "digits"}, {"bad": 6, "good": 39, "total": 45}),
    "mlserver/latency": ({}, {"slow": 4, "all": 39}),
    "ray-serve/errors": ({}, {"bad": 6 + 5, "total": 45}),
    "ray-serve/latency": ({}, {"slow": 4, "all": 34}),
    "seldon/errors": ({"model": "fraud-v[0-9]+"}, {"bad": 5 + 2, "total": 60 + 30 + 5 + 2 + 4}),
    "seldon/latency": ({"model": "fraud-v[0-9]+"}, {"sum": 3.9, "count": 90}),
    "torchserve/errors": ({}, {"bad": 10, "total": 100}),
    "torchserve/latency": ({}, {"sum": 2500000.5, "count": 100}),
    "triton/errors": ({"model": "digits"}, {"bad": 2 + 7 + 1, "good": 90, "total": 100}),
    "triton/first-response": ({}, {"slow": 6, "all": 90}),
    "triton/latency": ({"model": "digits"}, {"sum": 1350000, "count": 90}),
    "vllm/aborted": ({}, {"bad": 8, "total": 90}),
    "vllm/cut-off": ({}, {"bad": 12, "total": 90}),
    "vllm/errors": ({}, {"bad": 4 + 1, "total": 101}),
    "vllm/inter-token-latency": ({}, {"slow": 300, "all": 5000}),
    "vllm/kv-cache": ({}, {"value": 0.62}),
    "vllm/latency": ({}, {"slow": 6, "all": 90}),
    "vllm/queue": ({}, {"value": 3}),
    "vllm/time-to-first-token": ({}, {"slow": 15, "all": 90}),
}
"""By preset: its parameters, and what it must find of the candidate."""

SHARED = {"collector": "risk", "envoy-gateway": "risk", "istio": "risk", "seldon": "shop"}
"""Scrapes of what counts for both versions, with the namespace that is asked about."""


SERVICES = {name: ServiceRef(name=f"fraud-{name}", port=8080) for name in ("v7", "v8")}
ROUTERS = {"envoy-gateway": gateway_series("risk", SERVICES, None, ()), "istio": istio_series("risk", SERVICES)}
"""What shifts the traffic where it counts too."""

READS = {"kserve/errors": "envoy-gateway"}
"""Presets that read the series of another server than theirs."""


def _shown(server: str) -> tuple[Shown, ...]:
    if server == "seldon":
        return (Shown(server, (("namespace", "shop"),)),)
    if server in SHARED:
        return (Shown(server),)
    return tuple(Shown(server, (("namespace", server), ("pod", f"fraud-{name}-a"))) for name in ("v7", "v8"))


@pytest.fixture(scope="module")
def since(prometheus: Server, exporter: Exporter) -> float:
    """All scrapes have come in; from when on."""
    began = time.time()
    servers = sorted({name.partition("/")[0] for name in COUNTED})
    Scrapes(prometheus, exporter, *(one for server in servers for one in _shown(server)))
    return began


def asked(name: str, parameters: dict[str, str], since: float) -> Question:
    server, what = READS.get(name, name).partition("/")[0], name.partition("/")[2]
    one = question(
        {"name": what, "preset": {"name": name, "parameters": parameters}},
        since=since,
        step_since=since,
        namespace=SHARED.get(server, server),
    )
    targets = {
        each: SeriesTarget(f"fraud-{each}", 8080, f"fraud-{each}", (f"fraud-{each}-a",)) for each in ("v7", "v8")
    }
    return replace(one, spec=resolve(one.spec, "fraud", EMPTY), targets=targets, router=ROUTERS.get(server))


def found(sample: Sample, one: Question) -> dict[str, Any]:
    """What the counters of the candidate rose by, as the kind of the metric has them."""
    (metric,) = one.spec.metrics
    if isinstance(sample, ValueSample):
        return {"value": sample.value}
    assert isinstance(sample, CounterSamples), sample
    kind = kind_of(metric)
    assert kind is not None
    counters = sample.counters if metric.distribution is not None else kind.named(metric, sample)
    rose = {
        name: sum(float(series.values[-1] - series.values[0]) for series in many if series.version == "v8")
        for name, many in counters.items()
    }
    if metric.latency is not None:
        return {"slow": rose["+Inf"] - rose["fast"], "all": rose["+Inf"]}
    return rose


@pytest.mark.parametrize("name", sorted(COUNTED))
async def test_a_preset_finds_what_a_person_counts(
    name: str, since: float, prometheus: Server, executor: ThreadPoolExecutor
) -> None:
    parameters, counted = COUNTED[name]
    one = asked(name, parameters, since)
    gatherer = Gatherer(executor, prometheus.address, bounds=Bounds(connect=10, seconds=30))
    samples = await gatherer.gather(one, initial(one), time.time())
    (sample,) = samples.metrics.values()
    assert found(sample, one) == pytest.approx(counted)


def test_every_preset_is_tried() -> None:
    assert set(preset_names()) == set(COUNTED)
