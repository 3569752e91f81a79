"""Serves the answers for an experiment file over HTTP, as OFREP 0.3 has it.

| request                                | answer                                                     |
|----------------------------------------|------------------------------------------------------------|
| `POST /ofrep/v1/evaluate/flags/{key}`  | 200 one flag; 400 with an errorCode; 404 no such flag      |
| `POST /ofrep/v1/evaluate/flags`        | 200 all flags, with an ETag; 304 where they are the same   |
| `GET /healthz`                         | 200                                                        |

Without the right bearer token, where one is asked for, everything but the last is 401. Nothing of a request is kept.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from modelrollout.assignment import Attributes, Plan
from modelrollout.errors import InvalidSpec
from modelrollout.experiments.file import parse_experiments
from modelrollout.experiments.ofrep import InvalidContext, attributes_of, evaluations

_log = logging.getLogger(__name__)

_LARGEST = 64 * 1024  # bytes of a request: a context is a few attributes
_FLAGS = "/ofrep/v1/evaluate/flags"


class PlanFile:
    """The plan of an experiment file, read anew when the file is another one."""

    def __init__(self, path: Path) -> None:
        """Read it.

        Raises:
            InvalidSpec: it is wrong.
            OSError: it cannot be read.
        """
        self._path = path
        self._seen = self._stamp()
        self._plan = _read(path)

    def plan(self) -> Plan:
        """The plan; while the file is wrong or gone, the last one that was right."""
        try:
            stamp = self._stamp()
            if stamp != self._seen:
                self._seen = stamp  # a wrong file is said once, not at every request
                self._plan = _read(self._path)
                _log.info("%s was read anew", self._path)
        except (OSError, InvalidSpec) as error:
            _log.error("%s stays as it was: %s", self._path, error)
        return self._plan

    def _stamp(self) -> tuple[int, int, int]:
        # The inode as well: a mounted ConfigMap is exchanged by a symbolic link, with any time of change.
        found = self._path.stat()
        return found.st_mtime_ns, found.st_ino, found.st_size


def _read(path: Path) -> Plan:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"{path} is no YAML: {error}", "") from None
    return parse_experiments(content).plan()


def application(plan: Callable[[], Plan], key: str, token: str = "") -> web.Application:
    """The service.

    Args:
        plan: gives the present plan.
        key: the attribute that the targeting key stands for.
        token: bearer token that callers must send; empty: none.
    """
    service = _Service(plan, key)
    app = web.Application(client_max_size=_LARGEST, middlewares=[_guard(token)] if token else [])
    app.router.add_post(_FLAGS + "/{key}", service.one)
    app.router.add_post(_FLAGS, service.all)
    app.router.add_get("/healthz", service.health)
    return app


class _Service:
    def __init__(self, plan: Callable[[], Plan], key: str) -> None:
        self._plan = plan
        self._key = key

    async def one(self, request: web.Request) -> web.Response:
        """One flag."""
        key = request.match_info["key"]
        try:
            attributes = await self._attributes(request)
        except _Refused as refused:
            return _json({"key": key, **refused.body}, 400)
        for found in evaluations(self._plan(), attributes):
            if found["key"] == key:
                return _json(found, 400 if "errorCode" in found else 200)
        return _json({"key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": f"there is no {key}"}, 404)

    async def all(self, request: web.Request) -> web.Response:
        """All flags."""
        try:
            attributes = await self._attributes(request)
        except _Refused as refused:
            return _json(refused.body, 400)
        answer = _json({"flags": list(evaluations(self._plan(), attributes))})
        assert isinstance(answer.body, bytes)  # noqa: S101 - as it was just made
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        asked = {one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")}
        if tag in asked or "*" in asked:
            answer = web.Response(status=304)
        answer.headers["ETag"] = tag
        return answer

    async def health(self, _: web.Request) -> web.Response:
        """That it answers."""
        return web.Response(text="ok\n")

    async def _attributes(self, request: web.Request) -> Attributes:
        try:
            return attributes_of(json.loads(await request.read() or b"{}"), self._key)
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
            raise _Refused("PARSE_ERROR", "the request is no JSON") from None
        except InvalidContext as error:
            raise _Refused("INVALID_CONTEXT", str(error)) from None


class _Refused(Exception):  # noqa: N818 - named for what happens
    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.body = {"errorCode": code, "errorDetails": details}


def _guard(token: str) -> Any:  # noqa: ANN401 - what aiohttp takes for a middleware
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        sent = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if request.path != "/healthz" and not hmac.compare_digest(sent, wanted):
            return _json({"errorDetails": "send the bearer token"}, 401)
        answer: web.StreamResponse = await handler(request)
        return answer

    return guard


def _json(document: Any, status: int = 200) -> web.Response:  # noqa: ANN401 - JSON
    body = json.dumps(document, ensure_ascii=False, sort_keys=True).encode()
    return web.Response(body=body, status=status, content_type="application/json")
