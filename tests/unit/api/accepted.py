"""Specs that must be accepted."""

from tests.unit.api.cases import (
    AGREEMENT,
    CREATE,
    DISTRIBUTION,
    LATENCY,
    MEAN,
    PAIRED,
    PER,
    QUANTILE,
    RATE,
    canary,
    errors,
    metric,
    spec,
    version,
)
from tests.unit.api.refused_audiences import ACCEPTED_AUDIENCES
from tests.unit.api.refused_experiments import ACCEPTED_EXPERIMENTS

TELEMETRY = {
    "prediction": "outputs[0].data[0]",
    "compare": {"kind": "Number", "tolerance": 0.01, "relative": 0.05},
    "unit": {"field": "parameters.user", "window": "1d"},
    "slices": [{"name": "country", "header": "x-country"}, {"name": "kind", "field": "parameters.kind"}],
    "invariants": [
        {"name": "range", "path": "outputs[0].data", "min": 0, "max": 1},
        {"name": "finite", "of": "Request", "path": "inputs[0].data", "finite": True},
        {"name": "allowed", "path": "class", "allowed": ["a", "b"]},
        {"name": "sum", "path": "p", "sum": {}},
        {"name": "confidence", "path": "p", "confidence": 0.5},
        {"name": "schema", "jsonSchema": {"type": "object", "required": ["outputs"]}},
        {"name": "flicker", "path": "class", "flicker": {"header": "x-item", "within": "5m"}},
    ],
    "score": {"path": "p[0]", "buckets": [0.1, 0.5, 0.9], "references": [{"version": "v8", "counts": [1, 2, 3, 4]}]},
    "signals": [{"name": "complaint"}, {"name": "revenue", "min": 0, "max": 100}],
    "labelDelay": "30m",
    "sample": {"path": "/predict", "fields": ["inputs"]},
}

ACCEPTED = {
    "smallest": spec(metrics=None),
    "a version alone": spec(versions=[version("v8")]),
    "a GRPCRoute": spec(traffic={"gatewayAPI": {"grpcRoute": "fraud", "rules": ["a", "b"]}}),
    "a created GRPCRoute": spec(
        traffic={
            "gatewayAPI": {"create": CREATE | {"kind": "GRPCRoute", "match": {"method": {"method": "ModelInfer"}}}}
        }
    ),
    "increments": canary(increment=7.5, max=60, hold="90s", samples=0, deadline="1d"),
    "steps": canary(
        steps=[
            {"weight": 0.5, "hold": "23h", "deadline": "1d", "samples": 20},
            {"weight": 12.5, "approval": True, "require": "Pass"},
        ]
    ),
    "a preview by header": spec(
        strategy={"blueGreen": {"preview": {"header": {"name": "x-preview", "value": "1"}}, "hold": "0s"}}
    ),
    "all roles": spec(
        metrics=[
            errors(name="a", margin={"ratio": 1.5, "floor": 0.002}, acceptable={"ratio": 1.1}),
            errors(name="b", role="Monitor", margin={"difference": 0.02}, acceptable={"difference": 0.01}),
            errors(name="c", role="Goal", gain={"difference": 0}),
            metric(better="Lower", latency=LATENCY | {"unit": "Milliseconds", "histogram": 'a{b="c", d!~"e|f",}'}),
            metric(name="t", threshold={"query": 'max(a{pod=~"{{pods}}", n="{{namespace}}"})', "max": 0.95, "min": -1}),
        ]
    ),
    "all kinds": spec(
        metrics=[
            errors(name="a", slices={"label": "country", "maxValues": 80, "minSamples": 50}, labelDelay="30m"),
            errors(name="b", proportion={"good": "a", "total": "b", "requests": "c"}, better="Higher"),
            metric(name="c", better="Lower", quantile=QUANTILE, margin={"difference": 0.01}),
            metric(name="d", better="Lower", quantile=QUANTILE | {"quantile": 0.5, "unit": "Milliseconds"}),
            metric(name="e", better="Lower", rate=RATE, margin={"ratio": 1.2, "floor": 20}),
            metric(name="f", better="Higher", rate=RATE, slices={"label": "country"}),
            metric(name="g", distribution=DISTRIBUTION, role="Goal"),
            metric(name="h", agreement=AGREEMENT, role="Monitor"),
            metric(name="i", better="Lower", paired=PAIRED, margin={"ratio": 1.2, "floor": 0.01}),
            metric(name="j", better="Lower", paired=PAIRED, role="Goal", gain={"ratio": 0.8}),
        ]
    ),
    "good and bad without total": spec(metrics=[errors(proportion={"good": "a", "bad": "b", "requests": "c"})]),
    "what is ready-made": spec(
        metrics=[
            metric(name="a", preset={"name": "vllm/errors"}),
            metric(name="b", preset={"name": "no/such", "parameters": {"above": "250ms", "path": "/a|[b].{2}"}}),
            metric(name="c", preset={"name": "collector/accuracy"}, role="Goal", gain={"difference": 2.5}),
            metric(name="d", preset={"name": "collector/accuracy"}, gain={"difference": 0.01}, labelDelay="1h"),
            metric(name="e", template={"name": "errors"}, series="cluster", margin={"ratio": 1.2, "floor": 0.5}),
            metric(
                name="f",
                template={"kind": "ClusterMetricTemplate", "name": "a.b", "parameters": {}},
                slices={"label": "country"},
            ),
        ]
    ),
    "all means": spec(
        metrics=[
            metric(name="a", better="Higher", mean=MEAN, margin={"difference": 250}, acceptable={"difference": 1.5}),
            metric(name="b", better="Lower", mean=MEAN | {"min": 0, "max": 1}, margin={"ratio": 1.1}),
            metric(name="c", better="Lower", mean=MEAN | {"min": -9, "max": 9.5}, margin={"difference": 2}),
            metric(name="d", better="Higher", mean=MEAN | {"per": PER, "sumOfSquares": "c"}, margin={"ratio": 1.1}),
            metric(name="e", better="Higher", mean=MEAN, role="Goal", gain={"ratio": 0.9}, labelDelay="1h"),
            metric(name="f", better="Higher", mean=MEAN, role="Goal", gain={"difference": 5}),
        ]
    ),
    "every policy": spec(
        hypothesis="v8 halves false alarms",
        initialStable="v7",
        watch="0s",
        prometheus={"address": "https://prometheus.monitoring:9090/tenant"},
        analysis={"interval": "1h", "warmUp": "0s", "falseRollback": 0.5, "dispersion": 2},
        progressDeadline="365d",
        onDeadline="Hold",
        onNewRevision="FinishFirst",
        scale={"mode": "None"},
        exclusivity={"layer": "checkout"},
        rollback="Hold",
        promotion="Manual",
        deletionPolicy="Leave",
        paused=True,
    ),
    "managed scale": spec(scale={"mode": "Managed", "scaleDownDelay": "30m"}),
    "numbers of pods, by weights": spec(
        traffic={"replicas": {"service": "fraud", "total": 8, "scaleDownDelay": "5s"}},
        strategy={"canary": {"weights": [12.5, 50, 87.5]}},
        scale={"mode": "None"},
    ),
    "numbers of pods, by an increment": spec(
        traffic={"replicas": {"service": "fraud", "total": 10}}, strategy={"canary": {"increment": 20, "max": 80}}
    ),
    "numbers of pods, by an increment of its own end": spec(
        traffic={"replicas": {"service": "fraud", "total": 5}}, strategy={"canary": {"increment": 60}}
    ),
    "numbers of pods, by steps": spec(
        traffic={"replicas": {"service": "fraud", "total": 1000}},
        strategy={"canary": {"steps": [{"weight": 0.1}, {"weight": 33.3}]}},
    ),
    "every kind of gate": spec(
        gates=[
            {
                "name": "warm",
                "warmUp": {
                    "requests": 50,
                    "path": '/v2/models/fraud/infer?a="b"',
                    "headers": [{"name": "x-tenant", "value": "a b"}],
                    "body": '{"inputs": []}',
                },
                "deadline": "2m",
            },
            {"name": "golden", "replay": {"configMap": "a.b", "tolerance": {"absolute": 0.001, "relative": 0.01}}},
            {"name": "again", "replay": {"configMap": "a", "key": "more.jsonl"}},
            {"name": "acceptance", "job": {"cronJob": "fraud-acceptance"}},
        ]
    ),
    "a model that can be asked for": spec(versions=[version("v8", model={"name": "fraud", "version": "8.1+a"})]),
    "a dispersion with a decimal": spec(analysis={"dispersion": "1.5"}),
    "a custom workload": spec(
        versions=[version("v8", workload={"kind": "Rollout", "name": "x", "apiVersion": "argoproj.io/v1alpha1"})]
    ),
    "an InferenceService": spec(
        versions=[
            version(
                "v8",
                service={"name": "x-predictor", "port": 80},
                workload={"kind": "InferenceService", "name": "x", "apiVersion": "serving.kserve.io/v1beta1"},
            )
        ]
    ),
    "a StatefulSet with its apiVersion": spec(
        versions=[version("v8", workload={"kind": "StatefulSet", "name": "x", "apiVersion": "apps/v1"})]
    ),
    "telemetry of every kind": spec(telemetry=TELEMETRY),
    "telemetry of nothing": spec(telemetry={}),
    "telemetry of rankings": spec(
        telemetry={"prediction": "ranking", "compare": {"kind": "TopK", "k": 10, "overlap": 0.8}, "labelDelay": "7d"}
    ),
    "telemetry of vectors": spec(
        telemetry={"prediction": "embedding", "compare": {"kind": "Vector", "similarity": 0.99}}
    ),
    **ACCEPTED_EXPERIMENTS,
    **ACCEPTED_AUDIENCES,
}
