"""The operator at work with the rights that the chart gives it: none is missing, and none is there for nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from modelrollout.kube.client import Client
from modelrollout.kube.connect import connect
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.resources import (
    CLUSTERMETRICTEMPLATES,
    CONFIGMAPS,
    CONTROLLERREVISIONS,
    DEPLOYMENTS,
    FREEZES,
    METRICTEMPLATES,
    SECRETS,
)
from tests.cluster.chart.test_chart import GRANTED, RELEASE, rendered
from tests.cluster.conftest import Kubectl
from tests.cluster.routers.conftest import gateway_api
from tests.cluster.runtime.conftest import client, model
from tests.cluster.runtime.harness import Model, running, until
from tests.cluster.runtime.test_refused_writes import BY_HAND, until_failing, until_matching

__all__ = ["client", "gateway_api", "model"]

Right = tuple[str, str, str]
"""API group, resource (with subresource), verb."""

RARE: dict[Right, str] = {
    ("modelrollout.io", "modelrollouts", "get"): "read again after a conflict",
    ("modelrollout.io", "modelrolloutcommands", "delete"): "an hour after a command was answered",
    **{
        ("modelrollout.io", resource, verb): "for rollouts that refer to a template: tried below"
        for resource in ("metrictemplates", "clustermetrictemplates")
        for verb in ("list", "watch")
    },
    ("gateway.networking.k8s.io", "httproutes", "get"): "read again after a conflict",
    **{("apps", "controllerrevisions", verb): "once three runs are over" for verb in ("list", "delete")},
    ("", "configmaps", "patch"): "from the second entry of a record on",
    **{
        ("gateway.networking.k8s.io", "grpcroutes", verb): "for rollouts on a GRPCRoute"
        for verb in ("get", "list", "watch", "create", "patch")
    },
    **{
        ("networking.istio.io", "virtualservices", verb): "for rollouts on Istio"
        for verb in ("get", "list", "watch", "patch")
    },
    **{("", "services", verb): "for rollouts that switch the selector of a Service" for verb in ("get", "patch")},
    ("events.k8s.io", "events", "list"): "while pods of a candidate are missing that nobody starts",
    **{("apps", "statefulsets", verb): "for versions that a StatefulSet serves" for verb in ("list", "watch")},
    **{
        ("serving.kserve.io", "inferenceservices", verb): "for versions that KServe serves"
        for verb in ("list", "watch")
    },
}
"""Rights that this short life of two rollouts need not use, and when they are used."""


@pytest.fixture
def account(kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of the operator's account, with the chart's Roles in the namespace."""
    documents = rendered(f"watchNamespaces[0]={namespace}", namespace=namespace)
    kinds = ("ServiceAccount", "Role", "RoleBinding")
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([each for each in documents if each["kind"] in kinds]))
    return own_kubeconfig(kubectl, kubeconfig, namespace, tmp_path)


@pytest.fixture
def account_of_all(kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path) -> Iterator[Path]:
    """The same with the ClusterRole by which all namespaces are served."""
    kinds = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")
    documents = [each for each in rendered(namespace=namespace) if each["kind"] in kinds]
    mine = yaml.safe_dump_all([each for each in documents if each["metadata"]["name"] == RELEASE])
    kubectl("apply", "-f", "-", stdin=mine)
    yield own_kubeconfig(kubectl, kubeconfig, namespace, tmp_path)
    kubectl("delete", "--wait=false", "-f", "-", stdin=mine)


def own_kubeconfig(kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path) -> Path:
    token = kubectl("-n", namespace, "create", "token", RELEASE, "--duration=1h").stdout.strip()
    admin = yaml.safe_load(kubeconfig.read_text())
    admin["users"] = [{"name": admin["users"][0]["name"], "user": {"token": token}}]
    own = tmp_path / "kubeconfig"
    own.write_text(yaml.safe_dump(admin))
    return own


def used(log: Path, namespace: str) -> tuple[set[Right], list[str]]:
    """Rights that the account used, and what it was refused."""
    rights: set[Right] = set()
    refused: list[str] = []
    with log.open() as lines:
        for entry in map(json.loads, lines):
            about = entry.get("objectRef") or {}
            if (
                entry["user"].get("username") != f"system:serviceaccount:{namespace}:{RELEASE}"
                or "resource" not in about
            ):
                continue
            if entry["responseStatus"]["code"] == 403:
                refused.append(f"{entry['verb']} {entry['requestURI']}")
            resource = about["resource"] + (f"/{about['subresource']}" if about.get("subresource") else "")
            if resource == FREEZES.plural and entry["verb"] in ("list", "watch"):
                resource += f":{about.get('name', '')}"
            rights.add((about.get("apiGroup", ""), resource, entry["verb"]))
    return rights, refused


async def test_two_rollouts_use_every_right_and_lack_none(
    model: Model, account: Path, audit_log: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await model.client.create(CONFIGMAPS, namespace, {"metadata": {"name": "settings"}})
    await model.client.create(SECRETS, namespace, {"metadata": {"name": "token"}})
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "token"}}]
    reading = [{"op": "add", "path": "/spec/template/spec/containers/0/envFrom", "value": sources}]
    await model.client.patch(DEPLOYMENTS, namespace, "fraud-v8", reading)
    monkeypatch.setenv("KUBECONFIG", str(account))

    async with running(namespace) as first:
        await model.create()
        await model.until_phase("Completed")
        freeze = await model.client.create(CONFIGMAPS, namespace, {"metadata": {"name": FREEZES.only}})
        await first.until_known(FREEZES, namespace, FREEZES.only)
        await model.patch({"spec": {"paused": True, "target": "v8"}})
        await model.until_phase("Queued")
        await model.client.delete(CONFIGMAPS, namespace, FREEZES.only, uid=freeze["metadata"]["uid"])
        await model.until_phase("Paused")
    async with running(namespace, identity="operator-1"):
        await model.command("Abort")
        await model.patch({"spec": {"paused": False}})
        await model.until_phase("RolledBack")
        await model.command("Retry")
        await model.until_phase("Completed", "Watching")

    rights, refused = used(audit_log, namespace)
    assert refused == []
    granted = {(group, resource, verb) for (group, resource), verbs in GRANTED.items() for verb in verbs}
    assert granted - rights - RARE.keys() == set()


async def test_a_right_that_is_taken_away_in_the_middle_of_a_run_is_named_until_it_is_given_back(
    model: Model, account: Path, kubectl: Kubectl, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = json.loads(kubectl("get", "role", RELEASE, "-n", namespace, "-o", "json").stdout)
    role = {**found, "metadata": {"name": RELEASE, "namespace": namespace}}
    less = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "patch" or "httproutes" not in rule["resources"]]}
        for rule in role["rules"]
    ]

    async def may() -> str:
        question = ("auth", "can-i", "patch", "httproutes.gateway.networking.k8s.io", "-n", namespace)
        return kubectl(*question, f"--as=system:serviceaccount:{namespace}:{RELEASE}", check=False).stdout.strip()

    monkeypatch.setenv("KUBECONFIG", str(account))
    async with running(namespace):
        await model.create(strategy=BY_HAND)
        await model.until_phase("Completed")
        await model.target("v8")
        await model.until_weights(v7=800, v8=200)
        kubectl("apply", "-f", "-", stdin=json.dumps({**role, "rules": less}))
        await until("the right is gone", may, lambda said: said == "no")
        await model.command("Abort")
        assert "cannot patch resource" in await until_failing(model)
        assert (await model.status())["phase"] == "RollingBack"
        assert await model.weights() == {"v7": 800, "v8": 200}
        kubectl("apply", "-f", "-", stdin=json.dumps(role))
        await until_matching(model)
        assert await model.weights() == {"v7": 1000}
        await model.until_phase("RolledBack")


@pytest.fixture
def account_of_templates(kubectl: Kubectl, account: Path, namespace: str) -> Iterator[Path]:
    """The same account, which may read templates of the cluster too."""
    documents = rendered(f"watchNamespaces[0]={namespace}", "rbac.clusterTemplates=true", namespace=namespace)
    own = [each for each in documents if each["metadata"]["name"] == f"{RELEASE}-templates"]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(own))
    yield account
    kubectl("delete", "--wait=false", "-f", "-", stdin=yaml.safe_dump_all(own))


@pytest.mark.parametrize("kind", ["MetricTemplate", "ClusterMetricTemplate"])
async def test_a_rollout_runs_by_a_template(
    kind: str, model: Model, account_of_templates: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource, where = (METRICTEMPLATES, namespace) if kind == "MetricTemplate" else (CLUSTERMETRICTEMPLATES, "")
    name = f"errors-of-{namespace}"
    ratio = {"bad": 'requests{path="{{path}}",code=~"5.."}', "total": 'requests{path="{{path}}"}'}
    template = {
        "apiVersion": resource.api_version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "description": "Share of failed answers of a path.",
            "parameters": [{"name": "path", "description": "The path.", "example": "/"}],
            "metric": {"better": "Lower", "proportion": ratio},
        },
    }
    monkeypatch.setenv("KUBECONFIG", str(account_of_templates))
    use = {"kind": kind, "name": name, "parameters": {"path": "/predict"}}
    async with running(namespace):
        await model.create(metrics=[{"name": "errors", "template": use}])
        await model.until_phase("Invalid")
        made = await model.client.create(resource, where, template)
        await model.until_phase("Completed")
        await model.patch({"spec": {"target": "v8"}})
        await model.until_phase("Progressing", "Promoting", "Watching")
    plans = await model.client.list(CONTROLLERREVISIONS, namespace)
    metrics = [one["data"]["spec"]["metrics"] for one in plans.items]
    assert [one["proportion"]["total"] for (one,) in metrics] == ['requests{path="/predict"}']
    await model.client.delete(resource, where, name, uid=made["metadata"]["uid"])


async def test_templates_that_must_not_be_read_are_said_to_be_so(
    model: Model, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(account))
    use = {"kind": "ClusterMetricTemplate", "name": "errors"}
    async with running(model.namespace):
        await model.create(metrics=[{"name": "errors", "template": use}])
        status = await model.until_phase("Invalid")
    assert "the operator cannot list clustermetrictemplates.modelrollout.io" in status["message"]


async def test_the_freeze_of_any_namespace_can_be_listed_and_no_other_configmap(
    model: Model, account_of_all: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (FREEZES.only, "settings"):
        await model.client.create(CONFIGMAPS, namespace, {"metadata": {"name": name}})
    monkeypatch.setenv("KUBECONFIG", str(account_of_all))
    transport = await connect()
    try:
        client = Client(transport)
        listed = await client.list(FREEZES, None)
        assert {one["metadata"]["name"] for one in listed.items} == {FREEZES.only}
        watch = client.watch(FREEZES, None, since=listed.resource_version, seconds=5)
        (mine,) = [one for one in listed.items if one["metadata"]["namespace"] == namespace]
        await model.client.delete(CONFIGMAPS, namespace, FREEZES.only, uid=mine["metadata"]["uid"])
        event = await anext(watch)
        assert (event.type, event.object["metadata"]["name"]) == ("DELETED", FREEZES.only)
        for elsewhere in (None, namespace):
            with pytest.raises(Forbidden):
                await client.list(CONFIGMAPS, elsewhere)
    finally:
        await transport.close()
