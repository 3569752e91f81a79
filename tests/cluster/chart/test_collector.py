"""The collector in the chart: off by default, least rights, and settings that its process knows."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.collector import collector
from modelrollout.collector import Settings
from tests.cluster.chart.test_chart import RELEASE, one, rendered, rights
from tests.cluster.conftest import Kubectl
from tests.unit.api.cases import rollout, spec

NAME = f"{RELEASE}-collector"
ON = ("collector.enabled=true", "collector.tokenSecret.name=collector")
GRANTED = {("modelrollout.io", "modelrollouts"): {"list", "watch"}}


def _pod(*values: str) -> dict[str, Any]:
    pod: dict[str, Any] = one(rendered(*ON, *values), "Deployment", NAME)["spec"]["template"]["spec"]
    return pod


def test_it_is_off_by_default() -> None:
    assert not any("collector" in each["metadata"]["name"] for each in rendered())


def test_every_variable_is_a_setting_and_every_file_is_mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    values = ("collector.tls.secretName=tls", "collector.tls.clientCA=true", "collector.hashKeySecret.name=key")
    pod = _pod(*values, "watchNamespaces[0]=risk", "watchNamespaces[1]=ads", "log.level=DEBUG")
    (container,) = pod["containers"]
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", "given"))
        prefix, _, name = variable["name"].partition("_COLLECTOR_")
        assert prefix == "POD_NAME" or name.lower() in Settings.model_fields
    settings = Settings()
    assert (settings.namespaces, settings.log_level, settings.identity) == (("risk", "ads"), "DEBUG", "given")
    assert {port["containerPort"] for port in container["ports"]} == {settings.port, settings.probe_port}
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    files = [settings.token_file, settings.tls_certificate, settings.tls_key, settings.tls_client_ca]
    store = settings.store.get_secret_value().removeprefix("sqlite:///")
    assert {str(Path(file).parent) for file in (*files, store)} <= mounts
    assert container["args"] == ["collector"]


def test_with_a_postgresql_there_is_no_volume_and_there_may_be_replicas() -> None:
    values = (*ON, "collector.storeSecret.name=pg", "collector.replicaCount=3")
    documents = rendered(*values)
    assert not any(each["kind"] == "PersistentVolumeClaim" for each in documents)
    deployment = one(documents, "Deployment", NAME)["spec"]
    assert (deployment["replicas"], "strategy" in deployment) == (3, False)
    (container,) = deployment["template"]["spec"]["containers"]
    store = next(each for each in container["env"] if each["name"] == "MODELROLLOUT_COLLECTOR_STORE")
    assert store["valueFrom"] == {"secretKeyRef": {"name": "pg", "key": "url"}}


def test_its_operator_is_told_apart_by_every_selector() -> None:
    documents = rendered(*ON, "collector.serviceMonitor.create=true", "collector.networkPolicy.create=true")
    labels = one(documents, "Deployment", NAME)["spec"]["template"]["metadata"]["labels"]
    operator = one(documents, "Deployment")["spec"]["template"]["metadata"]["labels"]
    for kind in ("Service", "ServiceMonitor", "NetworkPolicy"):
        described = one(documents, kind, NAME)["spec"]
        selector = described.get("podSelector", described.get("selector", {}))
        selector = selector.get("matchLabels", selector)
        assert selector.items() <= labels.items(), kind
        assert not selector.items() <= operator.items(), kind


def test_prometheus_keeps_the_labels_and_begins_no_series_with_another_replica() -> None:
    documents = rendered(*ON, "collector.serviceMonitor.create=true")
    (endpoint,) = one(documents, "ServiceMonitor", NAME)["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True
    dropped = {each["targetLabel"] for each in endpoint["metricRelabelings"] if each["replacement"] == ""}
    assert {"instance", "pod"} <= dropped


def test_it_may_look_at_rollouts_and_do_nothing_else() -> None:
    assert rights(one(rendered(*ON), "ClusterRole", NAME)) == GRANTED
    narrow = rendered(*ON, "watchNamespaces[0]=risk")
    assert rights(one(narrow, "Role", NAME)) == GRANTED
    assert not [each for each in narrow if each["kind"] == "ClusterRoleBinding"]


def test_its_pod_is_admitted_where_pod_security_is_restricted(kubectl: Kubectl, namespace: str) -> None:
    kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    mine = [each for each in rendered(*ON, namespace=namespace) if each["metadata"]["name"] == NAME]
    kinds = ("ServiceAccount", "Service", "PersistentVolumeClaim", "Deployment")
    objects = [each for each in mine if each["kind"] in kinds]
    kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))
    template = one(objects, "Deployment", NAME)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "probe", "namespace": namespace}}
    assert "probe" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump(pod)).stdout


def test_it_works_with_the_rights_that_the_chart_gives_it(
    kubectl: Kubectl, kubeconfig: Path, namespace: str, tmp_path: Path
) -> None:
    documents = rendered(*ON, f"watchNamespaces[0]={namespace}", namespace=namespace)
    mine = [each for each in documents if each["metadata"]["name"] == NAME]
    account = [each for each in mine if each["kind"] in ("ServiceAccount", "Role", "RoleBinding")]
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(account))
    kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(rollout(spec())))
    admin = yaml.safe_load(kubeconfig.read_text())
    token = kubectl("-n", namespace, "create", "token", NAME, "--duration=1h").stdout.strip()
    admin["users"] = [{"name": admin["users"][0]["name"], "user": {"token": token}}]
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(admin))
    store, settings = f"sqlite:///{tmp_path / 'c.db'}", {"NAMESPACES": namespace}
    with collector(tmp_path / "kubeconfig", store, tmp_path / "log", settings) as running:
        running.until("model_requests_total", 0, namespace=namespace, version="v7")
        heartbeat = {"namespace": namespace, "workload": "fraud-v7", "source": "test"}
        assert running.post("/v1/heartbeats", heartbeat)["accepted"] == 1
