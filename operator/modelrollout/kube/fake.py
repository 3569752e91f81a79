"""An API server in memory for tests of whoever speaks to one: objects, resourceVersions, preconditions, faults.

It knows no schemas, no admission and no watches that end; what depends on those belongs on a real API server.
"""

import asyncio
import copy
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from modelrollout.kube.errors import OutcomeUnknown, Unavailable
from modelrollout.kube.resources import Obj
from modelrollout.kube.transport import Reply, Request
from modelrollout.manifests.json_patch import PatchFailed, apply

Fault = Callable[[Request], Exception | None]


class FakeServer:
    """Objects by path.

    Attributes:
        objects: what is stored, by path of the object.
        requests: every request that arrived, in order.
        before: asked with each request before it takes effect; what it returns is raised instead.
        after: asked with each write after it took effect; what it returns is raised in place of the answer.
        hang: while set, requests take effect and are never answered.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Obj] = {}
        self.requests: list[Request] = []
        self.before: Fault = lambda _: None
        self.after: Fault = lambda _: None
        self.hang = False
        self._version = 0
        self._changed = asyncio.Event()
        self._history: list[tuple[int, str, str, Obj]] = []

    async def request(self, request: Request) -> Reply:
        """Carry it out."""
        self.requests.append(request)
        self._raise(self.before, request)
        reply = self._carry_out(request)
        if self.hang:
            await asyncio.Event().wait()
        if request.write:
            self._raise(self.after, request)
        return reply

    async def lines(self, request: Request) -> AsyncIterator[bytes]:
        """A watch: what happened since, then what happens."""
        self.requests.append(request)
        self._raise(self.before, request)
        seen = int(request.query["resourceVersion"])
        while True:
            for version, kind, path, obj in list(self._history):
                if version > seen and path.startswith(f"{request.path}/") and _selects(request, obj):
                    seen = version
                    yield json.dumps({"type": kind, "object": obj}).encode()
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> None:
        """Nothing to give back."""

    def put(self, path: str, obj: Obj) -> Obj:
        """Store an object as somebody else."""
        return self._store(path, obj, "MODIFIED" if path in self.objects else "ADDED")

    def delete(self, path: str) -> None:
        """Delete an object as somebody else."""
        gone = self.objects.pop(path)
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._note("DELETED", path, gone)

    @staticmethod
    def _raise(fault: Fault, request: Request) -> None:
        error = fault(request)
        if error is not None:
            raise error

    def _carry_out(self, request: Request) -> Reply:
        match request.method:
            case "GET":
                return self._get(request)
            case "POST":
                path = f"{request.path}/{request.body['metadata']['name']}"
                if path in self.objects:
                    return _failure(409, "AlreadyExists")
                return _success(self._store(path, request.body, "ADDED"), 201)
            case _ if _whole(request.path) not in self.objects:
                return _failure(404, "NotFound")
            case "PUT":
                return self._put(request)
            case "PATCH":
                return self._patch(request)
            case _:
                self.delete(request.path)
                return _success({})

    def _get(self, request: Request) -> Reply:
        if request.path in self.objects:
            return _success(self.objects[request.path])
        if not _names_a_collection(request.path):
            return _failure(404, "NotFound")
        stored = [obj for path, obj in self.objects.items() if path.rpartition("/")[0] == request.path]
        items = [obj for obj in stored if _selects(request, obj)]
        return _success({"metadata": {"resourceVersion": str(self._version)}, "items": items})

    def _put(self, request: Request) -> Reply:
        stored = self.objects[request.path]
        if request.body["metadata"].get("resourceVersion") != stored["metadata"]["resourceVersion"]:
            return _failure(409, "Conflict")
        return _success(self._store(request.path, request.body, "MODIFIED"))

    def _patch(self, request: Request) -> Reply:
        path = _whole(request.path)
        stored = self.objects[path]
        if isinstance(request.body, dict):
            return _success(self._store(path, _merged(stored, request.body), "MODIFIED"))
        try:
            return _success(self._store(path, apply(stored, request.body), "MODIFIED"))
        except PatchFailed:
            return _failure(422, "Invalid")

    def _store(self, path: str, obj: Obj, kind: str) -> Obj:
        before = self.objects.get(path)
        stored = copy.deepcopy(obj)
        stored["metadata"].setdefault("uid", f"uid-{len(self._history)}")
        stored["metadata"].setdefault("creationTimestamp", "2026-11-21T03:00:00Z")
        same = {**stored, "metadata": {**stored["metadata"], "resourceVersion": ""}}
        if before is not None and same == {**before, "metadata": {**before["metadata"], "resourceVersion": ""}}:
            return before
        self._version += 1
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = stored
        self._note(kind, path, stored)
        return stored

    def _note(self, kind: str, path: str, obj: Obj) -> None:
        self._history.append((self._version, kind, path, copy.deepcopy(obj)))
        self._changed.set()


def _whole(path: str) -> str:
    """Path of the object that a part of it belongs to. Parts are not told apart: a Scale has its fields' places."""
    return path.removesuffix("/status").removesuffix("/scale")


def lost(_: Request) -> Exception:
    """As a fault: nothing arrives at the server."""
    return Unavailable("the connection was refused")


def unanswered(_: Request) -> Exception:
    """As a fault: the answer does not arrive."""
    return OutcomeUnknown("the connection broke")


def _merged(stored: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(patch, dict):
        return patch
    base = dict(stored) if isinstance(stored, dict) else {}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = _merged(base.get(key), value)
    return base


def _selects(request: Request, obj: Obj) -> bool:
    """Whether a list or watch is about this object; of selectors only those of fields are known."""
    terms = [term.partition("=") for term in request.query.get("fieldSelector", "").split(",") if term]
    return all(_field(obj, path.split(".")) == value for path, _, value in terms)


def _field(obj: Any, path: list[str]) -> Any:  # noqa: ANN401 - JSON
    return _field(obj[path[0]], path[1:]) if path else obj


def _names_a_collection(path: str) -> bool:
    """Whether it ends with a kind, of a namespace or of the cluster: /api/v1/namespaces/x/kind, /apis/group/v1/kind."""
    parts = path.split("/")
    return len(parts) in ((4, 6) if parts[1] == "api" else (5, 7))


def _success(obj: Obj, status: int = 200) -> Reply:
    return Reply(status, json.dumps(obj).encode())


def _failure(status: int, reason: str) -> Reply:
    body = {"kind": "Status", "reason": reason, "message": reason, "code": status}
    return Reply(status, json.dumps(body).encode())
