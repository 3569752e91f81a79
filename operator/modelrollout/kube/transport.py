"""The one seam between the operator and the wire: a request goes out, an answer or a stream of lines comes back."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.api_client import ApiClient

from modelrollout.kube.errors import OutcomeUnknown, Unavailable, error_of

# A server that has something to tell sends a bookmark every minute. One that has not may be silent for longer, and so
# is a dead connection: the stream ends then, and whoever wants more asks again.
_SILENCE = 75.0


@dataclass(frozen=True, slots=True)
class Request:
    """A call to the API server.

    Attributes:
        timeout: seconds until the call is given up; of a stream, until it must have ended by itself.
        body: a JSON value, None for no body.
    """

    method: str
    path: str
    timeout: float
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"

    @property
    def write(self) -> bool:
        """Whether it can change anything."""
        return self.method != "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: HTTP status, body and, when the server asks for patience, seconds to wait."""

    status: int
    body: bytes
    retry_after: float | None = None


class Transport(Protocol):
    """Carries requests; raises `Unavailable` or `OutcomeUnknown` when there is no answer."""

    async def request(self, request: Request) -> Reply:
        """The answer, whatever its status."""

    def lines(self, request: Request) -> AsyncIterator[bytes]:
        """The lines of a streamed answer; it ends with the stream, or after a long silence.

        Raises:
            KubeError: if the status is not 200, or the stream breaks.
        """

    async def close(self) -> None:
        """Give the connections back."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API server is and who we are, for libraries that connect by themselves. Paths and token may be None."""

    server: str
    ca_file: str | None
    verify: bool
    token: str | None
    certificate_file: str | None
    key_file: str | None


class ApiTransport:
    """Requests over the session of `kubernetes.aio`, which brings TLS, proxies, credentials and their renewal."""

    def __init__(self, api: ApiClient, agent: str = "modelrollout") -> None:
        self._api = api
        self._agent = agent

    async def request(self, request: Request) -> Reply:
        """The answer, whole."""
        try:
            async with asyncio.timeout(request.timeout):
                response = await self._send(request, aiohttp.ClientTimeout(total=request.timeout))
                try:
                    body = await response.read()
                finally:
                    response.release()
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"{request}: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(request, error) from error
        return Reply(response.status, body, _seconds(response.headers.get("Retry-After")))

    async def lines(self, request: Request) -> AsyncIterator[bytes]:
        """The lines as they come."""
        limits = aiohttp.ClientTimeout(total=request.timeout, sock_connect=10, sock_read=_SILENCE)
        try:
            response = await self._send(request, limits)
            try:
                if response.status != 200:
                    raise error_of(response.status, await response.read(), str(request), write=False)
                rest = b""
                async for chunk in response.content.iter_any():
                    *complete, rest = (rest + chunk).split(b"\n")
                    for line in complete:
                        if line:
                            yield line
            except aiohttp.SocketTimeoutError:
                return
            finally:
                # A stream is broken off in its middle: a farewell of TLS would be waited for by nobody.
                if response.connection is not None and response.connection.transport is not None:
                    response.connection.transport.abort()
                response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _no_answer(request, error) from error

    async def credentials(self) -> Credentials:
        """What this transport uses now; the token ends some day, ask again then."""
        configuration = self._api.configuration
        bearer = await configuration.get_api_key_with_prefix("BearerToken") if configuration.api_key else None
        return Credentials(
            server=configuration.host,
            ca_file=configuration.ssl_ca_cert,
            verify=configuration.verify_ssl,
            token=bearer.split()[-1] if bearer else None,
            certificate_file=configuration.cert_file,
            key_file=configuration.key_file,
        )

    async def close(self) -> None:
        """End the session."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def _send(self, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        headers = {"Accept": request.accept, "User-Agent": self._agent}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], request.path, request.method, request.body)
        query = f"?{urlencode(request.query)}" if request.query else ""
        reply = await self._api.call_api(
            request.method,
            f"{self._api.configuration.host}{request.path}{query}",
            header_params=headers,
            body=request.body,
            _request_timeout=limits,
        )
        response: aiohttp.ClientResponse = reply.response
        return response


def _no_answer(request: Request, error: BaseException) -> Unavailable:
    kind = OutcomeUnknown if request.write else Unavailable
    return kind(f"{request}: {type(error).__name__} {error}".strip())


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdigit() else None
