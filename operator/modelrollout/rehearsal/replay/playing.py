"""Drives the very decisions of a live rollout over recorded samples: the same plan, the same evidence, another clock.

Live, Prometheus is asked once an interval and the plan looks at the answer, and again when a hold or a deadline ends.
Here the samples that had been scraped by each of these moments stand in for Prometheus' answer. Nothing is decided in
this module.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from modelrollout.api import ModelRollout
from modelrollout.api.status import Outcome, RunState
from modelrollout.decisions.analysis.looking import fold, judge, state_from_checkpoint, wants_past, window_start
from modelrollout.decisions.analysis.samples import Sample, Samples, ValueSample
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.decision import Decision, Event
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.gate import AWAITING_APPROVAL, Gate, Wait, gate
from modelrollout.decisions.questions import Question
from modelrollout.decisions.steps import FULL
from modelrollout.decisions.strategies import compile_steps
from modelrollout.rehearsal.recording.keys import needed
from modelrollout.rehearsal.recording.recorded import Recording
from modelrollout.rehearsal.replay.log import StepLog
from modelrollout.rehearsal.replay.result import Ending, Replay
from modelrollout.rehearsal.replay.roles import Roles
from modelrollout.rehearsal.replay.world import ObedientWorld, moment

OnMoment = Callable[[float], None]


def replay(
    rollout: ModelRollout,
    recording: Recording,
    roles: Roles,
    since: float,
    *,
    approve: bool = False,
    on_moment: OnMoment = lambda _: None,
) -> Replay:
    """What this policy would have decided, and when.

    Args:
        rollout: its spec is the policy; its status counts for nothing.
        recording: what was scraped; what came before `since` serves to measure how the counters scatter.
        roles: who is on trial against whom.
        since: when the candidate got its first weight, seconds since the epoch.
        approve: approve every step that waits for a person, as soon as it does.
        on_moment: is told of every moment that was looked at.
    """
    player = Player(rollout, recording, roles, since, approve=approve)
    while player.advance():
        on_moment(player.now)
    return player.result()


def gathered(recording: Recording, question: Question, state: AnalysisState, at: float) -> Samples:
    """What Prometheus would have answered at that moment."""
    versions = frozenset((question.candidate, question.stable))
    metrics: dict[str, Sample] = {}
    for metric in question.spec.metrics:
        if metric.threshold is not None:
            gauge = recording.gauges.get(metric.name, {}).get(question.candidate)
            metrics[metric.name] = ValueSample(None if gauge is None else gauge.at(at))
            continue
        sample = recording.window(metric.name, versions, window_start(state, question, metric), at)
        if wants_past(state, question, metric):
            sample = replace(sample, past=recording.past(metric.name, versions, question.since))
        metrics[metric.name] = sample
    return Samples(at, metrics)


class Player:
    """A replay that can be stopped at every moment, and gone on with from a checkpoint."""

    def __init__(
        self, rollout: ModelRollout, recording: Recording, roles: Roles, since: float, *, approve: bool = False
    ) -> None:
        """Everything stands at `since`; the first weight is given at once."""
        self._recording = needed(rollout.spec, recording)
        self._roles, self._since, self._approve = roles, since, approve
        self._interval = rollout.spec.analysis.interval.total_seconds()
        # One look after the newest sample; later ones could find nothing but that data are old.
        self._end = max(since, self._tick_after(recording.last() or since, at_once=True))
        self._world = ObedientWorld(rollout, roles)
        self._state: AnalysisState | None = None
        self._checkpoint: Mapping[str, Any] | None = None
        self._evidence: Evidence | None = None
        self._events: list[tuple[float, Event]] = []
        self._log = StepLog()
        self._decided: float = since
        self._wake: float | None = None
        self.now = since
        self._decide()

    def advance(self) -> bool:
        """Go on to the next moment and decide; False when the run or the data are over."""
        if self._world.run.state is RunState.DONE:
            return False
        tick = self._tick_after(self.now)
        upcoming = tick if self._wake is None else min(tick, self._wake)
        if upcoming > self._end:
            return False
        self.now = upcoming
        if upcoming == tick:
            self._look()
        self._decide()
        return True

    def restart(self, checkpoint: Mapping[str, Any] | None = None) -> None:
        """Go on as another process would: from this checkpoint, else from the one that status has."""
        status = self._world.rollout.status
        self._state, self._evidence = None, None
        self._checkpoint = checkpoint if checkpoint is not None else status.evidence

    @property
    def evidence(self) -> Evidence | None:
        """What the last look said."""
        return self._evidence

    def _tick_after(self, now: float, *, at_once: bool = False) -> float:
        cells = now / self._interval
        return (math.ceil(cells - 1e-9) if at_once else math.floor(cells + 1e-9) + 1) * self._interval

    def _look(self) -> None:
        asked = self._world.question()
        if asked is None:
            return
        state = self._state or state_from_checkpoint(self._checkpoint, asked)
        self._state = fold(state, asked, gathered(self._recording, asked, state, self.now), self.now)
        # The recorded traffic was split by other weights than this policy's: what share the candidate answered says
        # nothing here, neither of lost traffic nor of the split. Every comparison of versions holds all the same.
        self._evidence = replace(judge(self._state, asked), traffic_lost=(), split=None)
        self._log.saw(self._evidence, self.now)

    def _decide(self) -> None:
        decisions = self._world.decide(self._evidence, self.now)
        if self._approve and self._world.run.reason == AWAITING_APPROVAL:
            self._world.approve(self.now)
            decisions += self._world.decide(self._evidence, self.now)
        self._note(decisions)

    def _note(self, decisions: list[Decision]) -> None:
        self._events += [(self.now, event) for one in decisions if one.write_status for event in one.events]
        wake = decisions[-1].wake_at
        self._wake = None if wake is None else wake.timestamp()
        run = self._world.run
        if run.state is RunState.TRIAL:
            self._log.stands(run.step + 1, run.weight, self.now)
        elif run.state is RunState.WATCHING:
            self._log.stands(None, FULL, self.now)
        else:
            self._log.leave(self.now)
        if run.outcome is not None and self._log.outcome != run.outcome:
            self._log.outcome, self._decided = run.outcome, self.now

    def result(self) -> Replay:
        """What was decided up to the present moment."""
        run = self._world.run
        ending = _ENDINGS.get(run.outcome) or Ending.HELD if run.outcome is not None else Ending.HELD
        waits: tuple[Wait, ...] = ()
        if ending is Ending.HELD:
            step = compile_steps(self._world.spec)[run.step]
            waits = gate(self._world.spec, run, step, self._evidence, moment(self.now)).waits
        first = Gate(waits).first()
        return Replay(
            candidate=self._roles.candidate,
            stable=self._roles.stable,
            since=self._since,
            until=self.now,
            ending=ending,
            outcome=str(run.outcome or ""),
            reason=run.reason or (str(first.kind) if first else "DataEnded"),
            message=run.message or (first.message if first else "the data ended"),
            at=self.now if ending is Ending.HELD else self._decided,
            missing=tuple(wait.message for wait in waits),
            watched=run.state is RunState.DONE and ending is Ending.PROMOTED,
            steps=self._log.steps(),
            events=tuple(self._events),
        )


_ENDINGS = {
    Outcome.PROMOTED: Ending.PROMOTED,
    Outcome.FORCED: Ending.PROMOTED,
    Outcome.ROLLED_BACK: Ending.ROLLED_BACK,
    Outcome.NO_EVIDENCE: Ending.ROLLED_BACK,
    Outcome.REPORTED: Ending.REPORTED,
}
