"""Quantiles, rates, means, distributions, agreements and slices that must be refused."""

from typing import Any

from tests.unit.api.cases import (
    AGREEMENT,
    DISTRIBUTION,
    LATENCY,
    MEAN,
    PAIRED,
    PER,
    QUANTILE,
    RATE,
    THRESHOLD,
    Refused,
    errors,
    metric,
    spec,
    with_metric,
)


def mean(effects: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A spec with a mean that is right but for the fields added to it; `effects` take the place of its margin."""
    return with_metric(metric(better="Higher", mean=MEAN | fields, **(effects or {"margin": {"ratio": 1.1}})))


KINDS = [
    *(
        Refused(
            f"{kind} without better",
            with_metric(metric(margin={"ratio": 1.1}, **{kind: value})),
            "say which direction is good",
            "spec.metrics[0]",
        )
        for kind, value in (("quantile", QUANTILE), ("rate", RATE), ("mean", MEAN))
    ),
    *(
        Refused(
            f"{kind} with better",
            with_metric(metric(better="Lower", **{kind: value})),
            "leave it out, this kind says itself what is good",
            "spec.metrics[0].better",
        )
        for kind, value in (("distribution", DISTRIBUTION), ("agreement", AGREEMENT))
    ),
    *(
        Refused(
            f"{effect} of {kind}",
            with_metric(metric(**{kind: value, effect: {"ratio": 1.5}})),
            "has bounds of its own instead",
            "spec.metrics[0]",
        )
        for kind, value in (("distribution", DISTRIBUTION), ("agreement", AGREEMENT))
        for effect in ("margin", "acceptable")
    ),
    *(
        Refused(
            f"goal of a {kind} without gain",
            with_metric(metric(better="Lower", role="Goal", **{kind: value})),
            "a Goal needs a gain",
            "spec.metrics[0]",
        )
        for kind, value in (("quantile", QUANTILE), ("rate", RATE), ("mean", MEAN))
    ),
    Refused(
        "a higher quantile is better",
        with_metric(metric(better="Higher", quantile=QUANTILE)),
        "fewer bad or slow answers are better",
        "spec.metrics[0].better",
    ),
    *(
        Refused(
            f"quantile {value}",
            with_metric(metric(better="Lower", quantile=QUANTILE | {"quantile": value})),
            "than",
            "spec.metrics[0].quantile.quantile",
        )
        for value in (0.49, 1, 99)
    ),
    Refused(
        "floor of a quantile",
        with_metric(metric(better="Lower", quantile=QUANTILE, margin={"ratio": 1.5, "floor": 0.002})),
        "only proportion, latency, rate and paired have a floor",
        "spec.metrics[0].margin",
    ),
    *(
        Refused(
            f"difference of rates as {next(iter(effects))}",
            with_metric(metric(better="Lower", rate=RATE, **effects)),
            "rates and pairs are compared as a ratio",
            "spec.metrics[0]",
        )
        for effects in (
            {"margin": {"difference": 0.5}},
            {"acceptable": {"difference": 0.1}, "margin": {"difference": 0.5}},
            {"gain": {"difference": 0.5}, "role": "Goal"},
        )
    ),
    *(
        Refused(
            f"mean without a margin as a {role}",
            with_metric(metric(better="Higher", mean=MEAN, role=role)),
            "say how much worse the mean may get",
            "spec.metrics[0]",
        )
        for role in ("Guardrail", "Monitor")
    ),
    Refused(
        "floor of a mean",
        mean({"margin": {"ratio": 1.1, "floor": 0.01}}),
        "only proportion, latency, rate and paired have a floor",
        "spec.metrics[0].margin",
    ),
    *(
        Refused(f"mean with {name} alone", mean(**{name: 1}), "set min and max together", "spec.metrics[0].mean")
        for name in ("min", "max")
    ),
    Refused("mean with crossed bounds", mean(min=1, max=1), "min must be smaller than max", "spec.metrics[0].mean.min"),
    Refused(
        "ratio of what may be negative",
        mean(min=-1, max=1),
        "a quantity that may be negative has no ratio",
        "spec.metrics[0]",
    ),
    Refused(
        "ratio of sums without squares", mean(per=PER), "per needs sumOfSquares", "spec.metrics[0].mean.sumOfSquares"
    ),
    Refused(
        "ratio of sums with bounds",
        mean(per=PER, sumOfSquares="a", min=0, max=1),
        "leave them out with per",
        "spec.metrics[0].mean.min",
    ),
    Refused(
        "ratio of sums without products",
        mean(sumOfSquares="a", per={"sum": "a", "sumOfSquares": "b"}),
        "equired",
        "spec.metrics[0].mean.per.sumOfProducts",
    ),
    *(
        Refused(
            f"Jensen-Shannon distance of {value}",
            with_metric(metric(distribution=DISTRIBUTION | {"margin": {"jensenShannon": value}})),
            "than",
            "spec.metrics[0].distribution.margin.jensenShannon",
        )
        for value in (0, 1)
    ),
    *(
        Refused(
            f"agreement of at least {value}",
            with_metric(metric(agreement=AGREEMENT | {"min": value})),
            "than",
            "spec.metrics[0].agreement.min",
        )
        for value in (0, 1)
    ),
    *(
        Refused(
            f"slices of a {kind}",
            with_metric(metric(slices={"label": "country"}, **{kind: value})),
            "slices go with metrics that compare",
            "spec.metrics[0].slices",
        )
        for kind, value in (("threshold", THRESHOLD), ("distribution", DISTRIBUTION), ("agreement", AGREEMENT))
    ),
    Refused(
        "slices of pairs",
        with_metric(metric(slices={"label": "country"}, better="Lower", paired=PAIRED)),
        "slices go with metrics that compare",
        "spec.metrics[0].slices",
    ),
    Refused(
        "a difference of pairs",
        with_metric(metric(better="Lower", paired=PAIRED, margin={"difference": 0.01})),
        "rates and pairs are compared as a ratio",
        "spec.metrics[0]",
    ),
    Refused(
        "pairs of which more are better",
        with_metric(metric(better="Higher", paired=PAIRED)),
        "fewer bad or slow answers are better: Lower",
        "spec.metrics[0].better",
    ),
    Refused(
        "slices by pod",
        with_metric(errors(slices={"label": "pod"})),
        "not groups of requests",
        "spec.metrics[0].slices.label",
    ),
    Refused(
        "too many slices of one metric",
        with_metric(errors(slices={"label": "country", "maxValues": 101})),
        "100",
        "spec.metrics[0].slices.maxValues",
    ),
    Refused(
        "too many slices of all metrics",
        spec(metrics=[errors(name=f"m{number}", slices={"label": "country"}) for number in range(6)]),
        "keep at most 100 groups apart",
        "spec.metrics",
    ),
    Refused(
        "delayed labels of a latency",
        with_metric(metric(better="Lower", latency=LATENCY, labelDelay="30m")),
        "labelDelay goes with proportion and mean",
        "spec.metrics[0].labelDelay",
    ),
    Refused(
        "a delay of labels of months",
        with_metric(errors(labelDelay="31d")),
        "must be between 0s and 30d",
        "spec.metrics[0].labelDelay",
    ),
]
