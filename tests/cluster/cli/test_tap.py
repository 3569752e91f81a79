"""A tap is added to a Deployment and its Service, and taken away again, by patches that the API server accepts."""

import json
from typing import Any

import pytest
import yaml
from kubernetes import client, watch

from tests.cluster.cli.conftest import Rollouts, Run, Start
from tests.unit.cli import cases

ADD = ("tap", "add", "fraud-v8", "--rollout", "fraud", "--image", "operator:1", "--collector", "http://collector:8080")
TELEMETRY = {"prediction": "outputs[0].data[0]", "slices": [{"name": "country", "header": "X-Country"}]}
LABELS = {"app": "fraud", "version": "v8"}
DEPLOYMENT = {
    "metadata": {"name": "fraud-v8"},
    "spec": {
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "initContainers": [{"name": "fetch", "image": "fetch:1"}],
                "containers": [
                    {"name": "server", "image": "model:8", "ports": [{"name": "http", "containerPort": 9000}]}
                ],
            },
        },
    },
}
SERVICE = {
    "metadata": {"name": "fraud-v8"},
    "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]},
}


class Site:
    """The version's Deployment and Service, and the part that the Deployment controller would play."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self.apps, self.core, self.namespace = client.AppsV1Api(api), client.CoreV1Api(api), namespace
        self.apps.create_namespaced_deployment(namespace, DEPLOYMENT)
        self.core.create_namespaced_service(namespace, SERVICE)

    def init_containers(self) -> list[Any]:
        pod = self.apps.read_namespaced_deployment("fraud-v8", self.namespace).spec.template.spec
        return list(pod.init_containers)

    def target_port(self) -> int | str:
        (port,) = self.core.read_namespaced_service("fraud-v8", self.namespace).spec.ports
        return port.target_port

    def until_changed(self) -> None:
        """Wait for the pod template to change."""
        stream = watch.Watch().stream(self.apps.list_namespaced_deployment, self.namespace, timeout_seconds=30)
        for event in stream:
            if event["object"].metadata.generation == 2:
                return
        raise AssertionError("nothing changed the pod template")

    def roll_out(self) -> None:
        """Report the pods of the newest template as ready."""
        generation = self.apps.read_namespaced_deployment("fraud-v8", self.namespace).metadata.generation
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
        status = {"observedGeneration": generation, **counts}
        self.apps.patch_namespaced_deployment_status("fraud-v8", self.namespace, {"status": status})


@pytest.fixture
def site(api_client: client.ApiClient, namespace: str, rollouts: Rollouts) -> Site:
    document = cases.rollout()
    rollouts.create({**document, "spec": {**document["spec"], "telemetry": TELEMETRY}})
    return Site(api_client, namespace)


def test_the_service_points_to_the_tap_once_the_pods_have_it_and_back_before_they_lose_it(
    run: Run, start: Start, site: Site
) -> None:
    adding = start(*ADD, "--token-secret", "collector")
    site.until_changed()
    assert site.target_port() == "http"
    site.roll_out()
    out, err = adding.communicate(timeout=30)
    assert (adding.returncode, err) == (0, "")
    assert out.splitlines()[-1].endswith("/fraud-v8: target port tap")
    assert site.target_port() == "tap"
    tap = next(one for one in site.init_containers() if one.name == "modelrollout-tap")
    assert [one.name for one in site.init_containers() if one.name != "modelrollout-tap"] == ["fetch"]
    settings = {one.name.removeprefix("MODELROLLOUT_TAP_"): one.value for one in tap.env}
    assert (settings["SERVER_PORT"], settings["HEADERS"], settings["BODIES"]) == ("9000", "x-country", "responses")

    again = run(*ADD, "--sample", "0.5")
    assert (again.returncode, site.target_port()) == (0, "tap")
    assert [one.name for one in site.init_containers()].count("modelrollout-tap") == 1

    ran = run("tap", "remove", "fraud-v8", "--rollout", "fraud")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert site.target_port() == "http"
    assert [one.name for one in site.init_containers()] == ["fetch"]
    assert "has no tap" in run("tap", "remove", "fraud-v8", "--rollout", "fraud").stdout


def test_pods_that_do_not_become_ready_leave_the_service_alone(run: Run, site: Site) -> None:
    ran = run(*ADD, "--timeout", "1s")
    assert ran.returncode == 4
    assert "the Service still points past it" in ran.stderr
    assert site.target_port() == "http"


def test_a_dry_run_prints_the_patches_and_changes_nothing(run: Run, site: Site) -> None:
    as_yaml = list(yaml.safe_load_all(run(*ADD, "--dry-run").stdout))
    as_json = json.loads(run(*ADD, "--dry-run", "-o", "json").stdout)
    assert as_json["items"] == as_yaml
    assert [one["kind"] for one in as_yaml] == ["Deployment", "Service"]
    assert site.target_port() == "http"
    assert [one.name for one in site.init_containers()] == ["fetch"]


@pytest.mark.usefixtures("site")
def test_a_workload_of_another_rollout_is_refused_with_those_that_there_are(run: Run) -> None:
    ran = run("tap", "add", "fraud-v9", *ADD[3:])
    assert ran.returncode == 1
    assert "no version of ModelRollout fraud is served by fraud-v9" in ran.stderr
    assert "fraud-v7, fraud-v8" in ran.stderr
