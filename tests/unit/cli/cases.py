"""Rollouts in the situations that people look at, as the API server returns them."""

from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 20, 3, 12, 30, tzinfo=UTC)

SPEC: dict[str, Any] = {
    "hypothesis": "v8 halves false alarms for new customers",
    "versions": [
        {
            "name": "v7",
            "service": {"name": "fraud-v7", "port": 8080},
            "workload": {"kind": "Deployment", "name": "fraud-v7"},
            "model": {"uri": "s3://models/fraud/7"},
        },
        {
            "name": "v8",
            "service": {"name": "fraud-v8", "port": 8080},
            "workload": {"kind": "Deployment", "name": "fraud-v8"},
            "model": {"uri": "s3://models/fraud/8"},
        },
    ],
    "target": "v8",
    "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
    "strategy": {"canary": {"weights": [1, 5, 25, 50], "hold": "2m", "samples": 200}},
    "metrics": [
        {
            "name": "errors",
            "better": "Lower",
            "proportion": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"},
        },
        {
            "name": "slow",
            "better": "Lower",
            "latency": {"histogram": "http_request_duration_seconds", "above": "250ms"},
            "margin": {"difference": 0.02},
        },
        {
            "name": "accuracy",
            "role": "Goal",
            "better": "Higher",
            "proportion": {"good": 'model_outcomes_total{correct="true"}', "total": "model_outcomes_total"},
            "gain": {"difference": 0.01},
        },
        {
            "name": "gpu-memory",
            "threshold": {"query": 'max(gpu_memory_used_ratio{pod=~"{{pods}}"})', "max": 0.95},
        },
    ],
}

_RUN: dict[str, Any] = {
    "id": "v8-9a01c2d3e4-1",
    "target": "v8",
    "revision": "9a01c2d3e4f5",
    "number": 1,
    "stable": "v7",
    "stableRevision": "5f7c11aa22bb",
    "state": "Trial",
    "plan": "fraud-v8-9a01c2d3e4-1",
    "step": 1,
    "steps": 4,
    "weight": 50,
    "intent": 2,
    "startedAt": "2026-11-20T03:07:00.000Z",
    "exposedAt": "2026-11-20T03:07:01.000Z",
    "stepStartedAt": "2026-11-20T03:11:42.000Z",
    "advancedAt": "2026-11-20T03:11:42.000Z",
}

_METRICS: list[dict[str, Any]] = [
    {
        "name": "errors",
        "role": "Guardrail",
        "verdict": "Inconclusive",
        "reason": "NotYet",
        "message": "0.42% of 4,120 against 0.4% of 78,311: more data is needed",
        "candidate": "0.0042",
        "stable": "0.004",
        "limit": "0.006",
        "effect": "ratio 1.05 [0.71, 1.6]",
        "candidateCount": 4120,
        "stableCount": 78311,
        "evidenceFail": "0.03",
        "evidencePass": "0.64",
    },
    {
        "name": "slow",
        "role": "Guardrail",
        "verdict": "Pass",
        "reason": "Proven",
        "candidate": "0.0113",
        "stable": "0.0121",
        "limit": "0.0321",
        "effect": "difference -0.0008 [-0.004, 0.003]",
        "candidateCount": 4120,
        "stableCount": 78311,
        "evidenceFail": "0",
        "evidencePass": "1.31",
    },
    {
        "name": "accuracy",
        "role": "Goal",
        "verdict": "Inconclusive",
        "reason": "NoData",
        "message": "model_outcomes_total was never seen for v8: does its exporter run?",
        "stable": "0.084",
        "stableCount": 70211,
    },
    {
        "name": "gpu-memory",
        "role": "Guardrail",
        "verdict": "Pass",
        "reason": "Proven",
        "candidate": "0.71",
        "limit": "0.95",
    },
]

_CONDITIONS: list[dict[str, Any]] = [
    {"type": "Ready", "status": "False", "reason": "Progressing", "lastTransitionTime": "2026-11-20T03:07:00Z"},
    {"type": "SpecValid", "status": "True", "reason": "Accepted", "lastTransitionTime": "2026-11-20T03:07:00Z"},
    {"type": "Stalled", "status": "False", "reason": "NotStalled", "lastTransitionTime": "2026-11-20T03:07:00Z"},
]


def rollout(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A rollout named risk/fraud with that status."""
    document: dict[str, Any] = {
        "apiVersion": "modelrollout.io/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {
            "name": "fraud",
            "namespace": "risk",
            "generation": 3,
            "uid": "11111111-2222-3333-4444-555555555555",
            "resourceVersion": "41",
            "creationTimestamp": "2026-11-01T00:00:00Z",
        },
        "spec": SPEC | spec,
    }
    return document | ({"status": status} if status else {})


def progressing(**status: Any) -> dict[str, Any]:
    """In its second step of four, with evidence on the way."""
    return rollout(
        {
            "observedGeneration": 3,
            "phase": "Progressing",
            "message": "step 2 of 4, v8 at 5 %; waits for its hold, fresh data",
            "strategy": "canary",
            "stepText": "2/4",
            "weightText": "5%",
            "candidate": "v8",
            "stable": "v7",
            "stableRevision": "5f7c11aa22bb",
            "weights": {"desired": {"v7": 950, "v8": 50}, "observed": {"v7": 950, "v8": 50}},
            "run": _RUN,
            "metrics": _METRICS,
            "metricsAt": "2026-11-20T03:12:15.000Z",
            "conditions": _CONDITIONS,
        }
        | status
    )


def paused() -> dict[str, Any]:
    """Paused by a person, while the route carries other weights than it should and Prometheus is away."""
    return progressing(
        phase="Paused",
        message="paused at 5 % by ada@example.com: looking at the error log; guardrails stay on",
        weights={"desired": {"v7": 950, "v8": 50}, "observed": {"v7": 800, "v8": 200}},
        run=_RUN | {"stillSince": "2026-11-20T03:11:50.000Z"},
        pausedBy=[{"by": "ada@example.com", "reason": "looking at the error log", "at": "2026-11-20T03:11:50.000Z"}],
        commands=[
            {
                "name": "fraud-pause-x7k2p",
                "uid": "c1",
                "verb": "Pause",
                "by": "ada@example.com",
                "reason": "looking at the error log",
                "accepted": True,
                "message": "held at 5 %",
                "askedAt": "2026-11-20T03:11:50.000Z",
                "at": "2026-11-20T03:11:50.000Z",
            },
            {
                "name": "fraud-undo-9q2bc",
                "uid": "c2",
                "verb": "Undo",
                "by": "bob@example.com",
                "accepted": False,
                "message": "no promotion can be undone: nothing was promoted before",
                "askedAt": "2026-11-20T03:12:10.000Z",
                "at": "2026-11-20T03:12:10.000Z",
            },
        ],
        conditions=[
            *_CONDITIONS,
            {
                "type": "TrafficMatches",
                "status": "False",
                "reason": "Repairing",
                "message": "the route does not carry the desired weights",
                "lastTransitionTime": "2026-11-20T03:12:25Z",
            },
            {
                "type": "AnalysisHealthy",
                "status": "False",
                "reason": "Unreachable",
                "message": "Prometheus cannot be asked: connection refused by prometheus.monitoring:9090",
                "lastTransitionTime": "2026-11-20T03:12:20Z",
            },
        ],
    )


def rolled_back() -> dict[str, Any]:
    """Taken back at 5 %, because of errors."""
    why = "errors: 4.1% of 1,204 against 0.4% of 22,876, ratio 10.2 [4.3, 21]; acceptable is 1"
    return progressing(
        phase="RolledBack",
        message=f"v7 serves all traffic; v8 was taken back: {why}",
        candidate="",
        weights={"desired": {"v7": 1000}, "observed": {"v7": 1000}},
        run=_RUN
        | {
            "state": "Done",
            "outcome": "RolledBack",
            "reason": "GuardrailFailed",
            "message": why,
            "weight": 0,
            "endedAt": "2026-11-20T03:12:20.000Z",
        },
        metrics=[
            _METRICS[0]
            | {
                "verdict": "Fail",
                "reason": "Worse",
                "message": why,
                "candidate": "0.041",
                "effect": "ratio 10.2 [4.3, 21]",
                "evidenceFail": "1.02",
                "evidencePass": "0",
            },
            *_METRICS[1:2],
        ],
        rejected=[
            {
                "version": "v8",
                "revision": "9a01c2d3e4f5",
                "run": "v8-9a01c2d3e4-1",
                "reason": "GuardrailFailed",
                "message": why,
                "at": "2026-11-20T03:12:20.000Z",
            }
        ],
        history=[
            {
                "run": "v7-5f7c11aa22-1",
                "target": "v7",
                "outcome": "Promoted",
                "message": "every gate has passed",
                "startedAt": "2026-11-11T01:00:00.000Z",
                "endedAt": "2026-11-11T01:31:05.000Z",
            },
            {
                "run": "v8-9a01c2d3e4-1",
                "target": "v8",
                "outcome": "RolledBack",
                "reason": "GuardrailFailed",
                "message": why,
                "startedAt": "2026-11-20T03:07:00.000Z",
                "endedAt": "2026-11-20T03:12:20.000Z",
            },
        ],
        conditions=[
            *_CONDITIONS[:2],
            {
                "type": "Stalled",
                "status": "True",
                "reason": "RolledBack",
                "message": f"v7 serves all traffic; v8 was taken back: {why}",
                "lastTransitionTime": "2026-11-20T03:12:20Z",
            },
        ],
    )


def watching() -> dict[str, Any]:
    """Promoted three minutes ago, and watched for a quarter of an hour."""
    return progressing(
        phase="Watching",
        message="v8 serves; v7 stays ready for undo until the watch ends",
        stepText="4/4",
        weightText="100%",
        stable="v8",
        stableRevision="9a01c2d3e4f5",
        previous={"version": "v7", "revision": "5f7c11aa22bb"},
        weights={"desired": {"v8": 1000}, "observed": {"v8": 1000}},
        run=_RUN
        | {
            "state": "Watching",
            "outcome": "Promoted",
            "reason": "Passed",
            "step": 3,
            "weight": 1000,
            "watchUntil": "2026-11-20T03:24:00.000Z",
        },
        metrics=_METRICS[1:2],
    )
