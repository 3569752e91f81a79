"""The rules of a metric: which fields go with which kind, and which limits make sense."""

from typing import TYPE_CHECKING

from modelrollout.api.effects import limits_of
from modelrollout.api.metric_roles import Better, Role
from modelrollout.api.rules import Rule, at_most_one

if TYPE_CHECKING:
    from modelrollout.api.metrics import Metric

DIRECTED = ("proportion", "latency", "quantile", "rate", "mean", "paired")
"""Kinds in which less or more is better; their limits are margin, acceptable and gain."""

BOUNDED = ("distribution", "agreement", "threshold")
"""Kinds whose own fields say what is still good."""

READY_MADE = ("preset", "template")
"""What expands into one of the other kinds, and says the rest of the metric too."""

KINDS = {kind: kind for kind in (*DIRECTED, *BOUNDED, *READY_MADE)}

FLOOR_LIMIT = 0.1
"""A floor of a share lies below this: the tests of a floor are made for rare events."""

_EFFECTS = ("margin", "acceptable", "gain")


def is_any(metric: "Metric", *kinds: str) -> bool:
    """Whether the metric is of one of these kinds."""
    return any(getattr(metric, kind) is not None for kind in kinds)


def _cel_any(*kinds: str) -> str:
    return f"({' || '.join(f'has(self.{kind})' for kind in kinds)})"


def _cel_each(form: str, holds: str) -> str:
    """CEL for: `holds` is true of every effect (EFFECT stands for it) that is written in this form."""
    each = ((effect, holds.replace("EFFECT", f"self.{effect}.{form}")) for effect in _EFFECTS)
    return f"({' && '.join(f'(!has(self.{effect}) || !has(self.{effect}.{form}) || {that})' for effect, that in each)})"


def _written(metric: "Metric", form: str) -> list[float]:
    """The values of all effects that are written in this form."""
    effects = (getattr(metric, effect) for effect in _EFFECTS)
    values = (getattr(effect, form) for effect in effects if effect is not None)
    return [value for value in values if value is not None]


def _natural_better(metric: "Metric") -> Better | None:
    if is_any(metric, "latency", "quantile", "paired"):
        return Better.LOWER
    if metric.proportion is not None:
        return Better.LOWER if metric.proportion.bad is not None else Better.HIGHER
    return metric.better


def _may_be_negative(metric: "Metric") -> bool:
    return metric.mean is not None and metric.mean.min is not None and metric.mean.min < 0


def _floor(metric: "Metric") -> float | None:
    return None if metric.margin is None else metric.margin.floor


def _margin_above_acceptable(metric: "Metric") -> bool:
    if metric.margin is None:
        return True
    if metric.acceptable is not None and (metric.acceptable.ratio is None) != (metric.margin.ratio is None):
        return True  # said by the rule about the form
    limits = limits_of(metric.acceptable, metric.margin)
    if limits.margin.ratio is not None and limits.acceptable.ratio is not None:
        return limits.margin.ratio > limits.acceptable.ratio
    return (limits.margin.difference or 0.0) > (limits.acceptable.difference or 0.0)


_DIRECTED = _cel_any(*DIRECTED)
_READY_MADE = _cel_any(*READY_MADE)
_GOAL_CEL = "(has(self.role) && self.role == 'Goal')"
_RATIO_ABOVE = "(!has(self.margin.ratio) || self.margin.ratio > (has(self.acceptable) ? self.acceptable.ratio : 1.0))"
_DIFFERENCE_ABOVE = (
    "(!has(self.margin.difference) || "
    "self.margin.difference > (has(self.acceptable) ? self.acceptable.difference : 0.0))"
)


def one_kind(*kinds: str) -> tuple[Rule, ...]:
    """Rules: exactly one of these kinds is set."""
    return (
        at_most_one({kind: kind for kind in kinds}, "set exactly one kind of metric, for example proportion"),
        Rule(
            _cel_any(*kinds),
            "say what is measured: set one kind of metric, for example proportion, latency or threshold",
            lambda self: is_any(self, *kinds),
        ),
    )


_KIND = one_kind(*KINDS)

_BETTER = (
    Rule(
        f"!{_DIRECTED} || has(self.better)",
        "say which direction is good: better: Lower or better: Higher",
        lambda self: not self.directed or self.better is not None,
    ),
    Rule(
        f"!has(self.better) || !{_cel_any(*BOUNDED)}",
        "better goes with metrics that compare a share, a rate or a mean: leave it out, this kind says itself what is "
        "good",
        lambda self: self.better is None or not is_any(self, *BOUNDED),
        "better",
    ),
    Rule(
        "!has(self.better) || ((!has(self.proportion) || !has(self.proportion.bad) || self.better == 'Lower') && "
        "(!has(self.proportion) || has(self.proportion.bad) || self.better == 'Higher') && "
        "(!(has(self.latency) || has(self.quantile) || has(self.paired)) || self.better == 'Lower'))",
        "fewer bad or slow answers are better: Lower; more good answers are better: Higher",
        lambda self: self.better is None or self.better == _natural_better(self),
        "better",
    ),
)

_GOAL = (
    Rule(
        f"!{_GOAL_CEL} || !{_DIRECTED} || has(self.gain)",
        "a Goal needs a gain, the least improvement that counts, for example gain: {difference: 0.01}",
        lambda self: self.role != Role.GOAL or not self.directed or self.gain is not None,
    ),
    Rule(
        f"!{_GOAL_CEL} || !has(self.margin)",
        "a Goal has a gain instead of a margin: say how much better it must get, or make it a Guardrail",
        lambda self: self.role != Role.GOAL or self.margin is None,
        "margin",
    ),
    Rule(
        f"!{_GOAL_CEL} || !has(self.acceptable)",
        "acceptable belongs to a Guardrail: a Goal has only a gain",
        lambda self: self.role != Role.GOAL or self.acceptable is None,
        "acceptable",
    ),
    Rule(
        f"{_GOAL_CEL} || !has(self.gain) || {_READY_MADE}",
        "gain belongs to a Goal: set role: Goal, or use margin",
        lambda self: self.role == Role.GOAL or self.gain is None or is_any(self, *READY_MADE),
        "gain",
    ),
)

_FORMS = (
    Rule(
        f"!{_cel_any(*BOUNDED)} || (!has(self.margin) && !has(self.acceptable) && !has(self.gain))",
        "margin, acceptable and gain say how much worse or better than stable: this kind of metric has bounds of its "
        "own instead",
        lambda self: not is_any(self, *BOUNDED) or (self.margin is self.acceptable is self.gain is None),
    ),
    Rule(
        f"!has(self.mean) || {_GOAL_CEL} || has(self.margin)",
        "say how much worse the mean may get, for example margin: {ratio: 1.05}, or {difference: 2.5} in its own unit: "
        "there is no default, because only you know what matters",
        lambda self: self.mean is None or self.role == Role.GOAL or self.margin is not None,
    ),
    Rule(
        f"!(has(self.rate) || has(self.paired)) || {_cel_each('difference', 'false')}",
        "rates and pairs are compared as a ratio: write for example margin: {ratio: 1.2}",
        lambda self: not is_any(self, "rate", "paired") or not _written(self, "difference"),
    ),
    Rule(
        f"has(self.mean) || {_READY_MADE} || {_cel_each('difference', 'EFFECT < 1.0')}",
        "a difference of shares is below 1: write 0.01 for one percentage point",
        lambda self: is_any(self, "mean", *READY_MADE) or all(value < 1 for value in _written(self, "difference")),
    ),
    Rule(
        f"!has(self.mean) || !has(self.mean.min) || self.mean.min >= 0.0 || {_cel_each('ratio', 'false')}",
        "a quantity that may be negative has no ratio: write a difference in its own unit, or set min to 0 or more",
        lambda self: not _may_be_negative(self) or not _written(self, "ratio"),
    ),
    Rule(
        "!has(self.margin) || !has(self.margin.floor) || !(has(self.quantile) || has(self.mean))",
        "only proportion, latency, rate and paired have a floor: leave it out",
        lambda self: _floor(self) is None or not is_any(self, "quantile", "mean"),
        "margin",
    ),
    Rule(
        "!has(self.margin) || !has(self.margin.floor) || !(has(self.proportion) || has(self.latency) || "
        "has(self.paired)) || "
        f"self.margin.floor < {FLOOR_LIMIT}",
        f"a floor is a small share, below {FLOOR_LIMIT}: where bad answers are more common, write margin: "
        "{difference: 0.02} instead of a ratio with a floor",
        lambda self: not is_any(self, "proportion", "latency", "paired") or (_floor(self) or 0.0) < FLOOR_LIMIT,
        "margin",
    ),
)

_LIMITS = (
    Rule(
        "!has(self.gain) || !has(self.gain.ratio) || self.gain.ratio <= 1.0",
        "a gain as a ratio is at most 1, for example 0.5 for half as many bad answers",
        lambda self: self.gain is None or self.gain.ratio is None or self.gain.ratio <= 1,
        "gain",
    ),
    Rule(
        "!has(self.acceptable) || (has(self.margin) && has(self.margin.ratio) == has(self.acceptable.ratio) && "
        "has(self.margin.difference) == has(self.acceptable.difference))",
        "acceptable needs a margin in the same form: both a ratio, or both a difference",
        lambda self: (
            self.acceptable is None
            or (self.margin is not None and (self.margin.ratio is None) == (self.acceptable.ratio is None))
        ),
        "acceptable",
    ),
    Rule(
        "!has(self.acceptable) || !has(self.acceptable.ratio) || self.acceptable.ratio >= 1.0",
        "acceptable cannot demand an improvement: a ratio of at least 1, or a Goal with a gain",
        lambda self: self.acceptable is None or self.acceptable.ratio is None or self.acceptable.ratio >= 1,
        "acceptable",
    ),
    Rule(
        "!has(self.margin) || (has(self.acceptable) && (has(self.acceptable.ratio) != has(self.margin.ratio) || "
        "has(self.acceptable.difference) != has(self.margin.difference))) || "
        f"({_RATIO_ABOVE} && {_DIFFERENCE_ABOVE})",
        "margin must be worse than acceptable (by default equal: a ratio above 1 or a difference above 0), "
        "else no amount of data can decide",
        _margin_above_acceptable,
        "margin",
    ),
)

_MORE = (
    Rule(
        f"!has(self.slices) || ({_DIRECTED} && !has(self.paired)) || {_READY_MADE}",
        "slices go with metrics that compare a share, a rate or a mean of both versions: leave them out here",
        lambda self: self.slices is None or (is_any(self, *DIRECTED, *READY_MADE) and self.paired is None),
        "slices",
    ),
    Rule(
        f"!has(self.labelDelay) || has(self.proportion) || has(self.mean) || {_READY_MADE}",
        "labelDelay goes with proportion and mean, whose outcomes may become known later than the answer: leave it out",
        lambda self: self.label_delay is None or is_any(self, "proportion", "mean", *READY_MADE),
        "labelDelay",
    ),
)

METRIC_RULES: tuple[Rule, ...] = (*_KIND, *_BETTER, *_GOAL, *_FORMS, *_LIMITS, *_MORE)
"""All rules of a metric, in the order in which the first that does not hold is said."""
