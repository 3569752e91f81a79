"""Gauges that are read off the stored statuses."""

from prometheus_client import CollectorRegistry, generate_latest

from modelrollout.kube.cache import Cache
from modelrollout.kube.resources import MODELROLLOUTS
from modelrollout.reconciler.gauges import Gauges


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
