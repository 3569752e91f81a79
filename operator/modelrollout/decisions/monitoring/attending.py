"""What goes on after the watch: the version that serves against its own beginnings, and its model's age.

It alerts and never moves traffic: what is found is weeks old or slow, the version it would go back to is older still,
and nobody has tried that one since. A person decides, or a pipeline that trains.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from modelrollout.api import Metric, ModelRollout, ModelRolloutSpec, Role
from modelrollout.api.monitoring import MOST_MONITORED
from modelrollout.api.monitoring_status import Deviation, MonitoringStatus
from modelrollout.api.status import ModelRolloutStatus
from modelrollout.decisions import runs
from modelrollout.decisions.decision import Reason
from modelrollout.decisions.draft import Draft
from modelrollout.decisions.monitoring.fold import can_be_monitored
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.observed import Observed
from modelrollout.decisions.questions import Question, target_of

_Stated = tuple[str, bool | None, str, str]

DEGRADING, STALE = "Degrading", "ModelStale"


def attend(draft: Draft) -> None:
    """Remember who is monitored since when, the references that were found, and what has left them."""
    status = draft.status
    if draft.spec.monitoring is None:
        status.monitoring = None
        return
    stale_at = _stale_at(draft)
    if stale_at is not None:
        draft.wake_at(stale_at)
    revision = draft.observed.revision(status.stable) if status.stable else ""
    if runs.begun(status.run) or not revision:
        return
    definition = _definition(draft.spec)
    known = status.monitoring
    if known is None or (known.version, known.revision, known.definition) != (status.stable, revision, definition):
        status.monitoring = MonitoringStatus(
            version=status.stable, revision=revision, definition=definition, since=draft.now
        )
        return
    _take_in(draft, known)


def _take_in(draft: Draft, known: MonitoringStatus) -> None:
    evidence = draft.observed.monitored
    if evidence is None or evidence.run != _identity(known):
        return
    fixed, left = {one.metric for one in known.references}, {one.metric for one in known.deviations}
    for finding in evidence.findings:
        if finding.reference is not None and finding.metric not in fixed:
            known.references.append(finding.reference)
        if finding.deviation and finding.metric not in left:
            known.deviations.append(Deviation(metric=finding.metric, message=finding.deviation, at=draft.now))
            draft.say(Reason.DEGRADING, f"{known.version} has left its reference: {finding.deviation}", warning=True)


def stated(draft: Draft) -> Iterator[_Stated]:
    """The conditions, without numbers that change."""
    yield from _degrading(draft)
    yield from _stale(draft)


def note_age(draft: Draft) -> None:
    """Say it once when the model is too old."""
    old, new = draft.rollout.status.condition(STALE), draft.status.condition(STALE)
    if new is not None and new.status == "True" and (old is None or old.status != "True"):
        draft.say(Reason.MODEL_STALE, new.message, warning=True)


def _degrading(draft: Draft) -> Iterator[_Stated]:
    known = draft.status.monitoring
    if known is None:
        if draft.status.condition(DEGRADING) is not None:
            yield DEGRADING, False, "NotMonitored", ""
        return
    evidence = draft.observed.monitored
    unreachable = evidence is not None and evidence.run == _identity(known) and bool(evidence.unreachable)
    wanted = {one.name for one in _metrics(draft.spec)}
    if known.deviations:
        yield DEGRADING, True, "LeftReference", "; ".join(one.message for one in known.deviations)
    elif not wanted:
        yield DEGRADING, None, "NothingToMonitor", "no metric is a proportion, a latency or a distribution"
    elif wanted - {one.metric for one in known.references}:
        yield DEGRADING, None, "TakingReference", f"the first answers of {known.version} become its reference"
    elif unreachable:
        yield DEGRADING, None, "Unreachable", "Prometheus cannot be asked"
    else:
        yield DEGRADING, False, "Steady", ""


def _stale(draft: Draft) -> Iterator[_Stated]:
    monitoring, stable = draft.spec.monitoring, draft.status.stable
    if monitoring is None or monitoring.max_age is None or not stable:
        if draft.status.condition(STALE) is not None:
            yield STALE, False, "NotMonitored", ""
        return
    stale_at = _stale_at(draft)
    if stale_at is None:
        yield STALE, None, "AgeUnknown", f"the version {stable} declares no model.trainedAt"
    elif draft.now >= stale_at:
        yield STALE, True, "TooOld", f"the model of {stable} has been older than maxAge since {stale_at:%Y-%m-%d}"
    else:
        yield STALE, False, "YoungEnough", ""


def _stale_at(draft: Draft) -> datetime | None:
    """When the model that serves is too old; None when that is not known or not asked."""
    monitoring, version = draft.spec.monitoring, draft.spec.version(draft.status.stable)
    if monitoring is None or monitoring.max_age is None or version is None or version.model is None:
        return None
    trained = version.model.trained_at
    return None if trained is None else (trained + monitoring.max_age).astimezone(UTC)


def monitored_of(
    rollout: ModelRollout, spec: ModelRolloutSpec, status: ModelRolloutStatus, observed: Observed
) -> Monitored | None:
    """What is to be looked at now: None during a run, and where there is nothing to look at."""
    monitoring, known, metrics = spec.monitoring, status.monitoring, _metrics(spec)
    if monitoring is None or known is None or not metrics or runs.begun(status.run):
        return None
    since = known.since.timestamp()
    asked = Question(
        namespace=rollout.metadata.namespace,
        spec=spec,
        run=_identity(known),
        candidate=known.version,
        stable=known.version,
        since=since,
        step=0,
        step_since=since,
        weight=1000,
        targets={known.version: target_of(spec, known.version, observed)},
    )
    every = monitoring.every.total_seconds()
    return Monitored(
        asked=asked,
        metrics=metrics,
        every=every,
        looks=monitoring.reference,
        mean_looks=monitoring.false_alarms.total_seconds() / every,
        references={one.metric: one for one in known.references},
    )


def _metrics(spec: ModelRolloutSpec) -> tuple[Metric, ...]:
    if spec.monitoring is None:
        return ()
    able = [one for one in spec.metrics if can_be_monitored(one)]
    if spec.monitoring.metrics is not None:
        return tuple(one for one in able if one.name in spec.monitoring.metrics)
    return tuple(one for one in able if one.role != Role.MONITOR)[:MOST_MONITORED]


def _identity(known: MonitoringStatus) -> str:
    return f"{known.version}/{known.revision}/{known.definition}/{known.since.timestamp():.3f}"


def _definition(spec: ModelRolloutSpec) -> str:
    """Identity of what the reference was made with; the age of the model is no part of it."""
    assert spec.monitoring is not None  # noqa: S101 - only asked for where it is
    document = [
        spec.monitoring.model_copy(update={"max_age": None}).to_json(),
        *(one.to_json() for one in _metrics(spec)),
    ]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
