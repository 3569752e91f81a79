"""Asks Prometheus and judges what it says."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from modelrollout.decisions.analysis.looking import fold, initial, judge, state_from_checkpoint
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.experiments.pairs import PairStates, fold_pairs, judge_pairs, name_of, restored
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.monitoring.findings import MonitoringEvidence
from modelrollout.decisions.monitoring.fold import MonitoringState
from modelrollout.decisions.monitoring.fold import fold as fold_looks
from modelrollout.decisions.monitoring.fold import judge as judge_looks
from modelrollout.decisions.monitoring.monitored import Monitored
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

    def restore(self, question: Question, checkpoint: Mapping[str, Any] | None) -> AnalysisState | PairStates:
        """The state that the checkpoint holds, where it is the question's run's."""
        return restored(checkpoint, question) if question.pairs else state_from_checkpoint(checkpoint, question)

    async def examine(
        self, question: Question, state: AnalysisState | PairStates, at: float
    ) -> tuple[AnalysisState | PairStates, Evidence]:
        """Gather, fold, judge; an experiment pair by pair."""
        if isinstance(state, AnalysisState):
            samples = await self._gatherer.gather(question, state, at)
            folded = fold(state, question, samples, at)
            return folded, judge(folded, question)
        known = {name_of(pair): state.get(name_of(pair)) or initial(pair) for pair in question.pairs}
        asked = [(pair, known[name_of(pair)]) for pair in question.pairs]
        gathered = dict(zip(known, await self._gatherer.gather_all(asked, at), strict=True))
        pairs = fold_pairs(known, question, gathered, at)
        return pairs, judge_pairs(pairs, question)

    def unanswered(self, question: Question, why: str) -> Evidence:
        """Nothing but that Prometheus did not answer."""
        return Evidence(run=question.run, step=question.step, unreachable=why)

    @property
    def monitor(self) -> "PrometheusMonitor":
        """The same for the version that serves, by the same threads."""
        return PrometheusMonitor(self._gatherer)

    def close(self) -> None:
        """Wait for nobody: a query under way ends by its own time-out."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class PrometheusMonitor:
    """Looks at the version that serves, now and then."""

    def __init__(self, gatherer: Gatherer) -> None:
        self._gatherer = gatherer

    def restore(self, question: Monitored, checkpoint: Mapping[str, Any] | None) -> MonitoringState:
        """Nothing is stored but the reference, which the question brings: the last looks are asked for again."""
        return MonitoringState(question.run)

    async def examine(
        self, question: Monitored, state: MonitoringState, at: float
    ) -> tuple[MonitoringState, MonitoringEvidence]:
        """Gather, fold, judge."""
        samples = await self._gatherer.gather_looks(question, state, at)
        folded = fold_looks(state, question, samples, at)
        return folded, judge_looks(folded, question)

    def unanswered(self, question: Monitored, why: str) -> MonitoringEvidence:
        """Nothing but that Prometheus did not answer."""
        return MonitoringEvidence(question.run, unreachable=why)
