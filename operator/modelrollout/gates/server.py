"""Requests to the pods of a version: bounded in time and size, to those pods alone.

No proxy of the environment is used, no redirect followed, no cookie kept and no credential sent: whatever a pod
answers, the operator calls nobody else for it.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Self

import aiohttp
from yarl import URL

from modelrollout.decisions.checks import Check

LARGEST = 1 << 20
"""Bytes of an answer that are read."""

_CHUNK = 1 << 16


class CannotAsk(Exception):  # noqa: N818 - named for what happened
    """A pod gave no answer that can be judged; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an HTTP answer."""

    status: int
    body: bytes

    def excerpt(self) -> str:
        """The beginning of the body on one line, for people."""
        text = " ".join(self.body[:400].decode(errors="replace").split())
        return text[:120] + ("..." if len(text) > 120 else "")


class ModelServer:
    """The ready pods of one version, asked directly: behind its Service nobody knows who answered.

    Use it as a context; `addresses` are host:port, in the order of the check.
    """

    def __init__(self, check: Check, seconds: float) -> None:
        """`seconds` are for each request, from its first byte to the last one of the answer."""
        self.addresses = check.addresses
        self._host = f"{check.service}.{check.namespace}.svc:{check.port}"
        self._seconds = seconds
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._session = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                headers={"User-Agent": "modelrollout", "Accept-Encoding": "identity"},
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ask(
        self,
        address: str,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request to one of the pods.

        Raises:
            CannotAsk: no connection, no whole answer in time, or one that is too large.
        """
        url = URL(f"http://{address}{path}", encoded=True)
        every = {**(headers or {}), "Host": self._host}
        try:
            async with self._session.request(method, url, headers=every, data=body, allow_redirects=False) as reply:
                return Answer(reply.status, await _whole(reply, address))
        except TimeoutError:
            raise CannotAsk(f"pod {address} gave no answer within {self._seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CannotAsk(f"pod {address} cannot be asked: {_cause(error)}") from None


@contextlib.asynccontextmanager
async def model_server(check: Check, seconds: float) -> AsyncIterator[ModelServer]:
    """The pods of the check's version.

    Raises:
        CannotAsk: no ready pod is known behind its Service.
    """
    if not check.addresses:
        raise CannotAsk(f"behind Service {check.service} no ready pod is known for port {check.port}")
    async with ModelServer(check, seconds) as server:
        yield server


async def _whole(reply: aiohttp.ClientResponse, address: str) -> bytes:
    body = bytearray()
    async for chunk in reply.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > LARGEST:
            raise CannotAsk(f"the answer of pod {address} is larger than {LARGEST >> 20} MiB")
    return bytes(body)


def _cause(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or type(error.os_error).__name__
    return str(error) or type(error).__name__
