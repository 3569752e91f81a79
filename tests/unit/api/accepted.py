"""Specs that must be accepted."""

from tests.unit.api.cases import CREATE, LATENCY, canary, errors, metric, spec, version

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
    "all roles": spec(
        metrics=[
            errors(name="a", margin={"ratio": 1.5, "floor": 0.002}, acceptable={"ratio": 1.1}),
            errors(name="b", role="Monitor", margin={"difference": 0.02}, acceptable={"difference": 0.01}),
            errors(name="c", role="Goal", gain={"difference": 0}),
            metric(better="Lower", latency=LATENCY | {"unit": "Milliseconds", "histogram": 'a{b="c", d!~"e|f",}'}),
            metric(name="t", threshold={"query": 'max(a{pod=~"{{pods}}", n="{{namespace}}"})', "max": 0.95, "min": -1}),
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
        rollback="Hold",
        promotion="Manual",
        deletionPolicy="Leave",
        paused=True,
    ),
    "a dispersion with a decimal": spec(analysis={"dispersion": "1.5"}),
    "a StatefulSet with its apiVersion": spec(
        versions=[version("v8", workload={"kind": "StatefulSet", "name": "x", "apiVersion": "apps/v1"})]
    ),
}
