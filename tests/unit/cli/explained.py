"""Rollouts whose decisions can be explained: evidence with all that stands behind it, and a record."""

import copy
import json
from typing import Any

from tests.unit.cli import cases

RUN = "v8-9a01c2d3e4-1"

_ERRORS = {
    "candidateCount": 4120,
    "stableCount": 78311,
    "alpha": "0.0025",
    "dispersion": "2",
    "dispersionAssumed": True,
    "lostStrata": 3,
    "slices": [
        {
            "value": "DE",
            "verdict": "Inconclusive",
            "candidate": "0.0121",
            "stable": "0.0031",
            "effect": "ratio 3.9 [0.94, 9.1]",
            "evidenceFail": "0.81",
            "candidateCount": 330,
            "stableCount": 6300,
        },
        {
            "value": "FR",
            "verdict": "Inconclusive",
            "candidate": "0.0044",
            "stable": "0.0042",
            "effect": "ratio 1.05 [0.31, 2.4]",
            "evidenceFail": "-0.2",
        },
    ],
}


def line(decision: str, at: str, step: int, weight: int, *findings: dict[str, Any]) -> dict[str, Any]:
    """A line of the record of the run."""
    return {
        "at": at,
        "run": RUN,
        "step": step,
        "steps": 4,
        "weight": weight,
        "decision": decision,
        "findings": list(findings),
    }


def found(metric: str = "errors", verdict: str = "Inconclusive", **numbers: Any) -> dict[str, Any]:
    """What a metric said when a line was written."""
    reason = {"Inconclusive": "NotYet", "Pass": "Proven"}.get(verdict, "Worse")
    return {"metric": metric, "role": "Guardrail", "verdict": verdict, "reason": reason, **numbers}


STARTED = line("RunStarted", "2026-11-20T03:07:01.000+00:00", 1, 10)
PASSED = line(
    "StepPassed",
    "2026-11-20T03:11:42.000+00:00",
    1,
    10,
    found(candidate=0.0049, stable=0.004, effect=1.22, effect_kind="ratio", low=0.4, high=2.9, candidate_count=812),
    found("slow", "Pass", candidate=0.0113, stable=0.0121, effect=-0.0008, effect_kind="difference"),
)
FAILED = line(
    "GuardrailFailed",
    "2026-11-20T03:12:20.000+00:00",
    2,
    50,
    found(
        verdict="Fail",
        candidate=0.041,
        stable=0.004,
        effect=10.2,
        effect_kind="ratio",
        low=4.3,
        high=21,
        evidence_fail=1,
    ),
)


def record(*lines: dict[str, Any]) -> dict[str, str]:
    """The record's data as it stands in its ConfigMap."""
    return {f"{one['at']}-{one['decision']}": json.dumps(one) for one in lines}


def progressing(**status: Any) -> dict[str, Any]:
    """In its second step, with everything that stands behind the evidence on errors."""
    document = cases.progressing(
        **{"message": "step 2 of 4, v8 at 5 %; held until 03:13:42 UTC · errors 0.42 %"} | status
    )
    document = copy.deepcopy(document)
    first, *others = document["status"]["metrics"]
    document["status"]["metrics"] = [first | _ERRORS, *others]
    return document


def in_last_step() -> dict[str, Any]:
    """Held no more, in the last step, which needs proof and a person."""
    document = progressing(message="step 4 of 4, v8 at 50 %; waits for proof, approval")
    document["spec"] = document["spec"] | {"promotion": "Manual"}
    run = document["status"]["run"]
    document["status"]["run"] = run | {"step": 3, "weight": 500, "stepStartedAt": "2026-11-20T03:10:00.000Z"}
    return document
