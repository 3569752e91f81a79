"""Metrics that must be refused."""

from tests.unit.api.cases import LATENCY, THRESHOLD, Refused, errors, metric, spec, with_metric
from tests.unit.api.refused_kinds import KINDS

METRICS = [
    Refused("same metric name twice", spec(metrics=[errors(), errors()]), "", "spec.metrics"),
    Refused("no kind", with_metric(metric(better="Lower")), "say what is measured", "spec.metrics[0]"),
    Refused("two kinds", with_metric(errors(latency=LATENCY)), "set exactly one kind of metric", "spec.metrics[0]"),
    Refused(
        "preset beside another kind",
        with_metric(errors(preset={"name": "vllm/errors"})),
        "set exactly one kind of metric",
        "spec.metrics[0]",
    ),
    Refused(
        "preset with a gain for a guardrail and a margin for a goal",
        with_metric(metric(preset={"name": "vllm/errors"}, role="Goal", margin={"ratio": 1.5})),
        "a Goal has a gain instead of a margin",
        "spec.metrics[0].margin",
    ),
    Refused(
        "parameter with a quote",
        with_metric(metric(preset={"name": "vllm/errors", "parameters": {"handler": 'a"b'}})),
        "",
        "spec.metrics[0].preset.parameters.handler",
    ),
    Refused(
        "parameter that is a number",
        with_metric(metric(preset={"name": "vllm/queue", "parameters": {"max": 5}})),
        "string",
        "spec.metrics[0].preset.parameters.max",
    ),
    Refused("no better", with_metric(errors(better=None)), "say which direction is good", "spec.metrics[0]"),
    Refused(
        "better of a threshold",
        with_metric(metric(better="Lower", threshold=THRESHOLD)),
        "leave it out, this kind says itself what is good",
        "spec.metrics[0].better",
    ),
    Refused(
        "more bad answers are better",
        with_metric(errors(better="Higher")),
        "fewer bad or slow answers are better",
        "spec.metrics[0].better",
    ),
    Refused(
        "more slow answers are better",
        with_metric(metric(better="Higher", latency=LATENCY)),
        "fewer bad or slow answers are better",
        "spec.metrics[0].better",
    ),
    Refused(
        "fewer good answers are better",
        with_metric(metric(better="Lower", proportion={"good": "a", "total": "b"})),
        "more good answers are better",
        "spec.metrics[0].better",
    ),
    Refused(
        "good and bad",
        with_metric(errors(proportion={"good": "a", "bad": "b", "total": "c"})),
        "set exactly one of good and bad",
        "spec.metrics[0].proportion",
    ),
    Refused(
        "bad without total",
        with_metric(errors(proportion={"bad": "b"})),
        "say what all answers are: set total, or both good and bad",
        "spec.metrics[0].proportion",
    ),
    Refused(
        "more answers are better of good and bad together",
        with_metric(errors(better="Higher", proportion={"good": "a", "bad": "b"})),
        "fewer bad or slow answers are better",
        "spec.metrics[0].better",
    ),
    Refused(
        "neither good nor bad",
        with_metric(errors(proportion={"total": "c"})),
        "set exactly one of good and bad",
        "spec.metrics[0].proportion",
    ),
    *(
        Refused(
            f"selector with {name}",
            with_metric(errors(proportion={"bad": text, "total": "b"})),
            "write a bare selector of a counter",
            "spec.metrics[0].proportion.bad",
        )
        for name, text in (
            ("a function", "rate(a[1m])"),
            ("a range", "a[5m]"),
            ("an offset", "a offset 5m"),
            ("an operator", "a + b"),
            ("an open brace", 'a{b="c"'),
            ("an unquoted value", "a{b=c}"),
            ("a second selector", 'a{b="c"} or d'),
        )
    ),
    Refused(
        "histogram with its suffix",
        with_metric(metric(better="Lower", latency=LATENCY | {"histogram": 'a_bucket{path="/"}'})),
        "without its suffix _bucket",
        "spec.metrics[0].latency.histogram",
    ),
    Refused(
        "latency of hours",
        with_metric(metric(better="Lower", latency=LATENCY | {"above": "2h"})),
        "must be between 1us and 1h",
        "spec.metrics[0].latency.above",
    ),
    Refused(
        "threshold without bounds",
        with_metric(metric(threshold={"query": "up"})),
        "set max, min or both",
        "spec.metrics[0].threshold",
    ),
    Refused(
        "threshold with crossed bounds",
        with_metric(metric(threshold=THRESHOLD | {"min": 2})),
        "min must not be larger than max",
        "spec.metrics[0].threshold.min",
    ),
    Refused(
        "unknown placeholder",
        with_metric(metric(threshold=THRESHOLD | {"query": 'a{pod="{{pod}}"}'})),
        "unknown placeholder",
        "spec.metrics[0].threshold.query",
    ),
    Refused(
        "query too long",
        with_metric(metric(threshold=THRESHOLD | {"query": "a" * 4097})),
        "4096",
        "spec.metrics[0].threshold.query",
    ),
    Refused("goal without gain", with_metric(errors(role="Goal")), "a Goal needs a gain", "spec.metrics[0]"),
    Refused(
        "goal with margin",
        with_metric(errors(role="Goal", gain={"ratio": 0.5}, margin={"ratio": 1.5})),
        "a Goal has a gain instead of a margin",
        "spec.metrics[0].margin",
    ),
    Refused(
        "goal with acceptable",
        with_metric(errors(role="Goal", gain={"ratio": 0.5}, acceptable={"ratio": 1})),
        "acceptable belongs to a Guardrail",
        "spec.metrics[0].acceptable",
    ),
    Refused(
        "gain of a guardrail",
        with_metric(errors(gain={"ratio": 0.5})),
        "gain belongs to a Goal",
        "spec.metrics[0].gain",
    ),
    Refused(
        "gain that is a loss",
        with_metric(errors(role="Goal", gain={"ratio": 1.5})),
        "at most 1",
        "spec.metrics[0].gain",
    ),
    Refused(
        "margin of a threshold",
        with_metric(metric(threshold=THRESHOLD, margin={"ratio": 1.5})),
        "has bounds of its own instead",
        "spec.metrics[0]",
    ),
    Refused(
        "floor of a tenth",
        with_metric(errors(margin={"ratio": 1.5, "floor": 0.1})),
        "a floor is a small share, below 0.1",
        "spec.metrics[0].margin",
    ),
    Refused(
        "difference of whole shares",
        with_metric(errors(margin={"difference": 1})),
        "a difference of shares is below 1",
        "spec.metrics[0]",
    ),
    Refused(
        "ratio and difference",
        with_metric(errors(margin={"ratio": 1.5, "difference": 0.1})),
        "set exactly one of ratio",
        "spec.metrics[0].margin",
    ),
    Refused(
        "floor of a difference",
        with_metric(errors(margin={"difference": 0.1, "floor": 0.1})),
        "a floor goes with a ratio",
        "spec.metrics[0].margin.floor",
    ),
    Refused(
        "margin equal to acceptable",
        with_metric(errors(margin={"ratio": 1})),
        "margin must be worse than",
        "spec.metrics[0].margin",
    ),
    Refused(
        "margin of no difference",
        with_metric(errors(margin={"difference": 0})),
        "margin must be worse than",
        "spec.metrics[0].margin",
    ),
    Refused(
        "margin below acceptable",
        with_metric(errors(margin={"ratio": 1.2}, acceptable={"ratio": 1.3})),
        "margin must be worse than",
        "spec.metrics[0].margin",
    ),
    Refused(
        "acceptable in another form",
        with_metric(errors(margin={"ratio": 1.2}, acceptable={"difference": 0.1})),
        "acceptable needs a margin in the same form",
        "spec.metrics[0].acceptable",
    ),
    Refused(
        "acceptable without margin",
        with_metric(errors(acceptable={"ratio": 1.1})),
        "acceptable needs a margin in the same form",
        "spec.metrics[0].acceptable",
    ),
    Refused(
        "acceptable improvement",
        with_metric(errors(margin={"ratio": 1.2}, acceptable={"ratio": 0.9})),
        "acceptable cannot demand an improvement",
        "spec.metrics[0].acceptable",
    ),
    *KINDS,
]
