"""Which spec counts: the plan a run began with, with the edits that take effect at once."""

from dataclasses import dataclass

from modelrollout.api import ModelRollout, ModelRolloutSpec, Version
from modelrollout.api.status import ModelRolloutStatus, Run
from modelrollout.decisions.runs import active

AT_ONCE = (
    "paused",
    "progress_deadline",
    "on_deadline",
    "promotion",
    "rollback",
    "prometheus",
    "target",
    "candidates",
    "hypothesis",
)
"""Fields whose edit counts in the run that goes on; every other one counts from the next run on, or is refused."""

BEFORE_TRAFFIC = ("gates",)
"""Fields whose edit counts until the candidate has been admitted: a gate that asks wrongly can be put right."""


@dataclass(frozen=True, slots=True)
class Effective:
    """Which spec counts.

    Attributes:
        spec: the spec to go by, None when there is none.
        refusal: why an edit does not count, empty when it does.
        unresolved: the spec says which route and versions are meant, but not all that is to be measured: nothing is
            decided by it.
    """

    spec: ModelRolloutSpec | None
    refusal: str = ""
    unresolved: bool = False


def effective(rollout: ModelRollout, spec_error: str, snapshot: ModelRolloutSpec | None) -> Effective:
    """Bring the written spec and the run's plan together.

    Without an active run the written spec counts. During a run the plan counts; what takes effect at once is taken
    from the written spec, versions that are neither stable nor on trial too, and until the candidate has been admitted
    its gates and what is declared of its model. An edit that would move the ground under the run (its router, or
    Service or workload of one of its two versions) is refused until the run has ended.

    Args:
        rollout: its spec is None where it cannot be read.
        spec_error: why the written spec does not count as it stands: it cannot be read, or it can but refers to a
            metric that is not there. The run has its own metrics, so the rest of such a spec counts.
        snapshot: resolved plan of the present run, None when there is no run.
    """
    run, written = rollout.status.run, rollout.spec
    if not active(run) or run is None or snapshot is None:
        return Effective(written, spec_error, unresolved=bool(spec_error))
    if written is None:
        return Effective(snapshot, spec_error)
    refusal = _refusal(written, snapshot, run)
    if refusal:
        return Effective(snapshot, refusal)
    own, admitted = {run.stable, *run.trying}, run.exposed_at is not None
    others = tuple(version for version in written.versions if version.name not in own)
    kept = tuple(
        version if admitted else _as_declared(version, written) for version in snapshot.versions if version.name in own
    )
    at_once = {name: getattr(written, name) for name in (*AT_ONCE, *(() if admitted else BEFORE_TRAFFIC))}
    return Effective(snapshot.model_copy(update={**at_once, "versions": (*kept, *others)}), spec_error)


def _as_declared(version: Version, written: ModelRolloutSpec) -> Version:
    """The version with what is written of its model now."""
    now = written.version(version.name)
    return version.model_copy(update={"model": now.model}) if now is not None else version


def _refusal(written: ModelRolloutSpec, snapshot: ModelRolloutSpec, run: Run) -> str:
    tail = f"while run {run.id} goes on: abort it first, or wait for its end"
    if written.traffic != snapshot.traffic:
        return f"spec.traffic cannot change {tail}"
    for role, name in (("stable", run.stable), *(("candidate", name) for name in run.trying)):
        before, after = snapshot.version(name), written.version(name)
        if after is None:
            if role == "candidate":
                continue  # its target changed with it, which ends the run; a target must name a version
            return f"the stable version {name} cannot leave spec.versions {tail}"
        if _ground(before) != _ground(after):
            return f"service and workload of {name} cannot change {tail}"
    return ""


def _ground(version: Version | None) -> object:
    return None if version is None else (version.service, version.workload)


def missing_version(spec: ModelRolloutSpec, status: ModelRolloutStatus) -> str:
    """Why the spec cannot be acted on although it is well-formed, empty when it can."""
    if status.stable and spec.version(status.stable) is None:
        return (
            f"{status.stable} serves all traffic but is not in spec.versions any more: put it back, "
            "promote another version, and remove it then"
        )
    return ""
