"""Many runs of one plan at once, with the tests, the gates and the clock of the operator.

Time goes from look to look, as the operator's does: strata lie on a fixed grid, each is counted at the first look after
it has settled, and holds and deadlines end when they end. What is simulated is the traffic: requests come independently
(Poisson) and are split by weight. Every run begins at a random moment of the grid, and the candidate's processes begin
with the run, so that their warm-up is left out. Approvals come at once, nobody pauses, no pod restarts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from modelrollout.rehearsal.simulation.metrics import NOTHING, Judged
from modelrollout.rehearsal.simulation.plan import Plan
from modelrollout.rehearsal.streams.stream import Data, Stream

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


class Outcome(IntEnum):
    """How a run ends."""

    PROMOTED = 0
    ROLLED_BACK = 1
    NO_EVIDENCE = 2
    HELD = 3


@dataclass(frozen=True, slots=True)
class Simulated:
    """What became of every run; arrays of shape (runs,).

    Attributes:
        since: when the run began, seconds after the beginning of a stratum.
        outcome: an `Outcome`.
        seconds: from the first traffic to the decision.
        step: index of the step in which it was decided.
        failed: index of the guardrail that failed, among the spec's metrics; -1 where none did.
        waiting: what a run waited for at its deadline: a metric's place, or `SAMPLES` or `NOTHING`.
        answers: answers of the candidate until then.
        bad: bad answers of the candidate until then, by the metric's name.
        excess: how many more those are than stable would have given (expected), by the metric's name.
        passed_step: seconds from the first traffic at which each step was left, NaN where it was not; (steps, runs).
    """

    since: Floats
    outcome: Integers
    seconds: Floats
    step: Integers
    failed: Integers
    waiting: Integers
    answers: Floats
    bad: dict[str, Floats]
    excess: dict[str, Floats]
    passed_step: Floats


def simulate(
    plan: Plan,
    streams: Sequence[Stream],
    fixed: Sequence[float | None],
    *,
    runs: int,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Simulated:
    """Simulate runs of a plan.

    Args:
        plan: what is walked through.
        streams: what the compared metrics show, in any order.
        fixed: the value of each of the spec's thresholds, in their order; None for one that is within its bounds.
        runs: how many.
        seed: of the randomness.
        progress: told now and then which part of the runs is over, 0 to 1.
    """
    world = _World(plan, streams, fixed, runs, np.random.default_rng(seed))
    while world.going.any():
        world.interval()
        progress(1 - float(world.going.mean()))
    return world.result()


class _World:
    """All runs side by side: where each one is, and what it has seen."""

    def __init__(
        self,
        plan: Plan,
        streams: Sequence[Stream],
        fixed: Sequence[float | None],
        runs: int,
        chance: np.random.Generator,
    ) -> None:
        self.plan, self.chance, self.runs = plan, chance, runs
        self.streams = streams
        self.judged = Judged(plan, streams, fixed, runs)
        self.turn = 0  # of the analysis interval
        width = plan.grid.width
        self.since = chance.uniform(0, width, runs)  # first traffic
        self.step = np.zeros(runs, dtype=np.int64)
        self.step_since = self.since.copy()
        self.going = np.ones(runs, dtype=bool)
        self.ready = np.zeros(runs, dtype=bool)  # the gate waits for nothing but time, as of the last look
        self.clock = self.since.copy()  # up to which the weights below are added up
        self.exposed = np.zeros(runs)  # candidate's weight integrated over time, since the last end of a stratum
        self.counted = np.zeros(runs)  # the same without the warm-up
        self.outcome = np.zeros(runs, dtype=np.int64)
        self.ended = np.full(runs, np.nan)
        self.failed = np.full(runs, -1, dtype=np.int64)
        self.waiting = np.full(runs, NOTHING, dtype=np.int64)
        self.answers = np.zeros(runs)
        self.bad = {one.metric.name: np.zeros(runs) for one in streams if one.bad_shares() is not None}
        self.excess = {name: np.zeros(runs) for name in self.bad}
        self.left = np.full((len(plan.steps), runs), np.nan)

    def interval(self) -> None:
        """From one look up to and with the next."""
        plan = self.plan
        begin = self.turn * plan.interval
        per_stratum = round(plan.grid.width / plan.interval)
        if self.turn and self.turn % per_stratum == 0:
            self._pass_time(begin)
            self._end_stratum(self.turn // per_stratum - 1)
        look = begin + plan.phase * plan.interval
        self._pass_time(look)
        self._look(look)
        self.turn += 1

    # --- time ----------------------------------------------------------------------------------------------------

    def _pass_time(self, until: float) -> None:
        """End holds and deadlines that end before this moment, on the evidence of the last look."""
        while True:
            deadline = self.step_since + self.plan.limits[self.step]
            opens = np.where(self.ready, np.maximum(self.step_since + self.plan.holds[self.step], self.clock), np.inf)
            first = np.minimum(deadline, opens)
            due = self.going & (first < until)
            if not due.any():
                break
            self._clock_to(due, first)
            self._leave(due & (opens <= deadline), first)
            self._expire(due & (opens > deadline), first)
        self._clock_to(self.going & (self.clock < until), np.full(self.runs, until))

    def _clock_to(self, which: Flags, moment: Floats) -> None:
        """Add up the weight until this moment."""
        weight = self.plan.weights[self.step]
        warm = self.since + self.plan.spec.analysis.warm_up.total_seconds()
        self.exposed += np.where(which, weight * (moment - self.clock), 0.0)
        self.counted += np.where(which, weight * np.maximum(0.0, moment - np.maximum(self.clock, warm)), 0.0)
        self.clock = np.where(which, moment, self.clock)

    def _end_stratum(self, number: int) -> None:
        """Draw what both versions showed in a stratum that has ended."""
        width = self.plan.grid.width
        start = number * width
        counted = self._requests(self.counted)
        warming = self._requests(self.exposed - self.counted)
        stable = self._requests(np.where(self.going, width - self.exposed, 0.0))
        changed = np.clip((start + width - self.since - self.plan.traffic.bad_after) / width, 0.0, 1.0)
        present = self.going & (self.since <= start) & (self.counted > 0)
        for stream in self.streams:
            data = stream.draw(self.chance, counted, stable, changed)
            self._count_bad(stream, data, self.going)
            if warming.any():
                self._count_bad(stream, stream.draw(self.chance, warming, np.zeros(self.runs), changed), self.going)
            self.judged.note(stream, number, data.only(present), present, np.where(present, counted, 0.0))
        self.answers += np.where(self.going, counted + warming, 0.0)
        self._count_excess(self.going, changed)
        self.exposed[:] = 0
        self.counted[:] = 0

    def _requests(self, seconds: Floats) -> Floats:
        """How many come in so many seconds of the whole traffic."""
        return self.chance.poisson(self.plan.traffic.rate * np.maximum(0.0, seconds)).astype(np.float64)

    def _count_bad(self, stream: Stream, data: Data, which: Flags) -> None:
        bad = stream.bad(data)
        if bad is not None:
            self.bad[stream.metric.name] += np.where(which, bad, 0.0)

    def _count_excess(self, which: Flags, changed: Floats) -> None:
        for stream in self.streams:
            shares = stream.bad_shares()
            if shares is not None:
                more = self.plan.traffic.rate * self.exposed * changed * (shares[0] - shares[1])
                self.excess[stream.metric.name] += np.where(which, more, 0.0)

    # --- decisions -----------------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Ask, judge, decide, in the operator's order: failures, then progress, then deadlines."""
        asked = self.going & (self.since < now)
        self.judged.look(now, self.step_since, asked)
        failed, by = self.judged.failures()
        here = np.full(self.runs, now)
        fails = asked & failed
        self.failed[fails] = by[fails]
        self._end(fails, here, Outcome.ROLLED_BACK if self.plan.rolls_back_on_failure else Outcome.HELD)
        asked &= self.going
        self.ready = asked & self.judged.ready(self.step, self.step_since, asked)
        self._leave(self.ready & (now >= self.step_since + self.plan.holds[self.step]), here)
        self._expire(self.going & (now >= self.step_since + self.plan.limits[self.step]), here)

    def _leave(self, which: Flags, moment: Floats) -> None:
        """Leave the step: for the next one, or for promotion."""
        rows = np.flatnonzero(which)
        self.left[self.step[rows], rows] = (moment - self.since)[rows]
        last = which & (self.step == len(self.plan.steps) - 1)
        self._end(last, moment, Outcome.PROMOTED)
        onward = which & ~last
        self.step[onward] += 1
        self.step_since[onward] = moment[onward]
        self.ready[onward] = False

    def _expire(self, which: Flags, moment: Floats) -> None:
        if not which.any():
            return
        self.waiting = np.where(which, self.judged.missing(self.step, self.step_since), self.waiting)
        self._end(which, moment, Outcome.NO_EVIDENCE if self.plan.rolls_back_on_deadline else Outcome.HELD)

    def _end(self, which: Flags, moment: Floats, outcome: Outcome) -> None:
        if not which.any():
            return
        rest = self._requests(np.where(which, self.exposed, 0.0))
        begun = self.turn * self.plan.interval // self.plan.grid.width * self.plan.grid.width
        span = np.maximum(1e-9, moment - np.maximum(begun, self.since))
        changed = np.clip((moment - self.since - self.plan.traffic.bad_after) / span, 0.0, 1.0)
        self.answers += rest
        for stream in self.streams:
            self._count_bad(stream, stream.draw(self.chance, rest, np.zeros(self.runs), changed), which)
        self._count_excess(which, changed)
        self.outcome[which] = outcome
        self.ended[which] = moment[which]
        self.going &= ~which

    def result(self) -> Simulated:
        """What became of the runs."""
        return Simulated(
            since=self.since,
            outcome=self.outcome,
            seconds=self.ended - self.since,
            step=self.step,
            failed=self.failed,
            waiting=self.waiting,
            answers=self.answers,
            bad=self.bad,
            excess=self.excess,
            passed_step=self.left,
        )
