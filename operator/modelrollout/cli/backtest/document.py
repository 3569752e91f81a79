"""The result of a backtest as JSON or YAML; docs/cli.md describes it."""

import math
from typing import Any

from modelrollout.api import ModelRollout
from modelrollout.cli.backtest.notes import notes
from modelrollout.cli.backtest.sources import Gathered
from modelrollout.decisions.findings import Finding, SliceFinding
from modelrollout.rehearsal.replay.result import MetricReplay, Replay, StepReplay


def document(rollout: ModelRollout, samples: Gathered, done: Replay) -> dict[str, Any]:
    """Everything there is to say, times in seconds since the epoch (`at`) and since the first exposure (`after`)."""
    return {
        "rollout": {"namespace": rollout.metadata.namespace, "name": rollout.metadata.name},
        "candidate": done.candidate,
        "stable": done.stable,
        "outcome": str(done.ending),
        "runOutcome": done.outcome or None,
        "reason": done.reason,
        "message": done.message,
        **_moment(done.at, done),
        "missing": list(done.missing),
        "watched": done.watched,
        "exposedAt": done.since,
        "data": {
            "source": samples.source,
            "samples": samples.recording.lines,
            "until": done.until,
        },
        "steps": [_step(step, done) for step in done.steps],
        "events": [
            {**_moment(at, done), "reason": str(event.reason), "warning": event.warning, "message": event.message}
            for at, event in done.events
        ],
        "notes": list(notes(samples, done)),
    }


def _moment(at: float, done: Replay) -> dict[str, float]:
    return {"at": round(at, 3), "after": round(at - done.since, 3)}


def _step(step: StepReplay, done: Replay) -> dict[str, Any]:
    return {
        "step": step.number,
        "weight": step.weight / 10,
        "entered": _moment(step.entered, done),
        "left": None if step.left is None else _moment(step.left, done),
        "metrics": [_metric(one, done) for one in step.metrics],
    }


def _metric(one: MetricReplay, done: Replay) -> dict[str, Any]:
    finding = one.finding
    return {
        "metric": finding.metric,
        "role": str(finding.role),
        "verdict": str(finding.verdict),
        "since": _moment(one.since, done),
        "reason": finding.reason,
        "message": finding.message,
        **_numbers(finding),
        "limit": _number(finding.limit),
        "alpha": _number(finding.alpha),
        "dispersion": _number(finding.dispersion),
        "dispersionAssumed": finding.assumed,
        "lostStrata": finding.lost,
        "slices": [{"slice": each.value, "verdict": str(each.verdict), **_numbers(each)} for each in finding.slices],
    }


def _numbers(finding: Finding | SliceFinding) -> dict[str, Any]:
    """Evidence, effect and both sides."""
    evidence = {"fail": _number(finding.evidence_fail)}
    if isinstance(finding, Finding):
        evidence["pass"] = _number(finding.evidence_pass)
    return {
        "evidence": evidence,
        "effect": _effect(finding),
        "candidate": {"value": _number(finding.candidate), "n": finding.candidate_count},
        "stable": {"value": _number(finding.stable), "n": finding.stable_count},
    }


def _effect(finding: Finding | SliceFinding) -> dict[str, Any] | None:
    if finding.effect is None:
        return None
    return {
        "kind": finding.effect_kind,
        "value": _number(finding.effect),
        "low": _number(finding.low),
        "high": _number(finding.high),
    }


def _number(value: float | None) -> float | None:
    """JSON has no infinities."""
    return value if value is not None and math.isfinite(value) else None
