"""A free list of steps: shadow, weights and approvals in any mix."""

from pydantic import Field

from modelrollout.api.audiences import STEP_RULES, Audience
from modelrollout.api.base import Model
from modelrollout.api.canary import Deadline, Hold, MetricNames, Requirement, Samples
from modelrollout.api.durations import cel_longer
from modelrollout.api.rules import Rule
from modelrollout.api.shadow import MirrorPercent
from modelrollout.api.values import DnsLabel, Percent
from modelrollout.api.webhooks import Webhook

MOST_STEPS = 20


class Step(Model):
    """One step of a free list of steps."""

    RULES = (
        Rule(
            f"!has(self.deadline) || {cel_longer('self.deadline', 'self.hold')}",
            "the deadline of a step must be longer than its hold",
            lambda self: self.hold is None or self.deadline is None or self.deadline > self.hold,
            "deadline",
        ),
        Rule(
            "self.webhooks.all(w, self.webhooks.exists_one(v, v.name == w.name))",
            "every webhook of a step needs a name of its own",
            lambda self: len({one.name for one in self.webhooks}) == len(self.webhooks),
            "webhooks",
        ),
        Rule(
            "!has(self.weight) || self.weight < 100.0 || has(self.audience)",
            "a step has less than 100 percent: promotion follows the last step by itself",
            lambda self: self.weight is None or self.weight < 100 or self.audience is not None,
            "weight",
        ),
        Rule(
            "!has(self.audience) || (has(self.weight) && self.weight > 0.0)",
            "say how much of its traffic the audience gives the candidate: set weight, for example 100",
            lambda self: self.audience is None or bool(self.weight),
            "weight",
        ),
        Rule(
            "!has(self.audience) || !has(self.mirror)",
            "copies are of everybody's requests: give them a step of their own, before those with an audience",
            lambda self: self.audience is None or self.mirror is None,
            "mirror",
        ),
        *STEP_RULES,
    )

    name: DnsLabel = Field(description="Name of the step, unique in this list. Shown in status and events.")
    mirror: MirrorPercent | None = Field(
        default=None,
        description=(
            "Percent of the requests that are copied to the candidate, whoever answers them; nobody gets its answers "
            "to copies. Needs traffic.gatewayAPI or traffic.istio. Default: none are."
        ),
    )
    weight: Percent | None = Field(
        default=None,
        description=(
            "Percent of the traffic that the candidate gets, below 100; with an audience percent of its traffic, up to "
            "100. Default: as in the step before, 0 in the first."
        ),
    )
    audience: Audience | None = Field(
        default=None,
        description=(
            "Only requests that match these rules of the route may reach the candidate in this step. Nothing is "
            "compared meanwhile, thresholds are watched. Default: everybody's."
        ),
    )
    hold: Hold | None = Field(default=None, description="Least time to stay in this step. Default: 0s.")
    samples: Samples | None = Field(
        default=None,
        description=(
            "Answers of the candidate to wait for. Default: 50 where it gets requests, copied ones included; none with "
            "an audience."
        ),
    )
    deadline: Deadline | None = Field(
        default=None, description="Longest time to stay in this step; then onDeadline decides. Default: none."
    )
    approval: bool = Field(
        default=False, description="Wait for a person's Approve command before this step may be left. Default: false."
    )
    require: Requirement = Field(
        default=Requirement.NOT_FAILED,
        description=(
            "NotFailed (default): no guardrail failed and the data is fresh. Pass: every guardrail and goal passed. "
            "The last step always needs Pass."
        ),
    )
    webhooks: tuple[Webhook, ...] = Field(
        default=(),
        max_length=3,
        description="Who is called before this step, as its gate, or after it; one after the other, in this order.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    metrics: MetricNames | None = Field(
        default=None,
        description=(
            "Names of the guardrails and goals that this step waits for. Default: all that can be measured in it. A "
            "guardrail that fails takes the candidate back in any step, named or not."
        ),
    )
