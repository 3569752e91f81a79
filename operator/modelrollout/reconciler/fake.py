"""An examiner that says what a test wants."""

import asyncio
from collections.abc import Mapping
from typing import Any

from modelrollout.api.status import Verdict
from modelrollout.decisions.findings import Evidence, Finding
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
