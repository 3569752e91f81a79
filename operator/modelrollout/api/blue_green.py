"""Blue/green: the candidate is tried beside the users' traffic, gets all of it at once, and is watched."""

from datetime import timedelta

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.canary import Deadline, Hold
from modelrollout.api.durations import cel_longer
from modelrollout.api.rules import Rule
from modelrollout.api.traffic import HeaderMatch


class Preview(Model):
    """Another way to the candidate than its own Service, before it gets any users' traffic."""

    header: HeaderMatch = Field(
        description=(
            "Requests that the managed rules would take go to the candidate if they carry this header with exactly "
            "this value; all others stay with stable. Needs traffic.gatewayAPI. Who knows the value reaches the "
            "candidate: choose one that cannot be guessed where that matters."
        )
    )


class BlueGreen(Model):
    """No users' traffic for the candidate while it is previewed, then all of it in one write."""

    RULES = (
        Rule(
            f"!has(self.deadline) || {cel_longer('self.deadline', 'self.hold')}",
            "the deadline of the preview must be longer than its hold",
            lambda self: self.deadline is None or self.deadline > self.hold,
            "deadline",
        ),
    )

    preview: Preview | None = Field(
        default=None,
        description=(
            "Another way to reach the candidate until the switch has arrived. Default: its version's own Service only."
        ),
    )
    hold: Hold = Field(
        default=timedelta(minutes=5),
        description=(
            "Least time of the preview, in which the candidate is ready and only its own Service and the preview's "
            "header lead to it. Every threshold metric must pass in it. Default: 5m."
        ),
    )
    deadline: Deadline | None = Field(
        default=None,
        description="Longest time of the preview; then onDeadline decides. Default: the progressDeadline.",
    )
