"""Examiners that say what a test wants."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from modelrollout.api.monitoring_status import Reference
from modelrollout.api.status import Verdict
from modelrollout.decisions.findings import Evidence, Finding
from modelrollout.decisions.monitoring.findings import MonitoringEvidence, MonitoringFinding
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.questions import Question


class ScriptedExaminer:
    """Says of every metric what `verdict` says.

    Attributes:
        verdict: of every metric.
        answers: of the candidate since the step began.
        hang: never answer.
        asked: how often it was asked.
    """

    def __init__(self) -> None:
        self.verdict = Verdict.PASS
        self.answers = 1_000_000
        self.hang = False
        self.asked = 0

    def restore(self, question: Question, checkpoint: Mapping[str, Any] | None) -> None:
        """No state."""

    async def examine(self, question: Question, state: None, at: float) -> tuple[None, Evidence]:
        """All metrics alike, fresh and inside their margin."""
        self.asked += 1
        if self.hang:
            await asyncio.Event().wait()
        findings = tuple(
            Finding(
                metric=metric.name,
                role=metric.role,
                verdict=self.verdict,
                reason="Scripted",
                message="as the test says",
                candidate=0.01,
                stable=0.01,
                limit=0.02,
                fresh=True,
                inside_margin=True,
            )
            for metric in question.spec.metrics
        )
        answers = {question.candidate: self.answers}
        return None, Evidence(question.run, question.step, findings, until=at, answers=answers)

    def unanswered(self, question: Question, why: str) -> Evidence:
        """Nothing but that."""
        return Evidence(question.run, question.step, unreachable=why)


class ScriptedMonitor:
    """Says of every metric of a version that serves what the test says.

    Attributes:
        deviation: of every metric that has a reference, empty while it is steady.
        asked: the questions so far.
    """

    def __init__(self) -> None:
        self.deviation = ""
        self.asked: list[Monitored] = []

    def restore(self, question: Monitored, checkpoint: Mapping[str, Any] | None) -> None:
        """No state."""

    async def examine(self, question: Monitored, state: None, at: float) -> tuple[None, MonitoringEvidence]:
        """A reference at the first look, then the deviation."""
        self.asked.append(question)
        made = [
            MonitoringFinding(one.name, _reference(one.name, at), deviation=self.deviation)
            if one.name not in question.references
            else MonitoringFinding(one.name, deviation=self.deviation)
            for one in question.metrics
        ]
        return None, MonitoringEvidence(question.run, tuple(made))

    def unanswered(self, question: Monitored, why: str) -> MonitoringEvidence:
        """Nothing but that."""
        return MonitoringEvidence(question.run, unreachable=why)


def _reference(metric: str, at: float) -> Reference:
    return Reference(metric=metric, until=datetime.fromtimestamp(at, UTC), dispersion=1, counts=[10, 1000])
