"""Rules of a spec in which the winner is chosen among candidates, across its fields."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from modelrollout.api.metric_roles import Role
from modelrollout.api.policies import ScaleMode
from modelrollout.api.rules import Rule

if TYPE_CHECKING:
    from modelrollout.api.rollout import ModelRolloutSpec

MOST_FINDINGS = 30
"""Metrics times candidates: each of them has its own evidence and its own line in the status."""

MOST_GATES = 30
"""Gates times candidates: each has its own line in the status."""

_EXPERIMENT = "(has(self.strategy.abTest) || has(self.strategy.bandit))"
_SPLIT = "self.strategy.abTest.split"


def _weighable(spec: "ModelRolloutSpec") -> bool:
    goals = [metric for metric in spec.metrics if metric.role == Role.GOAL]
    return all(
        metric.proportion is not None
        or metric.latency is not None
        or (metric.mean is not None and metric.mean.sum_of_squares is not None)
        for metric in goals
    )


def _split(spec: "ModelRolloutSpec") -> Mapping[str, float] | None:
    return spec.strategy.ab_test.split if spec.strategy.ab_test is not None else None


def _split_names_candidates(spec: "ModelRolloutSpec") -> bool:
    split, names = _split(spec), {version.name for version in spec.versions}
    return split is None or (set(spec.candidates or ()) <= set(split) and set(split) <= names)


def _split_leaves_stable(spec: "ModelRolloutSpec") -> bool:
    split, candidates = _split(spec), spec.candidates or ()
    if split is None:
        return True
    total = sum(split.values())
    return total < 100 - 1e-6 if set(split) <= set(candidates) else abs(total - 100) < 1e-6


def _bandit_fits(spec: "ModelRolloutSpec") -> bool:
    bandit = spec.strategy.bandit
    return bandit is None or bandit.floor * (len(spec.candidates or ()) + 1) <= 90


EXPERIMENT_RULES = (
    Rule(
        f"!has(self.candidates) || {_EXPERIMENT}",
        "candidates lets the best one be chosen: use strategy.abTest or strategy.bandit, or declare the winner as "
        "target",
        lambda self: self.candidates is None or self.strategy.experiment,
        "strategy",
    ),
    Rule(
        f"!{_EXPERIMENT} || has(self.candidates)",
        "this strategy chooses among several versions: name them in candidates instead of target",
        lambda self: not self.strategy.experiment or self.candidates is not None,
        "strategy",
    ),
    Rule(
        "!has(self.candidates) || self.candidates.all(c, self.versions.exists(v, v.name == c))",
        "every candidate must be the name of one of versions",
        lambda self: all(self.version(name) is not None for name in self.candidates or ()),
        "candidates",
    ),
    Rule(
        "!has(self.candidates) || self.metrics.exists(m, has(m.role) && m.role == 'Goal' && (has(m.proportion) || "
        "has(m.latency) || has(m.quantile) || has(m.rate) || has(m.mean)))",
        "an experiment needs a metric with role Goal (a proportion, latency, quantile, rate or mean): by the first "
        "one the versions are ranked",
        lambda self: self.candidates is None or any(one.role == Role.GOAL and one.directed for one in self.metrics),
        "metrics",
    ),
    Rule(
        f"!has(self.candidates) || self.metrics.size() * self.candidates.size() <= {MOST_FINDINGS}",
        f"metrics times candidates is at most {MOST_FINDINGS}: try fewer versions at once, or measure less",
        lambda self: len(self.metrics) * len(self.candidates or ()) <= MOST_FINDINGS,
        "metrics",
    ),
    Rule(
        f"!has(self.candidates) || self.gates.size() * self.candidates.size() <= {MOST_GATES}",
        f"gates times candidates is at most {MOST_GATES}, as every candidate passes them by itself: try fewer versions "
        "at once",
        lambda self: len(self.gates) * len(self.candidates or ()) <= MOST_GATES,
        "gates",
    ),
    Rule(
        "!has(self.candidates) || !has(self.scale) || self.scale.mode != 'Managed'",
        "managed scale is not yet supported with candidates: scale all versions to what their shares need before",
        lambda self: self.candidates is None or self.scale is None or self.scale.mode is not ScaleMode.MANAGED,
        "scale",
        "FieldValueForbidden",
    ),
    Rule(
        f"!has(self.candidates) || !has(self.strategy.abTest) || !has({_SPLIT}) || ("
        f"self.candidates.all(c, c in {_SPLIT}) && {_SPLIT}.all(name, self.versions.exists(v, v.name == name)))",
        "strategy.abTest.split needs a share for every candidate, and names versions only",
        _split_names_candidates,
        "strategy",
    ),
    Rule(
        f"!has(self.candidates) || !has(self.strategy.abTest) || !has({_SPLIT}) || ("
        f"{_SPLIT}.all(name, name in self.candidates) ? {_SPLIT}.map(name, {_SPLIT}[name]).sum() < 99.999999 : "
        f"({_SPLIT}.map(name, {_SPLIT}[name]).sum() > 99.999999 && "
        f"{_SPLIT}.map(name, {_SPLIT}[name]).sum() < 100.000001))",
        "the shares of the candidates leave some for the stable version: they sum to less than 100, or to 100 where "
        "its share is written too",
        _split_leaves_stable,
        "strategy",
    ),
    Rule(
        "!has(self.strategy.abTest) || !has(self.strategy.abTest.sticky) || has(self.traffic.gatewayAPI)",
        "users can only be kept on one version by traffic.gatewayAPI, with Envoy Gateway: use it, or assign users at "
        "the edge and lead them by a header of your own route, without sticky",
        lambda self: (
            self.strategy.ab_test is None
            or self.strategy.ab_test.sticky is None
            or self.traffic.gateway_api is not None
        ),
        "strategy",
    ),
    Rule(
        "!has(self.strategy.bandit) || !has(self.candidates) || "
        "self.strategy.bandit.floor * double(self.candidates.size() + 1) <= 90.0",
        "the floors of all versions together leave at least 10 percent to move: lower strategy.bandit.floor",
        _bandit_fits,
        "strategy",
    ),
    Rule(
        "!has(self.strategy.bandit) || !self.metrics.exists(m, has(m.role) && m.role == 'Goal' && "
        "!has(m.proportion) && !has(m.latency) && !(has(m.mean) && has(m.mean.sumOfSquares)))",
        "a bandit weighs by goals that are a proportion, a latency or a mean with sumOfSquares",
        lambda self: self.strategy.bandit is None or _weighable(self),
        "metrics",
    ),
    Rule(
        "!has(self.strategy.abTest) || self.strategy.abTest.horizon != 'Fixed' || !self.metrics.exists(m, "
        "has(m.role) && m.role == 'Goal' && has(m.gain) && has(m.gain.ratio))",
        "a fixed horizon tests differences: write the gain of its goals as a difference, for example {difference: 0}",
        lambda self: (
            self.strategy.ab_test is None
            or self.strategy.ab_test.horizon != "Fixed"
            or not any(one.role == Role.GOAL and one.gain and one.gain.ratio for one in self.metrics)
        ),
        "metrics",
    ),
    Rule(
        "!has(self.strategy.abTest) || self.strategy.abTest.horizon != 'Fixed' || !self.metrics.exists(m, "
        "has(m.role) && m.role == 'Goal' && !has(m.proportion) && !has(m.latency) && "
        "!(has(m.mean) && has(m.mean.sumOfSquares)))",
        "a fixed horizon has tests for goals that are a proportion, a latency or a mean with sumOfSquares: use those, "
        "or horizon Sequential",
        lambda self: self.strategy.ab_test is None or self.strategy.ab_test.horizon != "Fixed" or _weighable(self),
        "metrics",
    ),
)
