"""Policies and recordings for tests of the replay: seeded counters of pods that were scraped every ten seconds."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.rehearsal.recording.builder import RecordingBuilder, SeriesKey
from modelrollout.rehearsal.recording.recorded import Recording
from modelrollout.rehearsal.replay.roles import Roles

T0 = 1_763_694_000.0
SCRAPE = 10.0
ROLES = Roles("v8", "v7")
ERRORS = {
    "name": "errors",
    "better": "Lower",
    "proportion": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"},
    "margin": {"difference": 0.02},
}
SLOW = {
    "name": "slow",
    "better": "Lower",
    "latency": {"histogram": "http_request_duration_seconds", "above": "250ms"},
    "margin": {"difference": 0.05},
}
MEMORY = {"name": "memory", "threshold": {"query": "max(memory_ratio)", "max": 0.9}}


def policy(*metrics: dict[str, Any], canary: dict[str, Any] | None = None, **spec: Any) -> ModelRollout:
    """5 → 50 % of v8 against v7, two minutes a step, looked at every ten seconds."""
    versions = [
        {
            "name": name,
            "service": {"name": f"fraud-{name}", "port": 8080},
            "workload": {"kind": "Deployment", "name": f"fraud-{name}"},
        }
        for name in ("v7", "v8")
    ]
    return parse_rollout(
        {
            "apiVersion": "modelrollout.io/v1alpha1",
            "kind": "ModelRollout",
            "metadata": {"name": "fraud", "namespace": "risk"},
            "spec": {
                "versions": versions,
                "target": "v8",
                "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
                "strategy": {"canary": {"weights": [5, 50], "hold": "2m", "samples": 100, **(canary or {})}},
                "metrics": list(metrics) or [ERRORS],
                "analysis": {"interval": "10s", "warmUp": "0s", "dispersion": 1},
                "watch": "0s",
                **spec,
            },
        }
    )


@dataclass(frozen=True)
class Pod:
    """A pod that answers so many requests a second, a share of them badly, from and to moments after T0."""

    version: str
    name: str
    rate: float = 40.0
    bad: float = 0.01
    worse_from: float = 1e12
    worse: float = 0.1
    begin: float = 0.0
    end: float = 1e12
    resets: tuple[float, ...] = ()


V7, V8 = Pod("v7", "a"), Pod("v8", "b")
BAD_V8 = Pod("v8", "b", bad=0.08)


def recorded(*pods: Pod, seconds: float = 900.0, seed: int = 1, slow: bool = False) -> Recording:
    """What was scraped of these pods."""
    builder = RecordingBuilder()
    for number, pod in enumerate(pods):
        rng = np.random.default_rng([seed, number])
        counts = {"bad": 0, "total": 0}
        for at in np.arange(max(0.0, pod.begin), min(pod.end, seconds) + 1e-9, SCRAPE) + number * 0.25:
            answers = int(rng.poisson(pod.rate * SCRAPE))
            bad = int(rng.binomial(answers, pod.worse if at > pod.worse_from else pod.bad))
            if any(at - SCRAPE < reset <= at for reset in pod.resets):
                counts = {"bad": 0, "total": 0}
            counts = {"bad": counts["bad"] + bad, "total": counts["total"] + answers}
            builder.add(SeriesKey("errors", pod.version, pod.name), T0 + at, counts)
            if slow:
                fast = counts["total"] - counts["total"] // 20
                buckets = {"0.1": fast // 2, "0.25": fast, "+Inf": counts["total"]}
                builder.add(SeriesKey("slow", pod.version, pod.name), T0 + at, buckets)
    return builder.recording()
