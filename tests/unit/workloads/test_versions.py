"""What is seen of a version, and what that costs."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelrollout.api import ModelRollout
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    EVENTS,
    PODS,
    SECRETS,
    SERVICES,
    STATEFULSETS,
    Obj,
)
from modelrollout.kube.trim import trim
from modelrollout.workloads.versions import Named, Versions
from tests.unit.decisions.world import START, a_spec
from tests.unit.kube.clock import FakeClock, settle

NS = "risk"


class Desk:
    """A cache that the test fills, and a rollout whose candidate is v8."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.cache = Cache()
        self.learnt: list[Named] = []
        self.versions = Versions(self.cache, Client(self.server), self.clock, self.learnt.append)
        self._version = 100
        self.generation = 1
        self.spec = a_spec(target="v8")
        self.status: Obj = {"stable": "v7"}
        self.put(SERVICES, "fraud-v8", spec={"ports": [{"name": "http", "port": 8080}]})
        self.deploy(image="model:8")
        self.endpoints(True)

    def put(self, resource: Any, name: str, **fields: Any) -> None:
        self._version += 1
        metadata = {"namespace": NS, "name": name, "uid": name, "resourceVersion": str(self._version)}
        metadata |= fields.pop("metadata", {})
        self.cache.apply(resource, {"metadata": metadata, **fields})

    def deploy(self, **container: Any) -> None:
        self.generation += 1
        pod = {"containers": [{"name": "model", **container}]}
        spec = {"template": {"spec": pod}, "selector": {"matchLabels": {"app": "fraud-v8"}}}
        self.put(DEPLOYMENTS, "fraud-v8", spec=spec, metadata={"generation": self.generation})

    def endpoints(self, *ready: bool) -> None:
        found = [
            {"addresses": [str(n)], "conditions": {"ready": one}, "targetRef": {"kind": "Pod", "name": f"pod-{n}"}}
            for n, one in enumerate(ready)
        ]
        labels = {"labels": {"kubernetes.io/service-name": "fraud-v8"}}
        self.put(ENDPOINTSLICES, "fraud-v8-1", metadata=labels, ports=[{"name": "http"}], endpoints=found)

    def pods(self, restarts: int) -> None:
        status = {"containerStatuses": [{"restartCount": restarts}]}
        self.server.put(PODS.path(NS, "pod-0"), {"metadata": {"namespace": NS, "name": "pod-0"}, "status": status})

    @property
    def rollout(self) -> ModelRollout:
        metadata = {"name": "fraud", "namespace": NS, "uid": "u", "generation": 1}
        return ModelRollout.model_validate({"metadata": metadata, "spec": self.spec, "status": self.status})

    def see(self) -> Any:
        rollout = self.rollout
        version = rollout.spec.version("v8")
        assert version is not None
        return self.versions.observe(rollout, version)

    def run(self, run: str = "v8-1") -> None:
        now = START.isoformat()
        self.status = {
            "stable": "v7",
            "run": {
                "id": run,
                "target": "v8",
                "stable": "v7",
                "state": "Trial",
                "startedAt": now,
                "stepStartedAt": now,
                "advancedAt": now,
            },
        }

    def asked(self, resource: Any) -> int:
        return sum(request.path.startswith(resource.path(NS)) for request in self.server.requests)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    random.seed(1)
    yield Desk()
    await settle()


async def test_a_version_that_reads_nothing_has_its_revision_at_once_and_costs_no_request(desk: Desk) -> None:
    desk.status = {"stable": "v8"}
    seen = desk.see()
    assert seen.revision
    assert (seen.ready, seen.service_found, seen.workload_found, seen.pods) == (1, True, True, ("pod-0",))
    await settle()
    assert desk.server.requests == []


async def test_a_revision_is_unknown_until_what_the_pods_read_was_looked_up(desk: Desk) -> None:
    desk.server.put(CONFIGMAPS.path(NS, "settings"), {"metadata": {"namespace": NS, "name": "settings"}})
    desk.deploy(image="model:8", envFrom=[{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "gone"}}])
    assert desk.see().revision == ""
    await settle()
    assert (SERVICES, NS, "fraud-v8") in desk.learnt
    first = desk.see().revision
    assert first
    desk.endpoints(False)
    desk.see()
    await settle()
    assert (desk.asked(CONFIGMAPS), desk.asked(SECRETS)) == (1, 1)
    desk.server.put(
        CONFIGMAPS.path(NS, "settings"), {"metadata": {"namespace": NS, "name": "settings"}, "data": {"a": "b"}}
    )
    desk.deploy(image="model:8", envFrom=[{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "gone"}}])
    assert desk.see().revision == ""
    await settle()
    assert desk.see().revision not in ("", first)


async def test_only_metadata_of_secrets_is_asked_for(desk: Desk) -> None:
    desk.deploy(image="model:8", envFrom=[{"secretRef": {"name": "token"}}])
    desk.see()
    await settle()
    assert all(
        "PartialObjectMetadata" in request.accept for request in desk.server.requests if "secrets" in request.path
    )
    assert desk.asked(SECRETS) == 1


async def test_pods_are_listed_once_per_change_of_endpoints_while_on_trial(desk: Desk) -> None:
    desk.pods(restarts=1)
    desk.run()
    assert desk.see().restarts is None
    await settle()
    for _ in range(5):
        assert desk.see().restarts == 1
        await desk.clock.advance(5)
    assert desk.asked(PODS) == 1
    desk.pods(restarts=4)
    for number in range(10):
        desk.endpoints(bool(number % 2), True)
        desk.see()
    await desk.clock.advance(3)
    desk.see()
    await desk.clock.advance(3)
    assert desk.see().restarts == 4
    assert desk.asked(PODS) <= 3


async def test_pods_of_a_version_that_nobody_tries_are_never_listed(desk: Desk) -> None:
    desk.status = {"stable": "v8"}
    for number in range(5):
        desk.endpoints(bool(number % 2))
        assert desk.see().restarts is None
        await desk.clock.advance(5)
    assert desk.asked(PODS) == 0


async def test_pods_that_left_are_remembered_until_the_next_run(desk: Desk) -> None:
    desk.run("v8-1")
    desk.endpoints(True, True)
    assert desk.see().pods == ("pod-0", "pod-1")
    desk.endpoints(True)
    assert desk.see().pods == ("pod-0", "pod-1")
    desk.run("v8-2")
    assert desk.see().pods == ("pod-0",)
    await settle()


async def test_a_service_without_the_port_makes_nobody_ready(desk: Desk) -> None:
    desk.put(SERVICES, "fraud-v8", spec={"ports": [{"name": "http", "port": 9090}]})
    seen = desk.see()
    assert (seen.service_found, seen.ready) == (False, 0)


async def test_a_workload_that_was_scaled_to_nothing_says_so(desk: Desk) -> None:
    spec = {"replicas": 0, "template": {"spec": {}}, "selector": {}}
    desk.put(DEPLOYMENTS, "fraud-v8", spec=spec, metadata={"generation": 9})
    assert "scaled to 0" in desk.see().problem


def unschedulable(name: str) -> Obj:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
    }
    return {"metadata": {"namespace": NS, "name": name}, "status": {"conditions": [condition]}}


async def test_a_candidate_that_gets_no_node_says_so_in_the_schedulers_words(desk: Desk) -> None:
    desk.run()
    desk.endpoints()
    desk.server.put(PODS.path(NS, "pod-0"), unschedulable("pod-0"))
    desk.see()
    await settle()
    assert (SERVICES, NS, "fraud-v8") in desk.learnt
    assert desk.see().problem == (
        "pod pod-0 gets no node: Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
    )


def refused(uid: str, note: str, at: str) -> Obj:
    return {
        "metadata": {"namespace": NS, "name": f"e-{at}"},
        "regarding": {"uid": uid},
        "reason": "FailedCreate",
        "note": note,
        "deprecatedLastTimestamp": f"2026-11-21T03:{at}:00Z",
    }


def hang(desk: Desk, replicas: int = 1) -> None:
    """A StatefulSet that asks for pods and has no condition to say why there are none."""
    desk.spec["versions"][1]["workload"] = {"kind": "StatefulSet", "name": "fraud-v8"}
    spec = {"replicas": replicas, "template": {"spec": {}}, "selector": {"matchLabels": {"app": "fraud-v8"}}}
    desk.put(STATEFULSETS, "fraud-v8", spec=spec)


async def test_a_statefulset_whose_pods_a_quota_forbids_says_so_within_seconds(desk: Desk) -> None:
    desk.run()
    hang(desk)
    desk.endpoints()
    for uid, note, at in (
        ("fraud-v8", "create Pod fraud-v8-0 failed: exceeded quota: small", "05"),
        ("fraud-v8", "an earlier one", "04"),
        ("another", "of somebody else", "06"),
    ):
        event = refused(uid, note, at)
        desk.server.put(EVENTS.path(NS, event["metadata"]["name"]), event)
    desk.see()
    await settle()
    assert desk.asked(EVENTS) == 0
    for _ in range(3):
        desk.see()
        await desk.clock.advance(1)
    assert desk.see().problem == "its pods cannot be created: create Pod fraud-v8-0 failed: exceeded quota: small"


async def test_events_are_not_asked_for_while_a_pod_is_on_its_way(desk: Desk) -> None:
    desk.run()
    hang(desk, replicas=3)
    desk.endpoints()
    desk.pods(restarts=0)
    for _ in range(10):
        desk.see()
        await desk.clock.advance(1)
    assert desk.asked(EVENTS) == 0


async def test_without_the_right_to_list_events_nothing_is_said_of_them(desk: Desk) -> None:
    desk.run()
    hang(desk)
    desk.endpoints()
    desk.server.before = lambda request: Forbidden("no", 403) if "events" in request.path else None
    for _ in range(10):
        desk.see()
        await desk.clock.advance(1)
    assert desk.see().problem == ""
    assert desk.asked(PODS) > 1


async def test_a_candidate_that_is_waited_for_is_looked_at_ever_more_rarely(desk: Desk) -> None:
    desk.run()
    desk.endpoints()
    for _ in range(600):
        desk.see()
        await desk.clock.advance(1)
    assert 10 <= desk.asked(PODS) <= 20


async def test_restarts_on_the_way_up_do_not_count(desk: Desk) -> None:
    desk.run()
    desk.endpoints(False)
    desk.pods(restarts=3)
    desk.see()
    await settle()
    assert desk.see().restarts is None
    desk.pods(restarts=4)
    desk.endpoints(True)
    assert desk.see().restarts is None
    await desk.clock.advance(3)
    assert desk.see().restarts == 4


async def test_a_workload_of_a_kind_that_nobody_knows_says_what_to_do(desk: Desk) -> None:
    workload = {"apiVersion": "example.com/v1", "kind": "Server", "name": "fraud-v8"}
    desk.spec["versions"][1]["workload"] = workload
    seen = desk.see()
    assert (seen.workload_found, seen.revision) == (False, "")
    assert "customWorkloads" in seen.problem


async def test_a_workload_that_names_no_pods_is_looked_at_through_its_service(desk: Desk) -> None:
    desk.put(SERVICES, "fraud-v8", spec={"ports": [{"name": "http", "port": 8080}], "selector": {"app": "fraud-v8"}})
    desk.put(DEPLOYMENTS, "fraud-v8", spec={"template": {"spec": {}}})
    desk.run()
    desk.see()
    await settle()
    (asked,) = [one for one in desk.server.requests if one.path.startswith(PODS.path(NS))]
    assert asked.query["labelSelector"] == "app=fraud-v8"


async def test_ready_pods_are_known_by_their_addresses_and_what_is_no_pod_by_none(desk: Desk) -> None:
    labels = {"labels": {"kubernetes.io/service-name": "fraud-v8"}}
    endpoints = [
        {"addresses": ["10.0.0.2"], "conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "b"}},
        {"addresses": ["10.0.0.1"], "conditions": {"ready": False}, "targetRef": {"kind": "Pod", "name": "a"}},
        {"addresses": ["10.0.0.3"], "conditions": {"ready": True}},
        {"addresses": ["fd00::4"], "conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": "c"}},
    ]
    ports = [{"name": "http", "port": 9000}, {"name": "metrics", "port": 9001}]
    desk.put(ENDPOINTSLICES, "fraud-v8-1", metadata=labels, ports=ports, endpoints=endpoints)
    assert desk.see().addresses == ("10.0.0.2:9000", "[fd00::4]:9000")
    assert desk.see().ready == 3


async def test_what_the_pod_template_says_of_its_model_is_seen_and_nothing_else_of_its_annotations(desk: Desk) -> None:
    annotations = {"modelrollout.io/model-uri": "s3://models/8", "prometheus.io/scrape": "true"}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "model", "image": "a"}]}}
    labels = {"matchLabels": {"app": "fraud-v8"}}
    whole = {"metadata": {"name": "fraud-v8", "namespace": NS}, "spec": {"template": template, "selector": labels}}
    trimmed = trim(DEPLOYMENTS, whole)
    assert trimmed["spec"]["template"]["metadata"] == {"annotations": {"modelrollout.io/model-uri": "s3://models/8"}}
    desk.put(DEPLOYMENTS, "fraud-v8", spec=trimmed["spec"])
    assert desk.see().model == {"uri": "s3://models/8"}
