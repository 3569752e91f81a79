"""Asks Prometheus and judges what it says."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from modelrollout.decisions.analysis import fold, judge, state_from_checkpoint
from modelrollout.decisions.analysis_state import AnalysisState
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.questions import Question
from modelrollout.metrics import Bounds, Gatherer
from modelrollout.wiring.settings import Settings


class PrometheusExaminer:
    """The real `Examiner`."""

    def __init__(self, settings: Settings) -> None:
        self._threads = ThreadPoolExecutor(settings.analysis_workers, thread_name_prefix="prometheus")
        self._gatherer = Gatherer(
            self._threads,
            settings.prometheus_address,
            settings.prometheus_allowed,
            Bounds(seconds=settings.prometheus_timeout),
            settings.prometheus_token.get_secret_value(),
        )

    def restore(self, question: Question, checkpoint: Mapping[str, Any] | None) -> AnalysisState:
        """The state that the checkpoint holds, where it is the question's run's."""
        return state_from_checkpoint(checkpoint, question)

    async def examine(self, question: Question, state: AnalysisState, at: float) -> tuple[AnalysisState, Evidence]:
        """Gather, fold, judge."""
        samples = await self._gatherer.gather(question, state, at)
        folded = fold(state, question, samples, at)
        return folded, judge(folded, question)

    def close(self) -> None:
        """Wait for nobody: a query under way ends by its own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)
