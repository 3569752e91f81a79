"""The one list of steps that every run walks through, whatever strategy it was compiled from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from modelrollout.api import HeaderMatch, Requirement
from modelrollout.api.status import Run
from modelrollout.api.webhooks import Webhook

FULL = 1000
"""All of the traffic, in thousandths."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as the gate sees it.

    Attributes:
        weight: the candidate's share, of 1000; 1000 only for an audience, promotion follows the last step.
        audience: rules of the route in which the weight counts, in the others stable has everything; empty: all rules.
        mirror: of how many requests the candidate gets a copy, of 1000, whoever answers them. 0 beside a weight of 0: a
            preview.
        hold: least time to stay.
        samples: answers of the candidate that closed strata must show since the step began.
        deadline: longest time to stay, None where only the progress deadline holds.
        approval: a person must approve before it is left.
        require: NotFailed, or Pass of every guardrail and goal.
        name: as the spec has it, empty where steps have no names.
        header: requests with it reach the candidate whatever its weight, until its promotion has arrived; None: none.
        last: promotion follows; this step's own data must lie inside the margins too.
        metrics: names of those that decide in it, None for all.
        pairs: requests may have been answered by both versions in it.
        webhooks: who is called before it, as its gates, and after it.
        reported: after this last step nothing is promoted: what was found is reported, and traffic stays with stable.
    """

    weight: int
    hold: timedelta
    audience: tuple[str, ...] = ()
    mirror: int = 0
    samples: int = 50
    deadline: timedelta | None = None
    approval: bool = False
    require: Requirement = Requirement.NOT_FAILED
    name: str = ""
    header: HeaderMatch | None = None
    last: bool = False
    reported: bool = False
    metrics: frozenset[str] | None = None
    pairs: bool = True
    webhooks: tuple[Webhook, ...] = ()

    @property
    def load(self) -> int:
        """The share of the requests that the candidate must have replicas for, of 1000: its own and the copies.

        An audience counts as if it were everybody: nobody knows how large it is.
        """
        return min(FULL, self.weight + self.mirror)

    @property
    def preview(self) -> bool:
        """Whether the candidate is tried without any users' requests, copied ones included."""
        return not self.weight and not self.mirror


def apart(run: Run, steps: Sequence[PlannedStep]) -> bool:
    """Whether the candidate meets other users than stable: from an audience on, until everybody's weights have come."""
    return run.compared_at is None and any(step.audience for step in steps[: run.step + 1])


def answer_share(weight: float, mirror: int) -> float:
    """Of all answers that both versions give, the share that is the candidate's if nothing is lost, 0 to 1.

    Copies are answered beside the requests themselves, so that there are more answers than requests.

    Args:
        weight: the candidate's, of 1000.
        mirror: of how many requests it gets a copy, of 1000.
    """
    return (weight + mirror) / (1000 + mirror)
