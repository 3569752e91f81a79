"""Versions, routers, strategies and policies that must be refused."""

from tests.unit.api.cases import CREATE, Refused, canary, spec, version
from tests.unit.api.refused_audiences import AUDIENCES
from tests.unit.api.refused_experiments import EXPERIMENTS
from tests.unit.api.refused_metrics import METRICS
from tests.unit.api.refused_telemetry import TELEMETRY

VERSIONS = [
    Refused(
        "same version name twice",
        spec(versions=[version("v8"), version("v8", service={"name": "b", "port": 1})]),
        "",
        "spec.versions",
    ),
    Refused(
        "one service for two versions",
        spec(versions=[version("v7"), version("v8", service={"name": "fraud-v7", "port": 9090})]),
        "every version needs a Service of its own",
        "spec.versions",
    ),
    Refused(
        "one workload for two versions",
        spec(versions=[version("v7"), version("v8", workload={"kind": "Deployment", "name": "fraud-v7"})]),
        "every version needs a workload of its own",
        "spec.versions",
    ),
    Refused("target is no version", spec(target="v9"), "target must be the name of one of versions", "spec.target"),
    Refused("no target", spec(target=None), "set target to the name of one of versions", "spec"),
    Refused("target and candidates", spec(candidates=["v7"]), "set exactly one of target and candidates", "spec"),
    Refused(
        "candidates of a canary",
        spec(target=None, candidates=["v8"]),
        "candidates lets the best one be chosen",
        "spec.strategy",
    ),
    Refused(
        "initialStable is no version",
        spec(initialStable="v1"),
        "initialStable must be the name of one of versions",
        "spec.initialStable",
    ),
    Refused(
        "custom workload without apiVersion",
        spec(versions=[version("v7"), version("v8", workload={"kind": "Rollout", "name": "x"})]),
        "say the apiVersion of this kind of workload",
        "spec.versions[1].workload.apiVersion",
    ),
    Refused(
        "an old apiVersion of an InferenceService",
        spec(
            versions=[
                version(
                    "v8",
                    workload={"kind": "InferenceService", "name": "x", "apiVersion": "serving.kserve.io/v1alpha2"},
                )
            ]
        ),
        "an InferenceService has the apiVersion serving.kserve.io/v1beta1",
        "spec.versions[0].workload.apiVersion",
    ),
    Refused(
        "wrong apiVersion of a Deployment",
        spec(versions=[version("v7"), version("v8", workload={"kind": "Deployment", "name": "x", "apiVersion": "v1"})]),
        "has the apiVersion apps/v1",
        "spec.versions[1].workload.apiVersion",
    ),
]

TRAFFIC = [
    Refused("no router", spec(traffic={}), "set traffic.gatewayAPI with the name of your HTTPRoute", "spec.traffic"),
    Refused(
        "two routers",
        spec(traffic={"gatewayAPI": {"httpRoute": "a"}, "service": {"name": "a"}}),
        "set exactly one traffic router",
        "spec.traffic",
    ),
    Refused(
        "selector switch with a canary",
        spec(traffic={"service": {"name": "a"}}),
        "a Service's selector knows all or nothing: use strategy.blueGreen",
        "spec.strategy",
    ),
    Refused(
        "no route",
        spec(traffic={"gatewayAPI": {}}),
        "set exactly one of httpRoute, grpcRoute",
        "spec.traffic.gatewayAPI",
    ),
    Refused(
        "two routes",
        spec(traffic={"gatewayAPI": {"httpRoute": "a", "create": CREATE}}),
        "set exactly one of httpRoute, grpcRoute",
        "spec.traffic.gatewayAPI",
    ),
    Refused(
        "rules of a created route",
        spec(traffic={"gatewayAPI": {"create": CREATE, "rules": ["predict"]}}),
        "leave it out together with create",
        "spec.traffic.gatewayAPI.rules",
    ),
    Refused(
        "path of a GRPCRoute",
        spec(traffic={"gatewayAPI": {"create": CREATE | {"kind": "GRPCRoute", "match": {"path": {"value": "/a"}}}}}),
        "a GRPCRoute matches no paths",
        "spec.traffic.gatewayAPI.create.match",
    ),
    Refused(
        "method of an HTTPRoute",
        spec(traffic={"gatewayAPI": {"create": CREATE | {"match": {"method": {"method": "ModelInfer"}}}}}),
        "an HTTPRoute matches no gRPC methods",
        "spec.traffic.gatewayAPI.create.match",
    ),
]

PODS = {"replicas": {"service": "fraud", "total": 10}}
NO_WHOLE_POD = "a weight of the canary is no whole number of pods"

NUMBERS_OF_PODS = [
    Refused(
        "numbers of pods all at once",
        spec(traffic=PODS, strategy={"blueGreen": {}}),
        "numbers of pods make a canary: use strategy.canary, or traffic.service",
        "spec.strategy",
    ),
    *(
        Refused(
            f"half a pod, by {next(iter(form))}",
            spec(traffic=PODS, strategy={"canary": form}),
            NO_WHOLE_POD,
            "spec.strategy",
        )
        for form in (
            {"weights": [10, 25]},
            {"steps": [{"weight": 10}, {"weight": 25}]},
            {"increment": 25, "max": 50},
            {"increment": 20, "max": 55},
        )
    ),
    Refused(
        "half a pod, by the end that an increment has where none is written",
        spec(traffic={"replicas": {"service": "fraud", "total": 5}}, strategy={"canary": {"increment": 20}}),
        NO_WHOLE_POD,
        "spec.strategy",
    ),
    Refused(
        "numbers of pods and managed scale",
        spec(traffic=PODS, strategy={"canary": {"weights": [10]}}, scale={"mode": "Managed"}),
        "traffic.replicas sets the replicas of both versions itself: leave scale out",
        "spec.scale",
    ),
    Refused(
        "numbers of pods of an InferenceService",
        spec(
            traffic=PODS,
            strategy={"canary": {"weights": [10]}},
            versions=[version("v7"), version("v8", workload={"kind": "InferenceService", "name": "x"})],
        ),
        "KServe sets the replicas of an InferenceService",
        "spec.versions",
    ),
    Refused(
        "one pod in all",
        spec(traffic={"replicas": {"service": "fraud", "total": 1}}, strategy={"canary": {"weights": [50]}}),
        "greater than or equal to 2",
        "spec.traffic.replicas.total",
    ),
]

STRATEGY = [
    Refused("no strategy", spec(strategy={}), "set strategy.canary", "spec.strategy"),
    Refused(
        "two strategies",
        spec(strategy={"canary": {"weights": [1]}, "shadow": {}}),
        "set exactly one strategy",
        "spec.strategy",
    ),
    Refused(
        "a shadow where nothing copies requests",
        spec(traffic={"service": {"name": "fraud"}}, strategy={"shadow": {}}),
        "requests can only be copied by traffic.gatewayAPI or traffic.istio",
        "spec.strategy",
    ),
    Refused(
        "a shadow of nothing", spec(strategy={"shadow": {"percent": 0}}), "no shadow", "spec.strategy.shadow.percent"
    ),
    Refused(
        "a canary to follow that is not written",
        spec(strategy={"shadow": {"then": "Canary"}}),
        "then: Canary needs canary",
        "spec.strategy.shadow.canary",
    ),
    Refused(
        "a canary that does not follow",
        spec(strategy={"shadow": {"then": "Promote", "canary": {"weights": [5]}}}),
        "the others do without it",
        "spec.strategy.shadow.canary",
    ),
    Refused(
        "a shadow whose deadline comes before the end of its hold",
        spec(strategy={"shadow": {"hold": "10m", "deadline": "5m"}}),
        "must be longer than its hold",
        "spec.strategy.shadow.deadline",
    ),
    Refused("no steps", spec(strategy={"steps": []}), "", "spec.strategy.steps"),
    Refused("a step without a name", spec(strategy={"steps": [{"weight": 5}]}), "", "spec.strategy.steps[0].name"),
    Refused(
        "two steps of one name",
        spec(strategy={"steps": [{"name": "a"}, {"name": "a", "weight": 5}]}),
        "every step needs a name of its own",
        "spec.strategy.steps",
    ),
    Refused(
        "weights that fall",
        spec(strategy={"steps": [{"name": "a", "weight": 5}, {"name": "b"}, {"name": "c", "weight": 1}]}),
        "must not fall",
        "spec.strategy.steps",
    ),
    Refused(
        "a step with everything",
        spec(strategy={"steps": [{"name": "a", "weight": 100}]}),
        "promotion follows the last step by itself",
        "spec.strategy.steps[0].weight",
    ),
    Refused(
        "a step that needs a metric that there is not",
        spec(strategy={"steps": [{"name": "a", "weight": 5, "metrics": ["nobody"]}]}),
        "must be names of entries of spec.metrics",
        "spec.strategy",
    ),
    Refused(
        "a webhook to something that is no web address",
        spec(strategy={"steps": [{"name": "a", "webhooks": [{"name": "h", "url": "file:///etc/passwd"}]}]}),
        "",
        "spec.strategy.steps[0].webhooks[0].url",
    ),
    Refused(
        "a webhook that is waited for too long",
        spec(strategy={"steps": [{"name": "a", "webhooks": [{"name": "h", "url": "http://a.b", "timeout": "61s"}]}]}),
        "must be between 1s and 60s",
        "spec.strategy.steps[0].webhooks[0].timeout",
    ),
    Refused(
        "two webhooks of one name",
        spec(strategy={"steps": [{"name": "a", "webhooks": [{"name": "h", "url": "http://a.b"}] * 2}]}),
        "every webhook of a step needs a name of its own",
        "spec.strategy.steps[0].webhooks",
    ),
    Refused(
        "a preview by header without a route",
        spec(
            traffic={"service": {"name": "fraud"}},
            strategy={"blueGreen": {"preview": {"header": {"name": "x-preview", "value": "1"}}}},
        ),
        "a preview by header needs a route: use traffic.gatewayAPI, or leave preview out",
        "spec.strategy",
    ),
    Refused(
        "preview shorter than its hold",
        spec(strategy={"blueGreen": {"hold": "5m", "deadline": "1m"}}),
        "the deadline of the preview must be longer than its hold",
        "spec.strategy.blueGreen.deadline",
    ),
    Refused("no form of canary", canary(), "set exactly one of weights", "spec.strategy.canary"),
    Refused(
        "weights and increment", canary(weights=[1], increment=10), "set exactly one of weights", "spec.strategy.canary"
    ),
    Refused(
        "weights and steps",
        canary(weights=[1], steps=[{"weight": 1}]),
        "set exactly one of weights",
        "spec.strategy.canary",
    ),
    Refused("weights fall", canary(weights=[5, 1]), "weights must increase", "spec.strategy.canary.weights"),
    Refused("weights stand still", canary(weights=[5, 5]), "weights must increase", "spec.strategy.canary.weights"),
    Refused(
        "weights of steps stand still",
        canary(steps=[{"weight": 5}, {"weight": 5}]),
        "weights of the steps must increase",
        "spec.strategy.canary.steps",
    ),
    Refused(
        "weight 0", canary(weights=[0, 5]), "lies between 0 and 100, both excluded", "spec.strategy.canary.weights[0]"
    ),
    Refused(
        "weight 100",
        canary(weights=[5, 100]),
        "lies between 0 and 100, both excluded",
        "spec.strategy.canary.weights[1]",
    ),
    Refused(
        "weight above 100", canary(weights=[5, 101]), "less than or equal to 100", "spec.strategy.canary.weights[1]"
    ),
    Refused("two decimals", canary(weights=[0.25]), "at most one decimal", "spec.strategy.canary.weights[0]"),
    Refused("max without increment", canary(weights=[5], max=50), "set increment too", "spec.strategy.canary.max"),
    Refused(
        "max below increment",
        canary(increment=20, max=10),
        "max must be at least as large as increment",
        "spec.strategy.canary.max",
    ),
    Refused(
        "deadline within hold",
        canary(weights=[5], hold="2m", deadline="2m"),
        "must be longer than its hold",
        "spec.strategy.canary.deadline",
    ),
    Refused(
        "deadline in hours within a hold in days",
        canary(weights=[5], hold="2d", deadline="47h"),
        "must be longer than its hold",
        "spec.strategy.canary.deadline",
    ),
    Refused(
        "deadline of a step within its hold",
        canary(steps=[{"weight": 5, "hold": "1d", "deadline": "24h"}]),
        "must be longer than its hold",
        "spec.strategy.canary.steps[0].deadline",
    ),
    Refused(
        "hold too long", canary(weights=[5], hold="31d"), "must be between 0s and 30d", "spec.strategy.canary.hold"
    ),
    Refused(
        "deadline too short",
        canary(weights=[5], hold="0s", deadline="0s"),
        "must be between 1s and 30d",
        "spec.strategy.canary.deadline",
    ),
    Refused("no duration", canary(weights=[5], hold="2 minutes"), "", "spec.strategy.canary.hold"),
]

POLICIES = [
    *(
        Refused(
            f"address {text!r}",
            spec(prometheus={"address": text}),
            "write the address as http(s)://host:port",
            "spec.prometheus.address",
        )
        for text in ("prometheus:9090", "ftp://a", "http://user@a", "http://a?b=c", "http://")
    ),
    Refused(
        "interval too short", spec(analysis={"interval": "10ms"}), "must be between 1s and 1h", "spec.analysis.interval"
    ),
    Refused("warmUp too long", spec(analysis={"warmUp": "1d"}), "must be between 0s and 1h", "spec.analysis.warmUp"),
    Refused("falseRollback 0", spec(analysis={"falseRollback": 0}), "greater than 0", "spec.analysis.falseRollback"),
    Refused(
        "falsePromotion 0.6",
        spec(analysis={"falsePromotion": 0.6}),
        "less than or equal to 0.5",
        "spec.analysis.falsePromotion",
    ),
    *(
        Refused(
            f"dispersion {value!r}",
            spec(analysis={"dispersion": value}),
            "write Auto, a whole number from 1 to 1000",
            "spec.analysis.dispersion",
        )
        for value in (0, "0.5", "auto", "1e3", 1001)
    ),
    Refused("watch too long", spec(watch="31d"), "must be between 0s and 30d", "spec.watch"),
    Refused("progressDeadline 0", spec(progressDeadline="0s"), "must be between 1s and 365d", "spec.progressDeadline"),
    Refused(
        "scaleDownDelay too short",
        spec(scale={"mode": "Managed", "scaleDownDelay": "1s"}),
        "must be between 5s and 30d",
        "spec.scale.scaleDownDelay",
    ),
    Refused(
        "scaleDownDelay without managed scale",
        spec(scale={"mode": "None", "scaleDownDelay": "30m"}),
        "only with scale.mode Managed",
        "spec.scale.scaleDownDelay",
    ),
    Refused("layer", spec(exclusivity={"layer": "Not A Name"}), "[-a-z0-9]*", "spec.exclusivity.layer"),
]

MONITORING = [
    Refused(
        "monitoring of no metric",
        spec(monitoring={"metrics": ["nothing"]}),
        "monitoring names a metric that is not there",
        "spec.monitoring",
    ),
    Refused("looks too often", spec(monitoring={"every": "1s"}), "between 5s and 7d", "spec.monitoring.every"),
    Refused("no reference", spec(monitoring={"reference": 2}), "3", "spec.monitoring.reference"),
    Refused(
        "alarms too often",
        spec(monitoring={"falseAlarms": "7d"}),
        "between 30d and 3650d",
        "spec.monitoring.falseAlarms",
    ),
    Refused("always stale", spec(monitoring={"maxAge": "1m"}), "between 1h and 3650d", "spec.monitoring.maxAge"),
]

WARM = {"name": "warm", "warmUp": {"path": "/v2/health/ready"}}

GATES = [
    Refused("a gate of no kind", spec(gates=[{"name": "a"}]), "exactly one of warmUp, replay and job", "spec.gates[0]"),
    Refused(
        "a gate of two kinds",
        spec(gates=[WARM, {"name": "b", "replay": {"configMap": "a"}, "job": {"cronJob": "b"}}]),
        "exactly one of warmUp, replay and job",
        "spec.gates[1]",
    ),
    Refused("same gate name twice", spec(gates=[WARM, WARM]), "", "spec.gates"),
    Refused(
        "a path of another host",
        spec(gates=[{"name": "a", "warmUp": {"path": "http://metadata/"}}]),
        "^/",
        "spec.gates[0].warmUp.path",
    ),
    Refused(
        "a header that frames a request",
        spec(gates=[{"name": "a", "warmUp": {"path": "/", "headers": [{"name": "Host", "value": "x"}]}}]),
        "are written by the operator",
        "spec.gates[0].warmUp.headers[0].name",
    ),
    Refused(
        "a relative tolerance above 1",
        spec(gates=[{"name": "a", "replay": {"configMap": "a", "tolerance": {"relative": 1.5}}}]),
        "less than or equal to 1",
        "spec.gates[0].replay.tolerance.relative",
    ),
    Refused(
        "a model's version without its name",
        spec(versions=[version("v7"), version("v8", model={"version": "8"})]),
        "set name too, or leave version out",
        "spec.versions[1].model.version",
    ),
]

REFUSED = [
    *VERSIONS,
    *TRAFFIC,
    *NUMBERS_OF_PODS,
    *STRATEGY,
    *AUDIENCES,
    *METRICS,
    *POLICIES,
    *MONITORING,
    *GATES,
    *TELEMETRY,
    *EXPERIMENTS,
]
