"""Pods of a model server: real HTTP servers on the loopback, whose answers the test decides."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from modelrollout.api import Gate, ModelInfo
from modelrollout.api.webhooks import Webhook
from modelrollout.decisions.checks import Call, Check

Answer = tuple[int, Any]


class Pods:
    """Some pods behind one Service.

    Attributes:
        answers: status and JSON (or text, or bytes) by "METHOD path"; a function is asked with the number of the
            request and its body.
        asked: every request: "METHOD path", headers and body.
        hang: never answer.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[int, bytes], Answer]] = {}
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.hang = False
        self._servers: list[TestServer] = []

    async def start(self) -> str:
        """One pod more; returns its address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        server = TestServer(app)
        await server.start_server()
        self._servers.append(server)
        return f"{server.host}:{server.port}"

    async def close(self) -> None:
        """All pods go."""
        for server in self._servers:
            await server.close()

    async def _answer(self, request: web.Request) -> web.Response:
        named = f"{request.method} {request.raw_path}"
        body = await request.read()
        self.asked.append((named, dict(request.headers), body))
        if self.hang:
            await asyncio.Event().wait()
        found = self.answers.get(named, (404, {"detail": "Not Found"}))
        status, answer = found(len(self.asked), body) if callable(found) else found
        if status == 302:
            return web.Response(status=302, headers={"Location": answer})
        sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return web.Response(status=status, body=sent)


def a_check(what: Gate | ModelInfo | dict[str, Any], *addresses: str) -> Check:
    """A question about v8 of rollout `fraud`."""
    asked = Gate.model_validate({"name": "gate", **what}) if isinstance(what, dict) else what
    return Check(
        namespace="risk",
        rollout="fraud",
        uid="uid-fraud",
        run="v8-1234567890-1",
        version="v8",
        service="fraud-v8",
        port=8080,
        addresses=addresses,
        what=asked,
    )


def at(check: Check, *addresses: str) -> Check:
    """The same question about other pods."""
    return replace(check, addresses=addresses)


def a_call(address: str, **fields: Any) -> Check:
    """The second try of a webhook at that address."""
    webhook = Webhook.model_validate({"name": "ask", "url": f"http://{address}/hooks/ask", **fields})
    call = Call(
        webhook=webhook,
        delivery="4f1c",
        attempt=2,
        step=1,
        steps=3,
        step_name="one-percent",
        weight=10,
        mirror=0,
        stable="v7",
    )
    return replace(a_check({"warmUp": {"path": "/"}}), what=call, addresses=())
