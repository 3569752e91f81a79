"""The collector over HTTP: events, labels, signals and heartbeats go in, samples come out."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from typing import Any, TypeVar

from aiohttp import web

from modelrollout.collector.access import Rates, Tokens
from modelrollout.collector.catalogue import Catalogue
from modelrollout.collector.documents import read_documents, read_heartbeat, read_label, read_signal
from modelrollout.collector.engines import Store, StoreUnavailable
from modelrollout.collector.events import Event, read_message
from modelrollout.collector.instruments import Instruments
from modelrollout.collector.intake import Intake
from modelrollout.collector.recording import Rows, Scribe
from modelrollout.collector.refusals import Busy, Refused
from modelrollout.collector.sampling import export_samples

_T = TypeVar("_T")
_SHOWN = 20
_MOST_BYTES = 128 << 20
"""Of messages that are being read at a time."""

_PATIENCE = 30.0
"""Seconds for a message to come in."""


class Server:
    """The port that senders know."""

    def __init__(
        self,
        scribe: Scribe,
        intake: Intake,
        tokens: Tokens,
        rates: Rates,
        catalogue: Catalogue,
        store: Store,
        executor: Executor,
        instruments: Instruments,
        now: Callable[[], float],
        ready: Callable[[], bool],
        largest_body: int,
    ) -> None:
        self._scribe = scribe
        self._intake = intake
        self._tokens = tokens
        self._rates = rates
        self._catalogue = catalogue
        self._store = store
        self._executor = executor
        self._instruments = instruments
        self._now = now
        self._ready = ready
        self._app = web.Application(client_max_size=largest_body)
        self._app.router.add_post("/", self._events)
        self._app.router.add_post("/v1/events", self._events)
        self._app.router.add_post("/v1/labels", self._documents("label", read_label, scribe.label))
        self._app.router.add_post("/v1/signals", self._documents("signal", read_signal, scribe.signal))
        self._app.router.add_post("/v1/heartbeats", self._documents("heartbeat", read_heartbeat, scribe.heartbeat))
        self._app.router.add_get("/v1/samples/{namespace}/{rollout}", self._samples)
        self._largest_body = largest_body
        self._coming_in = 0
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen; `port` 0 takes a free one, which `self.port` then says."""
        self._runner = web.AppRunner(self._app, access_log=None, keepalive_timeout=630)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port, ssl_context=tls, backlog=1024).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Answer what has come in, and listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _events(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return await self._take(request, lambda body: read_message(headers, body), self._event)

    def _event(self, event: Event, now: float, rows: Rows) -> tuple[str, str]:
        kind = "response" if event.answer else "request"
        if event.own:
            return kind, "ignored"
        self._scribe.event(event, now, rows)
        return kind, "accepted"

    def _documents(
        self, kind: str, read: Callable[[Mapping[str, Any]], _T], write: Callable[[_T, float, Rows], None]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        def write_one(one: _T, now: float, rows: Rows) -> tuple[str, str]:
            write(one, now, rows)
            return kind, "accepted"

        async def answer(request: web.Request) -> web.Response:
            return await self._take(request, lambda body: read_documents(body, read), write_one)

        return answer

    async def _take(
        self,
        request: web.Request,
        read: Callable[[bytes], Iterable[Any]],
        write: Callable[[Any, float, Rows], tuple[str, str]],
    ) -> web.Response:
        """Read a message, keep what of it can be kept, and say what cannot."""
        namespaces = self._tokens.namespaces(request.headers.get("Authorization", ""))
        if namespaces is None:
            self._instruments.refused.labels("token").inc()
            return _refusal(401, "token", "this needs a token: send Authorization: Bearer ...")
        if not self._ready():
            return self._busy(Busy("start", "the ModelRollouts are not known yet: come again"))
        rows, now, kinds, refused = Rows(), self._now(), [], list[tuple[int, Refused]]()
        try:
            listed = read(await self._body(request))
            with self._rates.message() as take:
                for place, one in enumerate(listed):
                    try:
                        if isinstance(one, Refused):
                            raise one
                        self._let_in(one.namespace, namespaces, take)
                        kinds.append(write(one, now, rows))
                    except Refused as why:
                        refused.append((place, why))
            await self._intake.put(rows)
        except web.HTTPRequestEntityTooLarge:
            self._instruments.refused.labels("too-large").inc()
            return _refusal(413, "too-large", "the message is larger than the collector takes: send smaller batches")
        except Refused as why:
            self._instruments.refused.labels(why.reason).inc()
            return _refusal(400, why.reason, why.message)
        except Busy as why:
            return self._busy(why)
        for _, problem in refused:
            self._instruments.refused.labels(problem.reason).inc()
        for one in set(kinds):
            self._instruments.events.labels(*one).inc(kinds.count(one))
        if refused and not kinds:
            return _refusal(400, refused[0][1].reason, refused[0][1].message)
        shown = [{"index": place, "reason": one.reason, "message": one.message} for place, one in refused[:_SHOWN]]
        return web.json_response({"accepted": len(kinds), "refused": len(refused), "refusals": shown}, status=202)

    async def _body(self, request: web.Request) -> bytes:
        if request.content.is_eof():
            # Small messages are there with their heads: nothing to wait for, and no clock to set.
            body = request.content.read_nowait()
            if len(body) > self._largest_body:
                raise web.HTTPRequestEntityTooLarge(self._largest_body, len(body))
            return body
        expected = min(request.content_length or self._largest_body, self._largest_body)
        if self._coming_in + expected > _MOST_BYTES:
            raise Busy("queue", "too much is coming in at a time: come again, or send less")
        self._coming_in += expected
        try:
            async with asyncio.timeout(_PATIENCE):
                return await request.read()
        except TimeoutError:
            raise Refused("slow", "the message did not come in within 30 s") from None
        finally:
            self._coming_in -= expected

    def _let_in(self, namespace: str, namespaces: frozenset[str], take: Callable[[str], None]) -> None:
        if namespaces and namespace not in namespaces:
            raise Refused("namespace", "this token is for other namespaces")
        if self._catalogue.in_use(namespace):
            # Of others nothing is taken anyway, and what is remembered of them would grow.
            take(namespace)

    def _busy(self, why: Busy) -> web.Response:
        self._instruments.refused.labels(why.reason).inc()
        answer = _refusal(429 if why.reason == "rate" else 503, why.reason, str(why))
        answer.headers["Retry-After"] = "1"
        return answer

    async def _samples(self, request: web.Request) -> web.Response:
        namespaces = self._tokens.namespaces(request.headers.get("Authorization", ""))
        key = request.match_info["namespace"], request.match_info["rollout"]
        if namespaces is None or (namespaces and key[0] not in namespaces):
            return _refusal(401, "token", "this needs a token for the namespace: send Authorization: Bearer ...")
        entry = self._catalogue.get(key)
        if entry is None:
            return _refusal(404, "rollout", f"there is no ModelRollout {key[0]}/{key[1]}")
        if entry.reader is None or entry.reader.sample is None:
            said = f"ModelRollout {key[0]}/{key[1]} does not permit samples: set spec.telemetry.sample"
            return _refusal(403, "permission", said)
        path = entry.reader.sample.path
        try:
            listed = await asyncio.get_running_loop().run_in_executor(
                self._executor, lambda: list(export_samples(self._store, key, path))
            )
        except StoreUnavailable as error:
            return _refusal(503, "store", str(error))
        return web.json_response({"samples": listed})


def _refusal(status: int, reason: str, message: str) -> web.Response:
    return web.json_response({"accepted": 0, "reason": reason, "message": message}, status=status)


def server_tls(certificate: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    """TLS as the settings ask for it, None for none; with `client_ca` only its clients get a connection.

    Raises:
        OSError: a file cannot be read, or is no certificate.
    """
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
