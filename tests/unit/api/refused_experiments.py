"""Experiments that must be refused."""

from typing import Any

from tests.unit.api.cases import CREATE, MEAN, PER, RATE, THRESHOLD, Refused, errors, metric, spec, version

GOAL = errors(
    name="clicks", better="Higher", role="Goal", gain={"difference": 0}, proportion={"good": "clicks", "total": "shown"}
)
VERSIONS = [version(name) for name in ("v7", "v8", "v9")]


def experiment(strategy: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An experiment with v8 and v9 that is right, with fields replaced."""
    given = {"target": None, "candidates": ["v8", "v9"], "versions": VERSIONS, "metrics": [errors(), GOAL]}
    return spec(strategy=strategy, **{**given, **changes})


def ab_test(**fields: Any) -> dict[str, Any]:
    """One with this A/B test."""
    return experiment({"abTest": fields})


FIXED = {"abTest": {"horizon": "Fixed", "until": {"samples": 1000}}}

EXPERIMENTS = [
    Refused("an A/B test with a target", spec(strategy={"abTest": {}}), "name them in candidates", "spec.strategy"),
    Refused("a bandit with a target", spec(strategy={"bandit": {}}), "name them in candidates", "spec.strategy"),
    Refused(
        "a candidate that is no version",
        experiment({"abTest": {}}, candidates=["v8", "v10"]),
        "every candidate must be the name of one of versions",
        "spec.candidates",
    ),
    Refused(
        "an experiment without a goal",
        experiment({"abTest": {}}, metrics=[errors(), metric(name="t", role="Goal", threshold=THRESHOLD)]),
        "an experiment needs a metric with role Goal",
        "spec.metrics",
    ),
    Refused(
        "too much at once",
        experiment({"abTest": {}}, metrics=[GOAL, *(errors(name=f"e{n}") for n in range(15))]),
        "metrics times candidates is at most 30",
        "spec.metrics",
    ),
    Refused(
        "an experiment with more gates than a status has room for",
        experiment(
            {"abTest": {}},
            candidates=[f"v{number}" for number in range(7, 11)],
            versions=[version(f"v{number}") for number in range(6, 11)],
            gates=[{"name": f"job-{number}", "job": {"cronJob": "a"}} for number in range(8)],
        ),
        "gates times candidates is at most 30",
        "spec.gates",
    ),
    Refused(
        "an experiment with managed scale",
        experiment({"abTest": {}}, scale={"mode": "Managed"}),
        "managed scale is not yet supported with candidates",
        "spec.scale",
    ),
    Refused(
        "a split without a candidate", ab_test(split={"v8": 50}), "needs a share for every candidate", "spec.strategy"
    ),
    Refused(
        "a split that names a stranger",
        ab_test(split={"v8": 30, "v9": 30, "v1": 40}),
        "needs a share for every candidate, and names versions only",
        "spec.strategy",
    ),
    Refused(
        "a split without a rest", ab_test(split={"v8": 50, "v9": 50}), "leave some for the stable", "spec.strategy"
    ),
    Refused(
        "a whole split that does not sum to 100",
        ab_test(split={"v7": 50, "v8": 30, "v9": 30}),
        "leave some for the stable",
        "spec.strategy",
    ),
    Refused("no end", ab_test(until={}), "say when the experiment ends", "spec.strategy.abTest.until"),
    Refused(
        "a fixed horizon without an end", ab_test(horizon="Fixed"), "set until.duration", "spec.strategy.abTest.until"
    ),
    Refused(
        "a fixed horizon of rates",
        experiment(FIXED, metrics=[metric(better="Lower", rate=RATE, role="Goal", gain={"ratio": 1})]),
        "write the gain of its goals as a difference",
        "spec.metrics",
    ),
    Refused(
        "a fixed horizon of a mean without squares",
        experiment(FIXED, metrics=[metric(better="Lower", mean=MEAN, role="Goal", gain={"difference": 0})]),
        "a fixed horizon has tests for goals",
        "spec.metrics",
    ),
    Refused(
        "a bandit by a rate",
        experiment({"bandit": {}}, metrics=[metric(better="Lower", rate=RATE, role="Goal", gain={"ratio": 1})]),
        "a bandit weighs by goals that are a proportion",
        "spec.metrics",
    ),
    Refused(
        "a bandit with high floors",
        experiment({"bandit": {"floor": 30}}, candidates=["v7", "v8", "v9"]),
        "lower strategy.bandit.floor",
        "spec.strategy",
    ),
    Refused("users known by nothing", ab_test(sticky={}), "", "spec.strategy.abTest.sticky.header"),
    Refused(
        "sticky users where no gateway is",
        experiment({"abTest": {"sticky": {"header": "x-user"}}}, traffic={"istio": {"virtualService": "fraud"}}),
        "users can only be kept on one version by traffic.gatewayAPI",
        "spec.strategy",
    ),
]

ACCEPTED_EXPERIMENTS = {
    "the smallest A/B test": ab_test(),
    "an A/B test with everything": experiment(
        {
            "abTest": {
                "split": {"v7": 50, "v8": 24.5, "v9": 25.5},
                "horizon": "Fixed",
                "until": {"duration": "7d", "samples": 100000},
                "then": "Report",
                "sticky": {"header": "x-user"},
            }
        },
        traffic={"gatewayAPI": {"create": CREATE}},
        metrics=[
            GOAL,
            metric(
                name="revenue", role="Goal", better="Higher", gain={"difference": 0}, mean=MEAN | {"sumOfSquares": "c"}
            ),
        ],
    ),
    "a bandit": experiment(
        {"bandit": {"floor": 10, "interval": "30s", "maxChange": 5.5, "until": {"samples": 500}, "then": "Report"}}
    ),
    "an experiment by a ratio per user": experiment(
        {"abTest": {}},
        metrics=[
            metric(better="Higher", mean=MEAN | {"per": PER, "sumOfSquares": "c"}, role="Goal", gain={"ratio": 1})
        ],
    ),
}
