"""How a rollout ended, read from its status."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from modelrollout.api.status import Phase, RunState
from modelrollout.cli.gathering import read_status
from modelrollout.decisions.runs import reported

STUCK_SECONDS = 10.0
"""So long something may be amiss (a route applied a moment after the rollout) before `wait` gives up."""

_ACTIVE = frozenset({RunState.TRIAL, RunState.TAKING_BACK, RunState.PROMOTING})


class End(StrEnum):
    """Where nothing more happens by itself."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolledback"
    REPORTED = "reported"
    STUCK = "stuck"


def end_of(document: Mapping[str, Any]) -> End | None:
    """How it ended, None while it goes on or while the operator has not seen the newest edit.

    Promoted: the target serves all traffic (it may still be watched). RolledBack: the target was taken back, for
    whatever reason. Reported: the trial is over, and its strategy promotes nothing. Stuck: condition Stalled for
    another reason; a person must act.
    """
    status = read_status(document)
    if (status.observed_generation or 0) < document["metadata"].get("generation", 0):
        return None
    moving = status.run is not None and status.run.state in _ACTIVE
    if status.phase is Phase.ROLLED_BACK:
        return End.ROLLED_BACK
    if reported(status.run) and status.phase is Phase.COMPLETED:
        return End.REPORTED
    if not moving and status.stable and status.stable == (document.get("spec") or {}).get("target"):
        return End.PROMOTED
    stalled = status.condition("Stalled")
    return End.STUCK if stalled is not None and stalled.status == "True" else None
