"""Which version is on trial in a replay, against which one, and since when."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelrollout.api import ModelRolloutSpec
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.strategies import compile_steps
from modelrollout.errors import ModelRolloutError
from modelrollout.rehearsal.recording.keys import lacking
from modelrollout.rehearsal.recording.recorded import Recording


class CannotReplay(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """The rollout and the recording do not go together; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The version on trial, and the one it is compared with."""

    candidate: str
    stable: str


def roles_of(
    spec: ModelRolloutSpec, candidate: str | None, stable: str | None, recorded: Sequence[str] | None = None
) -> Roles:
    """The roles that are asked for, else those that the spec implies, else those that the recording implies.

    The candidate is the spec's target. Stable is `initialStable`, else the only other version of the spec, else the
    only other one that was recorded.

    Raises:
        CannotReplay: a name that is no version, one version in both roles, or several that may be stable.
    """
    if spec.strategy.experiment:
        raise CannotReplay(
            "an experiment is not replayed: write a canary with one of its candidates as target, and replay each"
        )
    names = [version.name for version in spec.versions]
    for name in (candidate, stable):
        if name is not None and name not in names:
            raise CannotReplay(f"{name} is no version of this rollout: it has {', '.join(names)}")
    trial = candidate or spec.target
    if trial is None:
        raise CannotReplay("the rollout has no target: name the version on trial with --candidate")
    if stable == trial:
        raise CannotReplay(
            f"{trial} cannot be on trial against itself: name two versions with --candidate and --stable"
        )
    others = [name for name in names if name != trial]
    if stable is None and spec.initial_stable in others:
        stable = spec.initial_stable
    if stable is None and len(others) > 1:
        others = [name for name in others if name in (recorded or ())]
    if stable is None and len(others) != 1:
        choice = f"it may be {', '.join(others)}" if others else f"there is none beside {trial}"
        raise CannotReplay(f"which version was stable is not clear: {choice}; name it with --stable")
    return Roles(trial, stable or others[0])


def exposure(spec: ModelRolloutSpec, recording: Recording, roles: Roles) -> float:
    """When the candidate is taken to have got its first weight: at its first sample, seconds since the epoch.

    Raises:
        CannotReplay: one of the two versions was not recorded. Stable must be where a metric looks at it.
    """
    kinds = [kind_of(metric) for metric in spec.metrics]
    both = any(kind is not None and not kind.one_sided for kind in kinds)
    for name in (roles.candidate, roles.stable) if both else (roles.candidate,):
        if recording.first(name) is None:
            there = ", ".join(recording.versions()) or "none"
            raise CannotReplay(f"nothing was recorded of {name}; versions that were recorded: {there}")
    return recording.first(roles.candidate) or 0.0


def check_policy(spec: ModelRolloutSpec, recording: Recording) -> None:
    """See that the policy could decide at all: it is not paused, and every metric was recorded with what it needs.

    Raises:
        CannotReplay: it could not; the message says why.
    """
    if spec.paused:
        raise CannotReplay("spec.paused is true, so no run would begin: set it to false for the backtest")
    if any(step.audience for step in compile_steps(spec)):
        raise CannotReplay(
            "what was recorded does not tell an audience from everybody, and its steps give no evidence: leave them "
            "out for the backtest"
        )
    for metric in spec.metrics:
        lack = lacking(metric, recording)
        if lack:
            raise CannotReplay(lack)
