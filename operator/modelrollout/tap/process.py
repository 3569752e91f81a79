"""The tap as a process from its start to its end."""

import asyncio
import gc
import logging
import signal
import ssl
import sys
import uuid
from datetime import UTC, datetime

import aiohttp
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from pydantic import ValidationError

from modelrollout import __version__
from modelrollout.logs import set_up
from modelrollout.probes import Probes
from modelrollout.tap.events import Scribe
from modelrollout.tap.exchange import Exchange
from modelrollout.tap.figures import Figures
from modelrollout.tap.outbox import Bounds, Outbox
from modelrollout.tap.proxy import Place, Proxy
from modelrollout.tap.settings import Bodies, TapSettings

_log = logging.getLogger(__name__)


def run() -> int:
    """Run the tap until SIGTERM or SIGINT; returns the exit code. Its settings come from the environment."""
    try:
        settings = TapSettings()
    except ValidationError as error:
        for one in error.errors():
            name = "_".join(str(part) for part in one["loc"]).upper()
            sys.stderr.write(f"error: MODELROLLOUT_TAP_{name}: {one['msg']}\n")
        return 1
    set_up(settings.log_level)
    asyncio.run(_run(settings))
    return 0


async def _run(settings: TapSettings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with session_to_collector(settings) as session:
        tap = Tap(settings, session)
        await tap.start()
        # What is there now stays to the end: no collection needs to look at it, so that none takes long.
        gc.freeze()
        _log.info("modelrollout %s taps port %d on port %d", __version__, settings.server_port, tap.port)
        await stopped.wait()
        await tap.stop()


def session_to_collector(settings: TapSettings) -> aiohttp.ClientSession:
    """Connections to the collector: its certificate is checked, and the token and our own certificate are shown.

    Raises:
        OSError: a file of a certificate cannot be read.
    """
    token = settings.token.get_secret_value()
    tls = ssl.create_default_context(cafile=settings.ca_file or None)
    if settings.certificate_file:
        tls.load_cert_chain(settings.certificate_file, settings.key_file or None)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=2),
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=aiohttp.ClientTimeout(total=settings.timeout),
        raise_for_status=False,
    )


class Tap:
    """Everything that one tap consists of, on the running event loop."""

    def __init__(self, settings: TapSettings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._figures = Figures(registry)
        bounds = Bounds(
            settings.queue_events, settings.queue_bytes, settings.batch_events, settings.batch_bytes, settings.flush
        )
        self._outbox = Outbox(session, settings.collector, bounds, self._figures)
        self._scribe = Scribe(
            settings.namespace,
            settings.workload,
            settings.pod,
            settings.id_header,
            settings.headers,
            settings.bodies,
            settings.max_body,
            settings.sample,
            lambda: str(uuid.uuid4()),
            lambda reason: self._figures.omitted.labels(reason).inc(),
        )
        self._proxy = Proxy(
            Place(settings.server_host, settings.server_port, settings.server_idle),
            settings.max_body if settings.bodies is Bodies.BOTH else 0,
            settings.max_body if settings.bodies is not Bodies.NONE else 0,
            self._done,
            lambda reason: self._figures.blind.labels(reason).inc(),
        )
        self._figures.pending.set_function(lambda: self._outbox.pending)
        self._figures.connections.set_function(lambda: self._proxy.connections)
        self._figures.server_connections.set_function(lambda: self._proxy.server_connections)
        self._probes = Probes(registry, self._problems)
        self._draining = False
        self._delivery: asyncio.Task[None] | None = None
        self._heart: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that requests come to."""
        return self._proxy.port

    @property
    def admin_port(self) -> int:
        """The port of probes and metrics."""
        return self._probes.port

    async def start(self) -> None:
        """Listen on both ports and deliver."""
        loop = asyncio.get_running_loop()
        await self._probes.start(self._settings.host, self._settings.admin_port)
        await self._proxy.start(self._settings.host, self._settings.port)
        self._delivery = loop.create_task(self._outbox.deliver(), name="deliver")
        self._heart = loop.create_task(self._beat(), name="heartbeat")

    async def stop(self) -> None:
        """Drain, deliver what is left as far as time allows, and end."""
        self._draining = True
        await self._proxy.drain(self._settings.linger, self._settings.drain)
        await self._proxy.stop()
        if self._heart is not None:
            self._heart.cancel()
        self._outbox.finish()
        if self._delivery is not None:
            await asyncio.wait({self._delivery}, timeout=self._settings.farewell)
            self._delivery.cancel()
        self._outbox.give_up()
        _log.info("the tap ends; %d events were not delivered", self._outbox.pending)
        await self._probes.stop()

    def _done(self, exchange: Exchange) -> None:
        if not exchange.left:
            self._figures.requests.labels(f"{exchange.status // 100}xx").inc()
        for event in self._scribe.events(exchange):
            self._outbox.put(event)

    async def _problems(self) -> dict[str, str]:
        """What keeps requests from being answered at the moment."""
        if self._draining:
            return {"tap": "it is about to end"}
        problem = await self._proxy.problem()
        return {"server": problem} if problem else {}

    async def _beat(self) -> None:
        while True:
            await self._outbox.beat(
                {
                    "namespace": self._settings.namespace,
                    "workload": self._settings.workload,
                    "source": "tap",
                    "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                }
            )
            await asyncio.sleep(self._settings.heartbeat)
