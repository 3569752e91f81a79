"""The candidates of an experiment: who they are, what weight each has, and how one leaves for good."""

import hashlib
from collections.abc import Mapping

from modelrollout.api.arms import Arm, ArmState
from modelrollout.api.status import Run
from modelrollout.decisions import runs
from modelrollout.decisions.draft import Draft


def entrants(draft: Draft) -> tuple[str, ...]:
    """The candidates that can be tried: not the one that serves, and none whose revision was rejected."""
    names = draft.spec.candidates or ()
    return tuple(name for name in names if name != draft.status.stable and runs.rejection(draft, name) is None)


def identity(arms: list[Arm]) -> str:
    """Revision of an experiment: another one as soon as any of its candidates runs something else."""
    return hashlib.sha256("\n".join(f"{arm.version}={arm.revision}" for arm in arms).encode()).hexdigest()[:32]


def tried(run: Run) -> tuple[Arm, ...]:
    """The candidates that are not out."""
    return tuple(arm for arm in run.arms if arm.state is not ArmState.OUT)


def give(draft: Draft, weights: Mapping[str, int]) -> None:
    """Decide weights of candidates, in one intent; who is not named keeps its own, and stable has the rest."""
    run = draft.run
    for arm in run.arms:
        arm.weight = weights.get(arm.version, arm.weight)
    runs.move(draft, sum(arm.weight for arm in run.arms))


def take_out(draft: Draft, arm: Arm, reason: str, message: str) -> None:
    """End the trial of one candidate: its share goes to stable, its revision is not tried again by accident."""
    arm.state, arm.reason, arm.message = ArmState.OUT, reason, message[:1024]
    arm.unavailable_since, arm.beats = None, []
    give(draft, {arm.version: 0})
    runs.reject(draft, arm.version, arm.revision, reason, message)
