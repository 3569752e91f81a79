"""Gauges that are read off the stored statuses."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from modelrollout.collector.instruments import Instruments
from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import MODELROLLOUTS
from modelrollout.reconciler.gauges import Gauges
from modelrollout.reconciler.telemetry import Telemetry

FILES = Path(__file__).parents[3] / "charts" / "modelrollout" / "files"
PARTS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def test_a_version_that_degrades_a_stale_model_and_weights_that_do_not_arrive_can_be_alerted_on() -> None:
    cache = Cache()
    for name, degrading in (("fraud", "True"), ("ads", "False"), ("search", "Unknown"), ("plain", "")):
        conditions = [{"type": "Degrading", "status": degrading}] if degrading else []
        if name in ("fraud", "ads"):
            conditions.append({"type": "TrafficMatches", "status": "False" if name == "fraud" else "True"})
        cache.apply(
            MODELROLLOUTS,
            {
                "metadata": {"namespace": "risk", "name": name, "uid": name, "resourceVersion": "1"},
                "status": {"phase": "Completed", "conditions": [*conditions, {"type": "ModelStale", "status": "True"}]},
            },
        )
    registry = CollectorRegistry()
    registry.register(Gauges(cache, lambda _: None))
    shown = [line for line in generate_latest(registry).decode().splitlines() if line.startswith("modelrollout_")]
    degrading = {line for line in shown if line.startswith("modelrollout_degrading{")}
    assert degrading == {
        'modelrollout_degrading{name="fraud",namespace="risk"} 1.0',
        'modelrollout_degrading{name="ads",namespace="risk"} 0.0',
        'modelrollout_degrading{name="search",namespace="risk"} 0.0',
    }
    assert sum(line.startswith("modelrollout_model_stale{") and line.endswith(" 1.0") for line in shown) == 4
    assert [line for line in shown if line.startswith("modelrollout_traffic_mismatch{")] == [
        'modelrollout_traffic_mismatch{name="fraud",namespace="risk"} 1.0',
        'modelrollout_traffic_mismatch{name="ads",namespace="risk"} 0.0',
    ]


def test_the_end_of_the_last_run_and_failing_analyses_are_read_off_the_stored_status() -> None:
    cache = Cache()
    ends = [
        {"outcome": "Promoted", "reason": "", "endedAt": "2026-01-01T00:00:00Z"},
        {"outcome": "RolledBack", "reason": "GuardrailFailed", "endedAt": "2026-01-02T00:00:00Z"},
    ]
    for name, history, healthy in (("fraud", ends, "False"), ("ads", ends[:1], "Unknown"), ("new", [], "True")):
        status = {"history": history, "conditions": [{"type": "AnalysisHealthy", "status": healthy}]}
        metadata = {"namespace": "risk", "name": name, "uid": name, "resourceVersion": "1"}
        cache.apply(MODELROLLOUTS, {"metadata": metadata, "status": status})
    registry = CollectorRegistry()
    registry.register(Gauges(cache, lambda _: None))
    found = {
        (sample.labels["name"], sample.labels.get("outcome"), sample.labels.get("reason")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name in ("modelrollout_run_ended_timestamp_seconds", "modelrollout_analysis_failing")
    }
    assert found == {
        ("fraud", "RolledBack", "GuardrailFailed"): 1767312000.0,
        ("ads", "Promoted", ""): 1767225600.0,
        ("fraud", None, None): 1.0,
        ("ads", None, None): 0.0,
        ("new", None, None): 0.0,
    }


def test_alerts_and_dashboard_ask_for_nothing_that_operator_and_collector_do_not_expose() -> None:
    registry = CollectorRegistry()
    Telemetry(registry)
    Instruments(registry)
    registry.register(Gauges(Cache(), lambda _: None))
    exposed = {family.name + part for family in registry.collect() for part in PARTS[family.type]}
    asked = {
        name: set(re.findall(r"\bmodelrollout_\w+", (FILES / name).read_text()))
        for name in ("alerts.yaml", "dashboard.json")
    }
    assert all(len(names) > 5 for names in asked.values())
    assert {name: names - exposed for name, names in asked.items()} == {"alerts.yaml": set(), "dashboard.json": set()}
