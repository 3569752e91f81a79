"""The status of a ModelRollout: what the operator decided, saw and will do next.

Only the operator writes it. `run`, `pausedBy` and `conditions` are the memory from which the next decision is made;
`phase`, the texts for printer columns and `message` are computed from them for people and are never read back.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from modelrollout.api.arms import Arm, ArmState
from modelrollout.api.monitoring_status import MonitoringStatus
from modelrollout.api.scaled import Scaled
from modelrollout.api.status_model import ConditionTime, StatusModel, Text, Time
from modelrollout.api.values import in_words


class Phase(StrEnum):
    """Where the rollout stands, in one word for people; computed, never read by a decision."""

    PENDING = "Pending"
    ADOPTING = "Adopting"
    QUEUED = "Queued"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    AWAITING_APPROVAL = "AwaitingApproval"
    HOLDING = "Holding"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    ROLLING_BACK = "RollingBack"
    COMPLETED = "Completed"
    ROLLED_BACK = "RolledBack"
    WITHDRAWN = "Withdrawn"
    INVALID = "Invalid"


class RunState(StrEnum):
    """The state of a run that decisions are made from."""

    TRIAL = "Trial"
    TAKING_BACK = "TakingBack"
    PROMOTING = "Promoting"
    WATCHING = "Watching"
    DONE = "Done"


class Outcome(StrEnum):
    """How a run ended, or is about to end."""

    PROMOTED = "Promoted"
    FORCED = "Forced"
    ROLLED_BACK = "RolledBack"
    NO_EVIDENCE = "NoEvidence"
    ABORTED = "Aborted"
    WITHDRAWN = "Withdrawn"
    SUPERSEDED = "Superseded"
    UNDONE = "Undone"
    REPORTED = "Reported"


class Verdict(StrEnum):
    """What the evidence says of one metric. Error means that the question could not be asked."""

    PASS = "Pass"  # noqa: S105 - a verdict, not a password
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    ERROR = "Error"


class Condition(StatusModel):
    """A condition as metav1 defines it."""

    type: str = Field(description="Name of the condition.", max_length=64)
    status: Literal["True", "False", "Unknown"] = Field(description="True, False or Unknown.")
    reason: str = Field(description="One CamelCase word why.", max_length=64)
    message: str = Field(default="", description="The same for people, with what to do.", max_length=1024)
    observed_generation: int | None = Field(default=None, description="Generation of the spec this speaks of.")
    last_transition_time: ConditionTime = Field(description="When status last changed.")


class Served(StatusModel):
    """A version together with the identity of what it ran."""

    version: str = Field(description="Name of the version.", max_length=63)
    revision: str = Field(default="", description="Revision of its workload, empty when unknown.", max_length=64)


class Weights(StatusModel):
    """Traffic per version in thousandths; each map sums to 1000 once traffic is adopted.

    In a step with an audience both are those of the audience's rules: in the others stable has everything.
    """

    desired: dict[str, int] = Field(default_factory=dict, description="Share each version should get, of 1000.")
    observed: dict[str, int] = Field(default_factory=dict, description="Share the route last gave it, of 1000.")


class PausedBy(StatusModel):
    """A pause asked for by a command; spec.paused is not repeated here."""

    by: str = Field(description="Who asked.", max_length=256)
    reason: Text = Field(default="", description="Why, in their words.")
    at: Time = Field(description="When.")


class GateState(StrEnum):
    """Where one gate of a run stands."""

    RUNNING = "Running"
    PASSED = "Passed"
    FAILED = "Failed"


class GateStatus(StatusModel):
    """One gate of a run: what has passed is not asked again, whoever leads."""

    name: str = Field(description="Name of the gate.", max_length=63)
    version: str = Field(
        default="", description="Which candidate of an experiment it is asked; empty for any other run.", max_length=63
    )
    definition: str = Field(description="Identity of what was asked; a changed gate is another one.", max_length=16)
    state: GateState = Field(description="Running, Passed or Failed.")
    message: Text = Field(default="", description="What was found, or what it waits for, in a sentence.")
    started_at: Time = Field(description="When it began.")
    ended_at: Time | None = Field(default=None, description="When it passed or failed.")


class WebhookState(StrEnum):
    """Where one webhook of a run stands. Unanswered: after the last retry, so that a person or a deadline decides."""

    RUNNING = "Running"
    PASSED = "Passed"
    FAILED = "Failed"
    UNANSWERED = "Unanswered"


class WebhookStatus(StatusModel):
    """One webhook of a run: who has agreed is not called again, whoever leads."""

    name: str = Field(description="Name of the webhook.", max_length=63)
    step: int = Field(ge=0, description="Index of its step, from 0.")
    when: str = Field(description="Before, Gate or After.", max_length=16)
    state: WebhookState = Field(description="Running, Passed, Failed or Unanswered.")
    attempts: int = Field(default=0, ge=0, description="Requests that are over.")
    message: Text = Field(default="", description="What was answered last, or why there is no answer.")
    started_at: Time = Field(description="When it was first to be called.")
    at: Time | None = Field(default=None, description="When the last request was over.")


class Run(StatusModel):
    """One trial of one revision of one version, or of several versions side by side."""

    id: str = Field(description="Target, revision and number in one word; commands name it.", max_length=128)
    target: str = Field(
        description="Version on trial; of an experiment the first candidate, and its winner once there is one.",
        max_length=63,
    )
    revision: str = Field(default="", description="Revision of its workload on trial.", max_length=64)
    arms: list[Arm] = Field(
        default_factory=list, max_length=16, description="The candidates of an experiment; empty for any other run."
    )
    weighed_at: Time | None = Field(default=None, description="When a bandit last looked at its weights.")
    number: int = Field(default=1, ge=1, description="Counts the runs of this ModelRollout, from 1.")
    stable: str = Field(description="Version that served when the run began.", max_length=63)
    stable_revision: str = Field(default="", description="Its revision then.", max_length=64)
    state: RunState = Field(description="Trial, TakingBack, Promoting, Watching or Done.")
    outcome: Outcome | None = Field(default=None, description="How the run ended or is about to end.")
    reason: str = Field(default="", description="One CamelCase word for the last decision.", max_length=64)
    message: Text = Field(default="", description="The last decision in a sentence.")
    plan: str = Field(default="", description="ControllerRevision that holds the resolved plan.", max_length=253)
    layer: str = Field(default="", description="Layer whose runs exclude each other, empty without one.", max_length=63)
    asked_at: Time | None = Field(default=None, description="When it was asked for: its place among runs of a layer.")
    queued: bool = Field(default=False, description="Whether it still waits for its turn, as phase Queued says.")
    aside: bool = Field(
        default=False, description="Whether it could not start if it had its turn, so that others of the layer may."
    )
    restarted: int = Field(
        default=0, ge=0, description="Trials before this one, in a row, that a new revision ended before their verdict."
    )
    gates: list[GateStatus] = Field(
        default_factory=list, max_length=30, description="Gates that have begun, in their order."
    )
    webhooks: list[WebhookStatus] = Field(
        default_factory=list, max_length=10, description="Webhooks called last, in the order in which they began."
    )
    step: int = Field(default=0, ge=0, description="Index of the present step, from 0.")
    steps: int = Field(default=0, ge=0, description="Number of steps.")
    weight: int = Field(default=0, ge=0, le=1000, description="Weight of all that is on trial now, of 1000.")
    mirror: int = Field(
        default=0, ge=0, le=1000, description="Requests copied to the candidate now, of 1000; nobody gets its answers."
    )
    audience: list[str] = Field(
        default_factory=list,
        max_length=15,
        description="Rules of the route in which the weight counts now; empty: in all that are managed.",
    )
    sticky: str = Field(
        default="",
        description="Header by which the gateway keeps users on one version now; empty while it does not.",
        max_length=256,
    )
    intent: int = Field(
        default=0, ge=0, description="Counts what was decided of traffic; the route carries it as a fence."
    )
    started_at: Time = Field(description="When the run began; while it is queued, when it was made.")
    exposed_at: Time | None = Field(default=None, description="When the candidate first got a weight.")
    compared_at: Time | None = Field(
        default=None, description="After steps with an audience: when weights for everybody had come."
    )
    step_started_at: Time = Field(description="When the present step began, or its hold was restarted.")
    advanced_at: Time = Field(description="When the progress deadline last began to count.")
    still_since: Time | None = Field(default=None, description="Since when the deadline stands still.")
    approved_step: int | None = Field(default=None, description="Step that a person approved to be left.")
    approved: Text = Field(default="", description="Who approved the present step, and why, in their words.")
    skipped_step: int | None = Field(default=None, description="Step whose hold a person ended.")
    advance_step: int | None = Field(
        default=None, description="Step a person asked to leave although not all is proven."
    )
    together: bool = Field(
        default=False, description="Whether it has passed, and waits for rollouts that it is promoted together with."
    )
    forced: Text = Field(default="", description="A person's order to promote at once, while replicas are waited for.")
    unavailable_since: Time | None = Field(default=None, description="Since when the candidate has no ready endpoint.")
    unavailable_times: int = Field(default=0, ge=0, description="How often it lost its last ready endpoint.")
    restarts: int | None = Field(
        default=None, ge=0, description="Container restarts of the candidate first known after exposure began."
    )
    watch_until: Time | None = Field(default=None, description="Until when undo is offered and guardrails are kept.")
    ended_at: Time | None = Field(default=None, description="When the run was done.")

    @property
    def compared_since(self) -> datetime | None:
        """Since when the two versions may be compared: the candidate's first weight from everybody, None before."""
        return self.compared_at or self.exposed_at

    @property
    def trying(self) -> tuple[str, ...]:
        """The versions that it is about besides the one that served: its candidate, or those of its experiment."""
        return tuple(arm.version for arm in self.arms) or (self.target,)

    @property
    def on_trial(self) -> str:
        """Who is tried, for people: the candidate, or all that an experiment still tries."""
        return in_words([arm.version for arm in self.arms if arm.state is not ArmState.OUT]) or self.target


class SliceStatus(StatusModel):
    """What a metric says now of one group of requests."""

    value: str = Field(description="Value of the label that tells the groups apart.", max_length=128)
    verdict: Verdict = Field(description="Pass, Fail or Inconclusive.")
    candidate: str | None = Field(default=None, description="The candidate's value, for people.", max_length=32)
    stable: str | None = Field(default=None, description="The stable version's value, for people.", max_length=32)
    effect: str | None = Field(default=None, description="Effect with its interval, for people.", max_length=64)
    chance: str | None = Field(
        default=None, description="Of an experiment: chance that the candidate is the better one here.", max_length=32
    )
    evidence_fail: str | None = Field(default=None, description="Evidence for Fail, 1 is decisive.", max_length=32)
    candidate_count: int | None = Field(default=None, description="Exposures of the candidate behind it.")
    stable_count: int | None = Field(default=None, description="Exposures of the stable version behind it.")


class MetricStatus(StatusModel):
    """What a metric says now: the numbers, the limit and the verdict."""

    name: str = Field(description="Name of the metric.", max_length=63)
    version: str = Field(
        default="", description="Of an experiment: the candidate that is compared; empty otherwise.", max_length=63
    )
    against: str = Field(
        default="", description="Of an experiment: the version that it is compared with.", max_length=63
    )
    role: str = Field(description="Guardrail, Goal or Monitor.", max_length=16)
    verdict: Verdict = Field(description="Pass, Fail, Inconclusive or Error.")
    reason: str = Field(default="", description="One CamelCase word why.", max_length=64)
    message: Text = Field(default="", description="The same in a sentence with the numbers.")
    candidate: str | None = Field(default=None, description="The candidate's value, for people.", max_length=32)
    stable: str | None = Field(default=None, description="The stable version's value, for people.", max_length=32)
    limit: str | None = Field(
        default=None, description="The worst value that may be promoted, for people.", max_length=64
    )
    effect: str | None = Field(default=None, description="Effect with its interval, for people.", max_length=64)
    chance: str | None = Field(
        default=None, description="Chance that the candidate is the better one, for people.", max_length=32
    )
    p_value: str | None = Field(
        default=None,
        description="Of the classical test, with a fixed horizon: valid once, at the planned end.",
        max_length=32,
    )
    candidate_count: int | None = Field(default=None, description="Exposures of the candidate behind it.")
    stable_count: int | None = Field(default=None, description="Exposures of the stable version behind it.")
    evidence_fail: str | None = Field(default=None, description="Evidence for Fail, 1 is decisive.", max_length=32)
    evidence_pass: str | None = Field(default=None, description="Evidence for Pass, 1 is decisive.", max_length=32)
    alpha: str | None = Field(
        default=None, description="Chance of a false Fail that this metric may use up.", max_length=32
    )
    dispersion: str | None = Field(
        default=None, description="By what the evidence is divided; 1 for independent answers.", max_length=32
    )
    dispersion_assumed: bool | None = Field(
        default=None, description="True where stable's history was too short to measure the dispersion."
    )
    lost_strata: int | None = Field(
        default=None, description="Intervals left out because Prometheus did not have them for both versions."
    )
    slices: list[SliceStatus] | None = Field(
        default=None, max_length=3, description="The worst groups of requests, worst first."
    )


class Rejected(StatusModel):
    """A revision that failed its trial and is not tried again by accident."""

    version: str = Field(description="Name of the version.", max_length=63)
    revision: str = Field(description="Revision that was rejected.", max_length=64)
    digest: str = Field(default="", description="Declared model digest, when there was one.", max_length=128)
    run: str = Field(description="Run that rejected it.", max_length=128)
    reason: str = Field(description="One CamelCase word why.", max_length=64)
    message: Text = Field(default="", description="Why, in a sentence.")
    at: Time = Field(description="When.")


class CommandResult(StatusModel):
    """What became of a ModelRolloutCommand, written together with its effect."""

    name: str = Field(description="Name of the command object.", max_length=253)
    uid: str = Field(description="Its uid.", max_length=64)
    verb: str = Field(description="The verb.", max_length=16)
    by: str = Field(description="Who asked.", max_length=256)
    reason: Text = Field(default="", description="Why, in their words.")
    accepted: bool = Field(description="Whether it had an effect.")
    message: Text = Field(default="", description="The effect, or why there was none and what to do.")
    asked_at: Time = Field(description="When the command was created.")
    at: Time = Field(description="When it was decided.")


class PastRun(StatusModel):
    """A run that is over, in short."""

    run: str = Field(description="Its id.", max_length=128)
    target: str = Field(description="Version it tried.", max_length=63)
    outcome: Outcome = Field(description="How it ended.")
    reason: str = Field(default="", description="One CamelCase word why.", max_length=64)
    message: Text = Field(default="", description="Why, in a sentence.")
    started_at: Time = Field(description="When it began.")
    ended_at: Time = Field(description="When it ended.")


class ModelRolloutStatus(StatusModel):
    """The whole status of a ModelRollout, bounded to 64 KiB."""

    observed_generation: int | None = Field(default=None, description="Generation of the spec that was last acted on.")
    phase: Phase = Field(default=Phase.PENDING, description="Where the rollout stands, in one word.")
    message: Text = Field(default="", description="What happens now and why, in a sentence.")
    strategy: str = Field(default="", description="Name of the strategy, for the column.", max_length=16)
    step_text: str = Field(default="", description="Present step of all, such as 2/5.", max_length=16)
    weight_text: str = Field(default="", description="Candidate's weight, such as 25%.", max_length=80)
    candidate: str = Field(default="", description="Version on trial, empty when none is.", max_length=63)
    stable: str = Field(default="", description="Version that serves, empty before adoption.", max_length=63)
    stable_revision: str = Field(default="", description="Revision the stable version was proven with.", max_length=64)
    previous: Served | None = Field(default=None, description="What undo returns to.")
    next_check: Time | None = Field(default=None, description="When a hold, deadline or watch ends next.")
    weights: Weights = Field(default_factory=Weights, description="Desired and observed traffic.")
    run: Run | None = Field(default=None, description="The present run, or the last one.")
    scales: list[Scaled] = Field(
        default_factory=list, max_length=16, description="What was decided of replicas, with scale.mode Managed."
    )
    paused_by: list[PausedBy] = Field(default_factory=list, max_length=10, description="Pauses by command.")
    metrics: list[MetricStatus] = Field(default_factory=list, max_length=64, description="What each metric says.")
    metrics_at: Time | None = Field(default=None, description="When metrics and evidence were last written.")
    evidence: dict[str, Any] | None = Field(
        default=None, description="Checkpoint of the evidence, for the operator; read metrics instead."
    )
    rejected: list[Rejected] = Field(default_factory=list, max_length=20, description="Revisions not tried again.")
    commands: list[CommandResult] = Field(default_factory=list, max_length=10, description="Commands answered last.")
    answered_through: Time | None = Field(
        default=None, description="Commands created until then are answered, although the answers are not kept."
    )
    last_record: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=8,
        description="Newest lines of the decision record, so that a crash before they are appended loses none.",
    )
    history: list[PastRun] = Field(default_factory=list, max_length=10, description="Runs that are over.")
    monitoring: MonitoringStatus | None = Field(
        default=None, description="What is remembered of the version that serves, with spec.monitoring."
    )
    conditions: list[Condition] = Field(default_factory=list, max_length=20, description="metav1 conditions.")

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type, or None before it was first set."""
        return next((one for one in self.conditions if one.type == kind), None)

    def document(self) -> dict[str, Any]:
        """The JSON form that is written to the API server: camelCase, absent fields left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
