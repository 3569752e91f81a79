"""Lines of the decision record, as the operator wrote them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_DECISIONS = {
    "RunStarted": "{target} got its first {weight}",
    "StepPassed": "step {step} of {steps} was left: hold, answers and metrics were as it demands",
    "GoalFailed": "the trial ended in its report in step {step}: a goal was not reached",
    "WebhookCalled": "a webhook was called in step {step} of {steps}",
    "CompanionTakenBack": "all traffic was taken back from {weight} in step {step}: so was a companion's candidate",
    "WebhookRefused": "all traffic was taken back from {weight} in step {step}: a webhook refused",
    "Completed": "the watch after the promotion was over",
    "GuardrailFailed": "all traffic was taken back from {weight} in step {step}: a guardrail failed",
    "DeadlinePassed": "all traffic was taken back from {weight} in step {step}: it took longer than it may",
    "TrafficLost": "all traffic was taken back from {weight} in step {step}: {target} did not answer its share",
    "OutOfMemory": "all traffic was taken back from {weight} in step {step}: a container ran out of memory",
    "ContainersRestart": "all traffic was taken back from {weight} in step {step}: containers kept restarting",
    "CandidateUnavailable": "all traffic was taken back from {weight} in step {step}: no endpoint was ready",
}


@dataclass(frozen=True, slots=True)
class RecordedFinding:
    """What a metric said when something was decided; numbers as in a finding, None where there were none."""

    metric: str
    role: str
    verdict: str
    reason: str = ""
    candidate: float | None = None
    stable: float | None = None
    limit: float | None = None
    effect: float | None = None
    effect_kind: str = ""
    low: float | None = None
    high: float | None = None
    evidence_fail: float | None = None
    evidence_pass: float | None = None
    candidate_count: int | None = None
    stable_count: int | None = None


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One decision: when, in which run and step (from 1), at which weight (of 1000, in its audience), from what."""

    at: datetime
    run: str
    step: int
    steps: int
    weight: int
    decision: str
    findings: tuple[RecordedFinding, ...] = ()
    audience: tuple[str, ...] = ()

    def sentence(self, target: str) -> str:
        """What was decided, for people."""
        known = _DECISIONS.get(self.decision, self.decision)
        where = f" in {', '.join(self.audience)}" if self.audience else ""
        return known.format(target=target, weight=f"{self.weight / 10:g}%{where}", step=self.step, steps=self.steps)


def record_lines(texts: Iterable[str], repeated: Iterable[Mapping[str, Any]]) -> tuple[RecordLine, ...]:
    """All lines that can be read, oldest first, each once.

    Args:
        texts: lines of the record itself, as JSON.
        repeated: the newest lines, as the status repeats them.
    """
    documents = [*(_parsed(text) for text in texts), *repeated]
    lines = {(one.at, one.run, one.decision): one for one in map(_line, documents) if one is not None}
    return tuple(lines[key] for key in sorted(lines))


def _parsed(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except ValueError:
        return None


def _line(document: Any) -> RecordLine | None:  # noqa: ANN401 - JSON
    """None for a line that an operator of another version wrote in another form."""
    try:
        findings = tuple(
            RecordedFinding(**{name: one[name] for name in RecordedFinding.__slots__ if name in one})
            for one in document.get("findings") or []
        )
        return RecordLine(
            at=datetime.fromisoformat(document["at"]),
            run=str(document["run"]),
            step=int(document["step"]),
            steps=int(document["steps"]),
            weight=int(document["weight"]),
            decision=str(document["decision"]),
            findings=findings,
            audience=tuple(map(str, document.get("audience") or ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
