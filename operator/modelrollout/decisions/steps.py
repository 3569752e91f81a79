"""The one list of steps that every run walks through, whatever strategy it was compiled from."""

from dataclasses import dataclass
from datetime import timedelta

from modelrollout.api import HeaderMatch, Requirement

FULL = 1000
"""All of the traffic, in thousandths."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step as the gate sees it.

    Attributes:
        weight: the candidate's share, of 1000; never 1000, promotion follows the last step. 0: a preview.
        hold: least time to stay.
        samples: answers of the candidate that closed strata must show since the step began.
        deadline: longest time to stay, None where only the progress deadline holds.
        approval: a person must approve before it is left.
        require: NotFailed, or Pass of every guardrail and goal.
        header: requests with it reach the candidate whatever its weight, until its promotion has arrived; None: none.
        last: promotion follows; this step's own data must lie inside the margins too.
        reported: after this last step nothing is promoted: what was found is reported, and traffic stays with stable.
    """

    weight: int
    hold: timedelta
    samples: int = 50
    deadline: timedelta | None = None
    approval: bool = False
    require: Requirement = Requirement.NOT_FAILED
    header: HeaderMatch | None = None
    last: bool = False
    reported: bool = False

    @property
    def preview(self) -> bool:
        """Whether the candidate is tried without any users' traffic."""
        return self.weight == 0
