"""The working copy of one `plan()`: a status being changed, and what is to follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.api.status import ModelRolloutStatus, Run
from modelrollout.decisions.checks import Admission, Check
from modelrollout.decisions.decision import Event, Reason
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.observed import Observed


@dataclass(slots=True)
class Draft:
    """One decision in the making.

    Attributes:
        rollout: as stored.
        spec: what this decision goes by: the present run's resolved plan with the edits that count at once.
        written: the spec as it is written, None when it cannot be read.
        status: a copy of the stored status; every change goes here.
        observed: what was seen.
        evidence: what Prometheus says of the present run, None when nothing is known yet.
        now: the moment of the decision.
        refusal: why an edit of the spec does not count, empty when it does.
        admission: what the candidate of a run without a first step has shown; None when nobody asked.
        check: what is to be found out next while a run waits for a webhook; None: nothing.
        blocked: why no step may advance although the run goes on and its guardrails act; empty when it may.
        events, wake, record: see Decision.
        snapshot: plan of a run that this decision starts.
    """

    rollout: ModelRollout
    spec: ModelRolloutSpec
    written: ModelRolloutSpec | None
    status: ModelRolloutStatus
    observed: Observed
    evidence: Evidence | None
    now: datetime
    refusal: str = ""
    admission: Admission | None = None
    check: Check | None = None
    blocked: str = ""
    events: list[Event] = field(default_factory=list)
    wake: list[datetime] = field(default_factory=list)
    record: list[Mapping[str, object]] = field(default_factory=list)
    snapshot: ModelRolloutSpec | None = None

    @property
    def run(self) -> Run:
        """The present run; only asked for where there is one."""
        if self.status.run is None:
            raise LookupError("no run has begun")
        return self.status.run

    def told(self, reason: str) -> str | None:
        """What the stored status says of the present run under that reason; None when it gives another reason."""
        before = self.rollout.status.run
        same = before is not None and before.id == self.run.id and before.reason == reason
        return before.message if before is not None and same else None

    def say(self, reason: Reason, message: str, *, warning: bool = False) -> None:
        """Queue an event."""
        self.events.append(Event(reason, message, warning))

    def wake_at(self, moment: datetime) -> None:
        """Look again at that moment, unless it is past."""
        if moment > self.now:
            self.wake.append(moment)
