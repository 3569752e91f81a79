"""What every router promises, on a real API server; and what only that knows: who wrote what."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelrollout.kube.cache import Cache
from modelrollout.kube.client import FIELD_MANAGER, Client, Patch
from modelrollout.kube.connect import connect
from modelrollout.kube.errors import NotFound, error_of
from modelrollout.kube.resources import Obj, Resource
from modelrollout.kube.transport import Request, Transport
from modelrollout.kube.trim import trim
from modelrollout.routers.reversals import ReversalLog
from tests.conformance.promises import BEFORE, RouterPromises, every
from tests.conformance.site import SOMEBODY, Traffic

SECONDS = 10.0
START = datetime(2026, 11, 1, tzinfo=UTC)


class _Logged:
    """The operator's client, with a log of what routers write."""

    def __init__(self, client: Client, writes: list[tuple[str, str]]) -> None:
        self._client = client
        self._writes = writes

    async def create(self, resource: Resource, namespace: str, body: Obj) -> Obj:
        self._writes.append(("create", body["metadata"]["name"]))
        return await self._client.create(resource, namespace, body)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch) -> Obj:
        self._writes.append(("patch", name))
        return await self._client.patch(resource, namespace, name, patch)


class Cluster:
    """A site on a real API server; its other people write as field managers of their own."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._client = Client(transport)
        self.namespace = namespace
        self.cache = Cache(trim)
        self.writes: list[tuple[str, str]] = []
        self.writer = _Logged(self._client, self.writes)

    async def put(self, resource: Resource, body: Obj, by: str = SOMEBODY) -> None:
        name = body["metadata"]["name"]
        labels = body["metadata"].get("labels") or {}
        metadata = {"name": name, "namespace": self.namespace, **({"labels": labels} if labels else {})}
        document = {**body, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        query = {"fieldManager": by, "force": "true"}
        await self._write("PATCH", resource, name, query, document, "application/apply-patch+yaml")

    async def edit(self, resource: Resource, name: str, change: Callable[[Obj], None]) -> None:
        edited = await self.get(resource, name)
        change(edited)
        await self._write("PUT", resource, name, {"fieldManager": SOMEBODY}, edited, "application/json")

    async def remove(self, resource: Resource, name: str) -> None:
        await self._client.delete(
            resource, self.namespace, name, uid=(await self.get(resource, name))["metadata"]["uid"]
        )

    async def look(self, resource: Resource, name: str) -> None:
        try:
            self.cache.apply(resource, await self.get(resource, name))
        except NotFound:
            known = self.cache.get(resource, self.namespace, name)
            if known is not None:
                self.cache.remove(resource, known)

    async def get(self, resource: Resource, name: str) -> Obj:
        return await self._client.get(resource, self.namespace, name)

    async def _write(
        self, method: str, resource: Resource, name: str, query: dict[str, str], body: Obj, content_type: str
    ) -> None:
        request = Request(method, resource.path(self.namespace, name), SECONDS, query, body, content_type)
        reply = await self._transport.request(request)
        if reply.status >= 300:
            raise error_of(reply.status, reply.body, json.dumps(body), write=True)


@pytest.fixture
async def site(
    kubeconfig: Path,
    gateway_api: None,
    envoy_gateway_api: None,
    istio_api: None,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Cluster]:
    """A namespace of its own on an API server that knows every kind that a router writes."""
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    transport = await connect()
    yield Cluster(transport, namespace)
    await transport.close()


class TestRouters(RouterPromises):
    """Every router, on a real API server."""

    @every
    async def test_a_field_manager_that_fights_is_counted_and_named(self, traffic: Traffic) -> None:
        subject, log = traffic.rollout(), ReversalLog()
        await traffic.give(traffic.predict(v7=1, v8=0), by="argocd-controller")
        for number in range(1, 4):
            wanted = traffic.intent(number)
            await traffic.router.apply(subject, wanted)
            log.wrote("fraud", wanted)
            seen = traffic.router.observe(subject)
            assert (seen.writer, log.saw("fraud", seen, START).times) == (FIELD_MANAGER, number - 1)
            await traffic.give(traffic.predict(v7=1, v8=0), by="argocd-controller")
            seen = traffic.router.observe(subject)
            assert seen.weights() == BEFORE
            fought = log.saw("fraud", seen, START)
            assert (fought.manager, fought.times) == ("argocd-controller", number)

    @every
    async def test_an_object_that_is_applied_again_keeps_its_owner(self, traffic: Traffic) -> None:
        await traffic.begin()
        await traffic.router.apply(traffic.rollout(), traffic.intent(4))
        await traffic.begin()
        owner = traffic.router.observe(traffic.rollout()).owner
        assert owner is not None
        assert (owner.uid, owner.intent) == ("uid-1", 4)
