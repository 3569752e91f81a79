"""What was decided: a new status, and the few writes that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelrollout.api import ModelRolloutSpec
from modelrollout.api.status import ModelRolloutStatus
from modelrollout.decisions.checks import Check
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.observed import Mirror, Owner, Sticky
from modelrollout.decisions.steps import FULL


class Reason(StrEnum):
    """One reason per kind of event; `kubectl get events` is filtered by it."""

    ADOPTED = "Adopted"
    QUEUED = "Queued"
    FROZEN = "Frozen"
    THAWED = "Thawed"
    RUN_STARTED = "RunStarted"
    STEP_STARTED = "StepStarted"
    AWAITING_APPROVAL = "AwaitingApproval"
    PROMOTED = "Promoted"
    COMPLETED = "Completed"
    GUARDRAIL_FAILED = "GuardrailFailed"
    GUARDRAIL_HELD = "GuardrailHeld"
    NO_EVIDENCE = "NoEvidence"
    ABORTED = "Aborted"
    WITHDRAWN = "Withdrawn"
    SUPERSEDED = "Superseded"
    KEEPS_RESTARTING = "KeepsRestarting"
    UNDONE = "Undone"
    WEIGHTS_MOVED = "WeightsMoved"
    REPORTED = "Reported"
    CANDIDATE_UNAVAILABLE = "CandidateUnavailable"
    CANDIDATE_BACK = "CandidateBack"
    STABLE_UNAVAILABLE = "StableUnavailable"
    BASELINE_CHANGED = "BaselineChanged"
    UNPROVEN_CHANGE = "UnprovenChange"
    TARGET_REJECTED = "TargetRejected"
    MODEL_DIFFERS = "ModelDiffers"
    GATE_PASSED = "GatePassed"
    GATE_FAILED = "GateFailed"
    CANDIDATE_INDISTINGUISHABLE = "CandidateIndistinguishable"
    COMPANION_TAKEN_BACK = "CompanionTakenBack"
    WEBHOOK_PASSED = "WebhookPassed"
    WEBHOOK_UNANSWERED = "WebhookUnanswered"
    DEADLINE_PASSED = "DeadlinePassed"
    ANALYSIS_FAILING = "AnalysisFailing"
    TRAFFIC_UNEVEN = "TrafficUneven"
    PAUSED = "Paused"
    RESUMED = "Resumed"
    COMMAND_REFUSED = "CommandRefused"
    SPEC_REFUSED = "SpecRefused"
    ROUTE_REFUSED = "RouteRefused"
    TRAFFIC_REPAIRED = "TrafficRepaired"
    CONTESTED = "Contested"
    NOT_CARRIED_OUT = "NotCarriedOut"
    SCALING_UP = "ScalingUp"
    SCALING_DOWN = "ScalingDown"
    REPLICAS_LEFT = "ReplicasLeft"
    REPLICAS_REPAIRED = "ReplicasRepaired"
    SECOND_ROUTE_UNUSABLE = "SecondRouteUnusable"
    STICKY_UNUSABLE = "StickyUnusable"
    DEGRADING = "Degrading"
    MODEL_STALE = "ModelStale"


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event about the rollout; `warning` makes its type Warning."""

    reason: Reason
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class TrafficIntent:
    """What every managed rule of the route should say; `of` for a single one.

    Attributes:
        weights: thousandths per version, summing to 1000, one entry for every version of the spec.
        owner: the annotation to write with it. `traffic.agrees` says what of it must be equal.
        preview: version that requests with the preview's header go to, empty when there is none.
        mirror: which requests are copied to whom, None when none are.
        sticky: how users are kept on one version, None when they are not.
        audience: names of the rules that the weights are for, in the others stable has everything; empty: for all.
    """

    weights: Mapping[str, int]
    owner: Owner
    preview: str = ""
    mirror: Mirror | None = None
    sticky: Sticky | None = None
    audience: tuple[str, ...] = ()

    def of(self, rule: str) -> Mapping[str, int]:
        """The weights of the managed rule of that name."""
        if not self.audience or rule in self.audience:
            return self.weights
        return {version: FULL * (version == self.owner.stable) for version in self.weights}


@dataclass(frozen=True, slots=True)
class ScaleIntent:
    """Replicas that a version's workload is to have, and those that it had when that was decided."""

    version: str
    found: int
    replicas: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of `plan()`.

    Attributes:
        status: to be written first, when `write_status`.
        write_status: whether it says more than the stored one does.
        traffic: to be brought about after that write; None leaves the route alone.
        scales: to be brought about after the traffic.
        snapshot: resolved spec to be stored as a ControllerRevision named status.run.plan before the status names it.
        events: to be posted after the writes.
        wake_at: when to look again although nothing changed; None waits for a change.
        check: what is to be found out of the candidate from now on; None: nothing.
        analyse: whether Prometheus is to be asked from now on.
        monitor: what of the version that serves is to be looked at from now on, now and then; None: nothing.
        repair_not_before: earliest moment for the traffic write, when a contested route backs off.
        record: lines for the decision record, written at step boundaries.
    """

    status: ModelRolloutStatus
    write_status: bool
    traffic: TrafficIntent | None = None
    scales: tuple[ScaleIntent, ...] = ()
    snapshot: ModelRolloutSpec | None = None
    events: tuple[Event, ...] = ()
    wake_at: datetime | None = None
    check: Check | None = None
    analyse: bool = False
    monitor: Monitored | None = None
    repair_not_before: datetime | None = None
    record: tuple[Mapping[str, object], ...] = ()
