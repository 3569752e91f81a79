"""Typed verbs on objects of the API server, each with a deadline and with errors of our own tree."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelrollout.kube.errors import Gone, KubeError, NotLeading, error_of
from modelrollout.kube.resources import Obj, Resource
from modelrollout.kube.transport import Request, Transport

FIELD_MANAGER = "modelrollout"
"""Under this name the API server books every field that the operator writes."""

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_READ, _LIST, _WRITE = 10.0, 30.0, 10.0

AT_ONCE = 32
"""Calls of one client that may be under way: more would flood a busy API server, the renewal of the lease with it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of objects and the resourceVersion from which to watch on."""

    items: list[Obj]
    resource_version: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch: ADDED, MODIFIED, DELETED or BOOKMARK, and the object."""

    type: str
    object: Obj


Patch = Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""A JSON patch (a list of operations) or a JSON merge patch (a mapping)."""


class Client:
    """Verbs on objects.

    `fence` gives the seconds for which this process may still write; it is asked right before each write is sent, the
    write's deadline never reaches beyond it, and with nothing left nothing is sent.

    At most `at_once` calls are under way, watches apart; the others wait for their turn. Each takes a connection, and a
    connection with TLS takes about half a MiB.
    """

    def __init__(
        self, transport: Transport, fence: Callable[[], float] = lambda: math.inf, at_once: int = AT_ONCE
    ) -> None:
        self._transport = transport
        self._fence = fence
        self._seats = asyncio.Semaphore(at_once)

    async def get(self, resource: Resource, namespace: str, name: str, *, metadata_only: bool = False) -> Obj:
        """The object as it is now; only its metadata on demand.

        Raises:
            NotFound: if it is not there.
            KubeError: for every other reason.
        """
        accept = _METADATA if metadata_only else "application/json"
        async with self._seats:
            return await self._call(Request("GET", resource.path(namespace, name), _READ, accept=accept))

    async def list(
        self, resource: Resource, namespace: str | None, *, selector: str = "", fields: str = "", cached: bool = False
    ) -> Listed:
        """All objects of a namespace (of all namespaces without one) that match a label and a field selector.

        `cached` takes the API server's own cache, which may be a little behind, and spares etcd.
        """
        query = _named(resource) | ({"labelSelector": selector} if selector else {})
        query |= {"fieldSelector": fields} if fields else {}
        if cached:
            query |= {"resourceVersion": "0"}
        async with self._seats:
            reply = await self._call(Request("GET", resource.path(namespace), _LIST, query))
        items = [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in reply["items"]]
        return Listed(items, str(reply["metadata"].get("resourceVersion", "")))

    async def watch(
        self, resource: Resource, namespace: str | None, *, since: str, seconds: float
    ) -> AsyncIterator[WatchEvent]:
        """What happens to objects after the resourceVersion `since`, for about that many seconds.

        Raises:
            Gone: if `since` is too old.
            KubeError: if the stream cannot be had or breaks.
        """
        query = _named(resource) | {
            "watch": "1",
            "resourceVersion": since,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(int(seconds)),
        }
        request = Request("GET", resource.path(namespace), seconds + _LIST, query)
        async for line in self._transport.lines(request):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                code = int(status.get("code") or 500)
                if status.get("reason") == "Expired":
                    raise Gone(f"{request}: {status.get('message')}", code)
                raise error_of(code, json.dumps(status).encode(), str(request), write=False)
            yield WatchEvent(event["type"], event["object"])

    async def create(self, resource: Resource, namespace: str, body: Obj) -> Obj:
        """Create an object.

        Raises:
            AlreadyExists: if its name is taken.
        """
        return await self._write("POST", resource.path(namespace), body)

    async def replace(self, resource: Resource, namespace: str, name: str, body: Obj, subresource: str = "") -> Obj:
        """Replace an object (or a part of it) that still has the body's metadata.resourceVersion.

        Raises:
            Conflict: if it has another one by now.
        """
        return await self._write("PUT", resource.path(namespace, name, subresource), body)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Patch, subresource: str = "") -> Obj:
        """Apply a JSON patch or a merge patch.

        Raises:
            Conflict: if a `test` operation of the JSON patch fails.
        """
        kind = "merge-patch" if isinstance(patch, Mapping) else "json-patch"
        path = resource.path(namespace, name, subresource)
        return await self._write("PATCH", path, patch, f"application/{kind}+json")

    async def merge(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any]) -> Obj:
        """Apply a strategic merge patch, which knows the keys of lists; the API server's own kinds alone have them."""
        path = resource.path(namespace, name)
        return await self._write("PATCH", path, patch, "application/strategic-merge-patch+json")

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str) -> None:
        """Delete the object, if it is still the one with that uid."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        await self._write("DELETE", resource.path(namespace, name), body, managed=False)

    async def close(self) -> None:
        """Give the connections back."""
        await self._transport.close()

    async def _write(
        self, method: str, path: str, body: Obj | Patch, content_type: str = "application/json", *, managed: bool = True
    ) -> Obj:
        query = {"fieldManager": FIELD_MANAGER} if managed else {}
        async with self._seats:
            left = self._fence()
            if left <= 0:
                raise NotLeading(f"{method} {path}: not sent, this process does not hold the lease")
            return await self._call(Request(method, path, min(_WRITE, left), query, body, content_type))

    async def _call(self, request: Request) -> Obj:
        reply = await self._transport.request(request)
        if reply.status >= 300:
            raise error_of(reply.status, reply.body, str(request), write=request.write, retry_after=reply.retry_after)
        try:
            document = json.loads(reply.body)
        except ValueError as error:
            raise KubeError(f"{request}: the answer is not JSON: {reply.body[:100]!r}", reply.status) from error
        if not isinstance(document, dict):
            raise KubeError(f"{request}: the answer is not an object", reply.status)
        return document


def _named(resource: Resource) -> dict[str, str]:
    """Selects the one object that counts; a right that is bound to its name allows no other request."""
    return {"fieldSelector": f"metadata.name={resource.only}"} if resource.only else {}
