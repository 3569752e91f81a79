"""What makes two workloads the same: revisions, readiness, restarts."""

from typing import Any

import pytest

from modelrollout.manifests.endpoints import endpoints, port_name
from modelrollout.manifests.tap import CONTAINER
from modelrollout.workloads.containers import Containers, containers
from modelrollout.workloads.revision import references, revision
from modelrollout.workloads.selectors import selector_text

POD: dict[str, Any] = {
    "containers": [
        {
            "name": "model",
            "image": "model:8",
            "env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "b"}}},
                {"name": "C", "valueFrom": {"secretKeyRef": {"name": "token", "key": "c"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "more"}}, {"secretRef": {"name": "most"}}],
        }
    ],
    "initContainers": [{"name": "fetch", "image": "fetch:1"}],
    "volumes": [
        {"name": "a", "configMap": {"name": "features"}},
        {"name": "b", "secret": {"secretName": "keys"}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "deep"}}, {"serviceAccountToken": {}}]}},
        {"name": "d", "emptyDir": {}},
    ],
}


def of(pod: dict[str, Any] = POD, version: str = "v8", digest: str = "", **contents: str) -> str:
    return revision(version, digest, pod, {("ConfigMap", name): state for name, state in contents.items()})


def changed(**container: Any) -> dict[str, Any]:
    return {**POD, "containers": [{**POD["containers"][0], **container}]}


@pytest.mark.parametrize(
    "pod",
    [
        changed(image="model:9"),
        changed(command=["serve"]),
        changed(args=["--fast"]),
        changed(env=[]),
        changed(envFrom=[]),
        {**POD, "volumes": []},
        {**POD, "initContainers": [{"name": "fetch", "image": "fetch:2"}]},
    ],
)
def test_a_change_of_what_runs_changes_the_revision(pod: dict[str, Any]) -> None:
    assert of(pod) != of()


@pytest.mark.parametrize(
    "pod",
    [
        changed(resources={"limits": {"cpu": "2"}}),
        changed(readinessProbe={"httpGet": {"path": "/"}}),
        changed(imagePullPolicy="Always"),
        {**POD, "nodeSelector": {"gpu": "yes"}},
    ],
)
def test_resources_probes_and_placement_do_not_count(pod: dict[str, Any]) -> None:
    assert of(pod) == of()


def test_a_tap_in_front_of_a_model_is_no_other_model() -> None:
    tapped = {
        "name": CONTAINER,
        "image": "operator:1",
        "env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "collector", "key": "token"}}}],
    }
    pod = {**POD, "initContainers": [tapped, *POD["initContainers"]]}
    assert of(pod) == of()
    assert references(pod) == references(POD)


def test_version_digest_and_contents_count() -> None:
    assert len({of(), of(version="v9"), of(digest="sha256:1"), of(settings="5"), of(settings="6")}) == 5


def test_every_configmap_and_secret_that_the_pods_read_is_found() -> None:
    assert references(POD) == {
        ("ConfigMap", "settings"),
        ("ConfigMap", "more"),
        ("ConfigMap", "features"),
        ("ConfigMap", "deep"),
        ("Secret", "token"),
        ("Secret", "most"),
        ("Secret", "keys"),
    }


def endpoint(name: str, ready: bool | None = True) -> dict[str, Any]:
    conditions = {} if ready is None else {"ready": ready}
    return {"addresses": [f"ip-{name}"], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}}


def slice_of(*found: dict[str, Any], port: str = "http") -> dict[str, Any]:
    return {"ports": [{"name": port, "port": 8080}], "endpoints": list(found)}


def test_unknown_readiness_counts_as_ready_and_a_pod_with_two_addresses_counts_once() -> None:
    seen = endpoints(
        [slice_of(endpoint("a"), endpoint("b", None)), slice_of(endpoint("a"), endpoint("c", False))], "http"
    )
    assert (seen.ready, seen.pods) == (2, ("a", "b", "c"))


def test_endpoints_without_the_port_do_not_serve() -> None:
    assert endpoints([slice_of(endpoint("a"), port="admin")], "http").ready == 0


def test_a_service_without_endpoints_serves_nobody() -> None:
    assert endpoints([{"ports": None, "endpoints": None}], "http").ready == 0


def test_a_port_of_the_service_is_found_by_its_number_and_may_have_no_name() -> None:
    service = {"spec": {"ports": [{"port": 80}, {"port": 8080, "name": "http"}]}}
    assert (port_name(service, 80), port_name(service, 8080), port_name(service, 9), port_name(None, 80)) == (
        "",
        "http",
        None,
        None,
    )


def test_restarts_of_all_pods_are_added_up_and_kills_for_memory_are_counted() -> None:
    killed = {"restartCount": 2, "lastState": {"terminated": {"reason": "OOMKilled"}}}
    dying = {"restartCount": 0, "state": {"terminated": {"reason": "OOMKilled"}}}
    calm = {"restartCount": 1, "lastState": {"terminated": {"reason": "Completed"}}, "state": {"running": {}}}
    pods = [{"status": {"containerStatuses": [killed, calm]}}, {"status": {"containerStatuses": [dying]}}, {}]
    assert containers(pods) == Containers(restarts=3, oom_kills=2)


def test_selectors_are_written_as_the_api_server_reads_them() -> None:
    selector = {
        "matchLabels": {"app": "fraud", "a": "b"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["x", "y"]},
            {"key": "old", "operator": "DoesNotExist"},
            {"key": "new", "operator": "Exists"},
            {"key": "env", "operator": "NotIn", "values": ["dev"]},
        ],
    }
    assert selector_text(selector) == "a=b,app=fraud,tier in (x,y),!old,new,env notin (dev)"
