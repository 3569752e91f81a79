"""One metric of every kind that compares versions, with true values to simulate."""

from typing import Any

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.rehearsal.streams.kinds import stream_of
from modelrollout.rehearsal.streams.stream import Stream, Value
from tests.unit.decisions.world import a_spec

KINDS: dict[str, dict[str, Any]] = {
    "proportion": {"better": "Lower", "proportion": {"bad": "bad_total", "total": "all_total"}},
    "good": {"better": "Higher", "proportion": {"good": "good_total", "total": "all_total"}},
    "latency": {
        "better": "Lower",
        "latency": {"histogram": "seconds", "above": "250ms"},
        "margin": {"difference": 0.02},
    },
    "quantile": {
        "better": "Lower",
        "quantile": {"histogram": "seconds", "quantile": 0.95},
        "margin": {"difference": 0.02},
    },
    "rate": {"better": "Lower", "rate": {"events": "events_total", "exposure": "hours_total"}},
    "mean": {
        "better": "Higher",
        "mean": {"sum": "v_sum", "count": "v_count", "sumOfSquares": "v_squares"},
        "margin": {"ratio": 1.1},
    },
    "plain": {"better": "Lower", "mean": {"sum": "v_sum", "count": "v_count"}, "margin": {"difference": 1}},
    "agreement": {"agreement": {"agreed": "agreed_total", "total": "compared_total", "min": 0.95}},
    "distribution": {"distribution": {"histogram": "score", "margin": {"jensenShannon": 0.1}}},
}
VALUES = {
    "proportion": (Value(0.05), Value(0.06)),
    "good": (Value(0.9), Value(0.88)),
    "latency": (Value(0.1), Value(0.11)),
    "quantile": (Value(1 - 0.95), Value(0.06)),
    "rate": (Value(0.05), Value(0.06)),
    "mean": (Value(10, 3), Value(9.8, 3)),
    "plain": (Value(10, 3), Value(10.2, 3)),
    "agreement": (Value(0.97), Value(0.93)),
    "distribution": (Value(0), Value(0.05)),
}


def spec_of(kind: str, **more: Any) -> ModelRolloutSpec:
    """A canary with one metric of this kind."""
    return ModelRolloutSpec.model_validate(a_spec(target="v8", metrics=[{"name": kind, **KINDS[kind], **more}]))


def stream_for(metric: Metric, stable: Value, candidate: Value) -> Stream:
    """The stream of the metric's kind."""
    return stream_of(metric)(metric, stable, candidate)
