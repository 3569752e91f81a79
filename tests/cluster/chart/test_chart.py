"""The Helm chart: what it makes is accepted by a real API server, and grants what the operator's code uses, no more."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dev import programs
from modelrollout import __version__
from modelrollout.cli.root import root
from modelrollout.wiring.settings import Settings
from tests.cluster.conftest import Kubectl

CHART = Path(__file__).parents[3] / "charts" / "modelrollout"
RELEASE = "modelrollout"

GRANTED = {
    ("modelrollout.io", "modelrollouts"): {"get", "list", "watch"},
    ("modelrollout.io", "modelrollouts/status"): {"patch"},
    ("modelrollout.io", "modelrolloutcommands"): {"list", "watch", "delete"},
    ("modelrollout.io", "metrictemplates"): {"list", "watch"},
    ("modelrollout.io", "clustermetrictemplates"): {"list", "watch"},
    ("gateway.networking.k8s.io", "httproutes"): {"get", "list", "watch", "create", "patch"},
    ("gateway.networking.k8s.io", "grpcroutes"): {"get", "list", "watch", "create", "patch"},
    ("networking.istio.io", "virtualservices"): {"get", "list", "watch", "patch"},
    ("apps", "deployments"): {"list", "watch"},
    ("apps", "statefulsets"): {"list", "watch"},
    ("serving.kserve.io", "inferenceservices"): {"list", "watch"},
    ("apps", "controllerrevisions"): {"get", "list", "create", "delete"},
    ("discovery.k8s.io", "endpointslices"): {"list", "watch"},
    ("", "services"): {"get", "list", "watch", "patch"},
    ("", "pods"): {"list"},
    ("", "configmaps"): {"get", "create", "patch"},
    ("", "configmaps:modelrollout-freeze"): {"list", "watch"},
    ("", "secrets"): {"get"},
    ("events.k8s.io", "events"): {"list", "create"},
}
CLUSTER_TEMPLATES = ("modelrollout.io", "clustermetrictemplates")
ALL_ON = (
    "metrics.serviceMonitor.create=true",
    "metrics.prometheusRule.create=true",
    "metrics.dashboard.create=true",
    "networkPolicy.create=true",
    "replicaCount=2",
    "assignments.enabled=true",
    "assignments.configMap.name=experiments",
    "assignments.tokenSecret.name=assignments",
    "prometheus.tokenSecret.name=prometheus",
    "collector.enabled=true",
    "collector.tokenSecret.name=collector",
    "collector.serviceMonitor.create=true",
    "collector.networkPolicy.create=true",
    "userRoles.liveSubjects[0].kind=Group",
    "userRoles.liveSubjects[0].name=sre",
    "userRoles.liveSubjects[0].apiGroup=rbac.authorization.k8s.io",
)


def helm(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [str(programs.path_of(programs.HELM)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert not check or done.returncode == 0, done.stderr
    return done


def rendered(*values: str, namespace: str = "modelrollout-system") -> list[dict[str, Any]]:
    settings = [option for value in values for option in ("--set", value)]
    done = helm("template", RELEASE, str(CHART), "--kube-version", "1.34.4", "--namespace", namespace, *settings)
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(documents: list[dict[str, Any]], kind: str, name: str = RELEASE) -> dict[str, Any]:
    (found,) = [each for each in documents if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def rights(role: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    """Verbs by group and resource; a right that is bound to names has these behind a colon."""
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                bound = "".join(f":{name}" for name in rule.get("resourceNames", ()))
                found.setdefault((group, resource + bound), set()).update(rule["verbs"])
    return found


def test_lint_has_nothing_to_say() -> None:
    helm("lint", "--strict", str(CHART), *[option for value in ALL_ON for option in ("--set", value)])


def test_the_chart_has_the_version_of_the_operator() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("replicaCount=two", "/replicaCount"),
        ("prometheus.address=prometheus:9090", "/prometheus/address"),
        ("prometheus.adress=http://p", "adress"),
        ("image.digest=latest", "/image/digest"),
        ("log.level=loud", "/log/level"),
        ("watchNamespaces[0]=Not_A_Name", "/watchNamespaces/0"),
        ("customWorkloads[0].kind=Rollout", "/customWorkloads/0"),
        ("assignments.enabled=true", "assignments.configMap.name must name"),
        ("metrics.serviceMonitor.create=true,metrics.service.create=false", "needs metrics.service.create"),
        ("collector.enabled=true", "say who may write"),
        ("collector.enabled=true,collector.tls.secretName=tls", "say who may write"),
        ("collector.enabled=true,collector.anonymous=true,collector.replicaCount=2", "needs collector.storeSecret"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(value: str, complaint: str) -> None:
    done = helm("template", RELEASE, str(CHART), "--kube-version", "1.34.4", "--set", value, check=False)
    assert done.returncode != 0
    assert complaint in done.stderr


def test_the_right_to_scale_is_only_there_where_a_value_gives_it() -> None:
    kind = {"group": "example.com", "version": "v1", "resource": "servers", "kind": "Server"}
    custom = [f"customWorkloads[0].{key}={value}" for key, value in kind.items()]
    without = rights(one(rendered(*custom), "ClusterRole"))
    assert set(without) - set(GRANTED) == {("example.com", "servers")}
    scaling = rights(one(rendered(*custom, "rbac.scale=true"), "ClusterRole"))
    assert {key: verbs for key, verbs in scaling.items() if key not in without} == {
        ("apps", "deployments/scale"): {"patch"},
        ("apps", "statefulsets/scale"): {"patch"},
        ("example.com", "servers/scale"): {"patch"},
        ("autoscaling", "horizontalpodautoscalers"): {"list", "watch"},
    }


def test_every_default_is_described_by_the_schema() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def undescribed(values: Any, schema: Any, path: str) -> Iterator[str]:
        for key, value in values.items() if isinstance(values, dict) else ():
            known = schema.get("properties", {}).get(key)
            if known is None:
                if schema.get("additionalProperties") is False:
                    yield f"{path}.{key}"
            elif not known.get("description"):
                yield f"{path}.{key}"
            else:
                yield from undescribed(value, known, f"{path}.{key}")

    assert list(undescribed(values, schema, "")) == []
    assert set(values) == set(schema["properties"]) - {"global"}


def test_the_environment_is_what_the_settings_read(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (
        "watchNamespaces[0]=risk",
        "watchNamespaces[1]=ads",
        "prometheus.allowed[0]=http://p.*.svc:9090",
        "webhooks.allowed[0]=https://*.hooks.example/ml",
    )
    pod = one(rendered(*values, "log.level=DEBUG"), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "given"))
        prefix, _, name = variable["name"].partition("_")
        assert prefix == "POD" or name.lower() in Settings.model_fields
    settings = Settings()
    assert settings.namespaces == ("risk", "ads")
    assert settings.prometheus_allowed == ("http://p.*.svc:9090",)
    assert settings.webhooks_allowed == ("https://*.hooks.example/ml",)
    assert settings.identity == "given"
    assert settings.log_level == "DEBUG"
    assert settings.probe_port == container["ports"][0]["containerPort"]
    monkeypatch.undo()
    assert one(rendered(), "Deployment")["spec"]["template"]["spec"]["containers"][0]["args"] == ["operator"]


def test_the_operator_has_the_rights_that_its_code_uses_and_no_others() -> None:
    assert rights(one(rendered(), "ClusterRole")) == GRANTED
    without = {key: verbs for key, verbs in GRANTED.items() if key != ("", "secrets")}
    assert rights(one(rendered("rbac.secrets=false"), "ClusterRole")) == without
    looking = rights(one(rendered("rbac.serviceSwitch=false"), "ClusterRole"))
    assert looking == {**GRANTED, ("", "services"): {"list", "watch"}}
    looking = rights(one(rendered("rbac.istio=false"), "ClusterRole"))
    assert looking == {**GRANTED, ("networking.istio.io", "virtualservices"): {"list", "watch"}}
    kserve = ("serving.kserve.io", "inferenceservices")
    without = {key: verbs for key, verbs in GRANTED.items() if key != kserve}
    assert rights(one(rendered("rbac.inferenceServices=false"), "ClusterRole")) == without
    sticky = rights(one(rendered("rbac.stickyUsers=true"), "ClusterRole"))
    policies = ("gateway.envoyproxy.io", "backendtrafficpolicies")
    assert sticky == {**GRANTED, policies: {"list", "watch", "create", "patch"}}
    with_jobs = rights(one(rendered("rbac.gateJobs=true"), "ClusterRole"))
    assert with_jobs == {**GRANTED, ("batch", "cronjobs"): {"get"}, ("batch", "jobs"): {"get", "create"}}


def test_the_network_policy_lets_model_servers_be_asked_where_rollouts_are_served() -> None:
    for values, selector in (
        ((), {}),
        (
            ("watchNamespaces[0]=risk",),
            {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["risk"]}]},
        ),
    ):
        egress = one(rendered("networkPolicy.create=true", *values), "NetworkPolicy")["spec"]["egress"]
        (rule,) = [each for each in egress if "to" in each]
        assert rule == {"ports": [{"port": 8080, "protocol": "TCP"}], "to": [{"namespaceSelector": selector}]}
    closed = one(rendered("networkPolicy.create=true", "networkPolicy.modelServerPorts=null"), "NetworkPolicy")
    assert not any("to" in each for each in closed["spec"]["egress"])


def test_assignments_are_served_by_a_command_that_exists_and_by_nobodys_account() -> None:
    assert not [each for each in rendered() if each["metadata"]["name"].endswith("-assignments")]
    documents = rendered(*ALL_ON)
    pod = one(documents, "Deployment", f"{RELEASE}-assignments")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    name, *options = container["args"]
    command = root.get_command(click.Context(root), name)
    assert command is not None
    given = command.make_context(name, list(options)).params
    (port,) = container["ports"]
    assert (given["port"], given["key"]) == (port["containerPort"], "user")
    folders = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {str(given["file"].parent), str(given["token_file"].parent)} == folders
    assert not pod["automountServiceAccountToken"]
    assert "serviceAccountName" not in pod
    assert one(documents, "NetworkPolicy", f"{RELEASE}-assignments")["spec"]["egress"] == []


def test_with_namespaces_named_nothing_is_granted_anywhere_else() -> None:
    documents = rendered("watchNamespaces[0]=risk", "watchNamespaces[1]=ads")
    subjects = [each for each in documents if each["kind"] == "ClusterRoleBinding"]
    roles = [each for each in documents if each["kind"] == "Role" and each["metadata"]["name"] == RELEASE]
    assert subjects == []
    assert {each["metadata"]["namespace"] for each in roles} == {"risk", "ads"}
    in_a_namespace = {key: verbs for key, verbs in GRANTED.items() if key != CLUSTER_TEMPLATES}
    assert all(rights(role) == in_a_namespace for role in roles)
    own = rights(one(documents, "Role", f"{RELEASE}-lease"))
    assert own[("", "configmaps:modelrollout-freeze")] == {"list", "watch"}
    assert not any(resource.startswith(("configmaps", "secrets")) for _, resource in own if ":" not in resource)


def test_templates_of_the_cluster_can_be_read_where_namespaces_are_named() -> None:
    documents = rendered("watchNamespaces[0]=risk", "rbac.clusterTemplates=true")
    (binding,) = [each for each in documents if each["kind"] == "ClusterRoleBinding"]
    role = one(documents, "ClusterRole", binding["roleRef"]["name"])
    assert rights(role) == {CLUSTER_TEMPLATES: {"list", "watch"}}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": RELEASE, "namespace": "modelrollout-system"}]


def test_a_single_replica_has_no_disruption_budget_and_two_have() -> None:
    kinds = {each["kind"] for each in rendered()}
    assert "PodDisruptionBudget" not in kinds
    assert "PodDisruptionBudget" in {each["kind"] for each in rendered("replicaCount=2")}


def test_a_digest_pins_the_image() -> None:
    digest = "sha256:" + "0" * 64
    pod = one(rendered(f"image.digest={digest}"), "Deployment")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"modelrollout/operator@{digest}"


def test_alerts_and_dashboard_are_whole() -> None:
    documents = rendered(*ALL_ON)
    (group,) = one(documents, "PrometheusRule")["spec"]["groups"]
    assert all({"alert", "expr", "labels", "annotations"} <= set(rule) for rule in group["rules"])
    dashboard = json.loads(one(documents, "ConfigMap", f"{RELEASE}-dashboard")["data"]["modelrollout.json"])
    assert {target["refId"] for panel in dashboard["panels"] for target in panel["targets"]} >= {"A"}


@pytest.fixture
def applied(kubectl: Kubectl, namespace: str) -> Iterator[list[dict[str, Any]]]:
    """The chart's objects, on the API server; those of no namespace end with the test."""
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    documents = [
        each
        for each in rendered(*ALL_ON, f"fullnameOverride={namespace}", namespace=namespace)
        if "monitoring.coreos.com" not in each["apiVersion"]
    ]
    text = yaml.safe_dump_all(documents)
    kubectl("apply", "--server-side", "-f", "-", stdin=text)
    yield documents
    kubectl("delete", "--wait=false", "-f", "-", stdin=text)


def test_the_pod_is_admitted_where_pod_security_is_restricted(
    applied: list[dict[str, Any]], kubectl: Kubectl, namespace: str
) -> None:
    for name in (f"{namespace}-assignments", namespace):
        template = one(applied, "Deployment", name)["spec"]["template"]
        # Where no controller runs, a namespace has no account of its own.
        template["spec"].setdefault("serviceAccountName", namespace)
        pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "probe", "namespace": namespace}}
        assert "probe" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod)).stdout
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    refused = kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod), check=False)
    assert "violates PodSecurity" in refused.stderr


def test_the_operators_account_may_do_its_work_and_nothing_dangerous(
    applied: list[dict[str, Any]], kubectl: Kubectl, namespace: str
) -> None:
    account = f"system:serviceaccount:{namespace}:{namespace}"

    def may(verb: str, resource: str, *more: str) -> bool:
        return kubectl("auth", "can-i", verb, resource, f"--as={account}", *more, check=False).stdout.strip() == "yes"

    assert may("patch", "modelrollouts.modelrollout.io/any", "--subresource=status", "-A")
    assert may("get", "secrets/any", "-n", "default")
    assert may("update", "leases.coordination.k8s.io/modelrollout", "-n", namespace)
    assert not may("update", "leases.coordination.k8s.io/other", "-n", namespace)
    assert not may("update", "leases.coordination.k8s.io/modelrollout", "-n", "default")
    for verb, resource in (
        ("list", "secrets"),
        ("watch", "secrets"),
        ("list", "configmaps"),
        ("watch", "pods"),
        ("patch", "deployments.apps"),
        ("delete", "httproutes.gateway.networking.k8s.io"),
        ("patch", "modelrollouts.modelrollout.io"),
        ("create", "modelrolloutcommands.modelrollout.io"),
    ):
        assert not may(verb, resource, "-A"), f"{verb} {resource}"


def _command(by: str, namespace: str) -> str:
    spec = {"rollout": "fraud", "verb": "Abort", "by": by}
    metadata = {"generateName": "fraud-abort-", "namespace": namespace}
    body = {"apiVersion": "modelrollout.io/v1alpha1", "kind": "ModelRolloutCommand", "metadata": metadata, "spec": spec}
    return yaml.safe_dump(body)


def test_the_operator_role_commands_in_its_own_name_and_edits_nothing(
    applied: list[dict[str, Any]], kubectl: Kubectl, namespace: str
) -> None:
    binding = ["-n", namespace, "create", "rolebinding"]
    kubectl(*binding, "verbs", f"--clusterrole={namespace}-operator", "--user=ana")
    kubectl(*binding, "looks", f"--clusterrole={namespace}-viewer", "--user=leo")
    create = ("create", "-f", "-")
    # The policy takes effect a moment after it was stored: until then it refuses nothing.
    for _ in range(300):
        refused = kubectl(*create, "--as=ana", "--dry-run=server", stdin=_command("eve", namespace), check=False)
        if refused.returncode != 0:
            break
    assert "spec.by must be the user who asks: write ana" in refused.stderr
    assert "created" in kubectl(*create, "--as=ana", stdin=_command("ana", namespace)).stdout
    refused = kubectl(*create, "--as=leo", stdin=_command("leo", namespace), check=False)
    assert "forbidden" in refused.stderr
    rights_of = {"ana": {"get": "yes", "patch": "no", "delete": "no"}, "leo": {"get": "yes", "patch": "no"}}
    for user, answers in rights_of.items():
        for verb, answer in answers.items():
            question = ("auth", "can-i", verb, "modelrollouts.modelrollout.io", "-n", namespace, f"--as={user}")
            assert kubectl(*question, check=False).stdout.strip() == answer, f"{user} {verb}"
