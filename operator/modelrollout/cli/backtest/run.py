"""A backtest from its samples to its result."""

from dataclasses import dataclass

from modelrollout.api import ModelRollout
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.progress import Progress
from modelrollout.errors import InvalidSpec
from modelrollout.rehearsal.recording.recorded import Recording
from modelrollout.rehearsal.replay.playing import replay
from modelrollout.rehearsal.replay.result import Replay
from modelrollout.rehearsal.replay.roles import CannotReplay, check_policy, exposure, roles_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of the trial; None where it says nothing.

    Attributes:
        candidate, stable: names of the versions.
        since: when the candidate got its first weight, seconds since the epoch.
        start: no earlier sample counts as the candidate's first.
        approve: steps are approved as soon as they wait for it.
    """

    candidate: str | None = None
    stable: str | None = None
    since: float | None = None
    start: float | None = None
    approve: bool = False


def backtest(rollout: ModelRollout, recording: Recording, asked: Asked, progress: Progress) -> Replay:
    """What the policy would have decided.

    Raises:
        CommandFailed: the samples do not fit the manifest.
    """
    try:
        check_policy(rollout.spec, recording)
        roles = roles_of(rollout.spec, asked.candidate, asked.stable, recording.versions())
        first = exposure(rollout.spec, recording, roles)
    except CannotReplay as error:
        raise CommandFailed(str(error)) from None
    since = max(first, asked.start or first) if asked.since is None else asked.since
    newest = recording.last() or first
    if since >= newest:
        raise CommandFailed(f"the samples end at {newest:.0f}, and the trial would begin at {since:.0f}: move --since")

    def tell(moment: float) -> None:
        progress.tell(f"{max(0.0, (moment - since) / (newest - since)):.0%} of the samples replayed")

    try:
        return replay(rollout, recording, roles, since, approve=asked.approve, on_moment=tell)
    except InvalidSpec as error:  # a strategy that lint accepts and no release can carry out yet
        raise CommandFailed(str(error)) from None
    finally:
        progress.done()
