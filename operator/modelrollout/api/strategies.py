"""How traffic is shifted: exactly one strategy. Each compiles into the same list of steps."""

from pydantic import Field
from pydantic.alias_generators import to_camel

from modelrollout.api.audiences import IN_ORDER, OUT_OF_ORDER, in_order
from modelrollout.api.base import Model
from modelrollout.api.blue_green import BlueGreen
from modelrollout.api.canary import Canary
from modelrollout.api.experiments import ABTest, Bandit
from modelrollout.api.free_steps import MOST_STEPS, Step
from modelrollout.api.rules import Rule, at_most_one
from modelrollout.api.shadow import Shadow


class Strategy(Model):
    """How traffic is shifted to the target: exactly one strategy."""

    RULES = (
        at_most_one(
            {
                "canary": "canary",
                "blueGreen": "blue_green",
                "shadow": "shadow",
                "abTest": "ab_test",
                "bandit": "bandit",
                "steps": "steps",
            },
            "set exactly one strategy, for example strategy.canary",
        ),
        Rule(
            "has(self.canary) || has(self.blueGreen) || has(self.shadow) || has(self.abTest) || has(self.bandit) || "
            "has(self.steps)",
            "say how traffic is shifted: set strategy.canary, for example {weights: [1, 5, 25, 50]}",
            lambda self: any(
                form is not None
                for form in (self.canary, self.blue_green, self.shadow, self.ab_test, self.bandit, self.steps)
            ),
        ),
        Rule(
            "!has(self.steps) || self.steps.all(s, self.steps.exists_one(t, t.name == s.name))",
            "every step needs a name of its own",
            lambda self: self.steps is None or len({step.name for step in self.steps}) == len(self.steps),
            "steps",
        ),
        Rule(
            "!has(self.steps) || self.steps.filter(s, has(s.weight) && !has(s.audience)).map(s, s.weight).isSorted()",
            "the weights of the steps must not fall: a candidate that has to lose traffic is taken back, all of it",
            lambda self: _rising([step.weight for step in self.steps or () if step.audience is None]),
            "steps",
        ),
        Rule(IN_ORDER, OUT_OF_ORDER, lambda self: in_order(self.steps), "steps"),
    )

    canary: Canary | None = Field(
        default=None, description="The candidate gets a growing share of the traffic, step by step."
    )
    blue_green: BlueGreen | None = Field(
        default=None,
        description="All traffic at once after a preview; switched back in one write while it is watched.",
    )
    shadow: Shadow | None = Field(
        default=None,
        description="Copies of requests go to the candidate first; its answers are compared, never returned.",
    )
    ab_test: ABTest | None = Field(
        default=None,
        description="Several candidates and stable side by side, with fixed shares; the best one is chosen.",
    )
    bandit: Bandit | None = Field(
        default=None, description="The same with shares that follow the first goal metric while it runs."
    )
    steps: tuple[Step, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_STEPS,
        description="A free list of steps: copies, weights and approvals in any mix.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )

    @property
    def experiment(self) -> bool:
        """Whether it compares several candidates, of which the best one is chosen."""
        return self.ab_test is not None or self.bandit is not None

    @property
    def sticky_header(self) -> str:
        """The header by which users are kept on one version while it runs, empty when they are not."""
        sticky = self.ab_test.sticky if self.ab_test is not None else None
        return sticky.header if sticky is not None else ""

    @property
    def mirrors(self) -> bool:
        """Whether requests are copied in any of its steps."""
        return self.shadow is not None or any(step.mirror is not None for step in self.steps or ())

    @property
    def name(self) -> str:
        """Name of the strategy that is set, as the spec writes it: canary, blueGreen, ..."""
        fields = type(self).model_fields
        return next((to_camel(name) for name in fields if getattr(self, name) is not None), "")


def _rising(weights: list[float | None]) -> bool:
    written = [weight for weight in weights if weight is not None]
    return written == sorted(written)
