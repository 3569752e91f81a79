"""Specs that must be refused, each with the sentence that says what to do.

The same cases run against the types and against a real API server: both must refuse them, with the same words.
"""

import copy
from dataclasses import dataclass
from typing import Any


def spec(**changes: Any) -> dict[str, Any]:
    """A spec that is right, with top-level fields replaced; None removes one."""
    base: dict[str, Any] = {
        "versions": [version("v7"), version("v8")],
        "target": "v8",
        "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
        "strategy": {"canary": {"weights": [1, 5, 25, 50]}},
        "metrics": [errors()],
    }
    merged = copy.deepcopy(base) | changes
    return {key: value for key, value in merged.items() if value is not None}


def rollout(body: dict[str, Any], name: str = "fraud") -> dict[str, Any]:
    """The whole object around a spec."""
    return {
        "apiVersion": "modelrollout.io/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": name},
        "spec": body,
    }


def version(name: str, **changes: Any) -> dict[str, Any]:
    """A version that is right, with fields replaced."""
    return {
        "name": name,
        "service": {"name": f"fraud-{name}", "port": 8080},
        "workload": {"kind": "Deployment", "name": f"fraud-{name}"},
    } | changes


def errors(**changes: Any) -> dict[str, Any]:
    """A proportion metric that is right, with fields replaced; None removes one."""
    merged = {
        "name": "errors",
        "better": "Lower",
        "proportion": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"},
    } | changes
    return {key: value for key, value in merged.items() if value is not None}


def metric(**fields: Any) -> dict[str, Any]:
    """A metric without any kind, with fields added."""
    return {"name": "some"} | fields


def with_metric(one: dict[str, Any]) -> dict[str, Any]:
    """A spec with this one metric."""
    return spec(metrics=[one])


def canary(**fields: Any) -> dict[str, Any]:
    """A spec with this canary."""
    return spec(strategy={"canary": fields})


@dataclass(frozen=True)
class Refused:
    """A spec that must be refused.

    Attributes:
        name: the test's name.
        spec: what is wrong.
        message: words that the refusal must contain.
        field: path that it must point at (as the types say it).
    """

    name: str
    spec: dict[str, Any]
    message: str
    field: str


THRESHOLD = {"query": "up", "max": 1}
LATENCY = {"histogram": "http_request_duration_seconds", "above": "250ms"}
QUANTILE = {"histogram": "http_request_duration_seconds", "quantile": 0.99}
RATE = {"events": "preemptions_total", "exposure": "generation_tokens_total"}
MEAN = {"sum": "order_value_sum", "count": "users_total"}
PER = {"sum": "requests_sum", "sumOfSquares": "requests_sumsq", "sumOfProducts": "requests_value_sum"}
DISTRIBUTION = {"histogram": "model_score", "margin": {"jensenShannon": 0.05}}
PAIRED = {"onlyCandidateWrong": "ours", "onlyStableWrong": "theirs", "total": "pairs"}
AGREEMENT = {"agreed": 'shadow_total{agreed="true"}', "total": "shadow_total", "min": 0.98}
CREATE = {"parentRefs": [{"name": "public"}]}
