"""The collector's process from its start to its end."""

import asyncio
import gc
import logging
import random
import signal
from concurrent.futures import ThreadPoolExecutor

import uvloop
from aiohttp import web
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from modelrollout import __version__
from modelrollout.collector.access import Rates, Tokens
from modelrollout.collector.catalogue import Catalogue
from modelrollout.collector.counting import Counting
from modelrollout.collector.diagnosis import Diagnosis
from modelrollout.collector.engines import Store, StoreUnavailable
from modelrollout.collector.exposition import Exposition
from modelrollout.collector.hashing import Hasher
from modelrollout.collector.instruments import Instruments
from modelrollout.collector.intake import Intake, Observer
from modelrollout.collector.keeping import Keeping
from modelrollout.collector.recording import Scribe
from modelrollout.collector.retention import Retention
from modelrollout.collector.server import Server, server_tls
from modelrollout.collector.settings import Settings
from modelrollout.collector.turns import Turns
from modelrollout.kube.cache import Cache
from modelrollout.kube.client import Client
from modelrollout.kube.clock import SystemClock
from modelrollout.kube.connect import connect
from modelrollout.kube.reflector import Reflector
from modelrollout.kube.resources import MODELROLLOUTS
from modelrollout.kube.transport import Transport
from modelrollout.probes import Probes

_log = logging.getLogger(__name__)

_STUCK = 120.0
_RELIST = 60.0
_GARBAGE = 20_000
"""New objects between two searches for cycles, which find next to nothing: what a message makes goes with it."""


class Collector:
    """Everything that one collector consists of."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        """Open the store and put the parts together.

        Raises:
            StoreUnavailable: the store cannot be used.
            OSError, ValueError: the file of tokens or of a certificate cannot be used.
        """
        self._settings = settings
        self._clock = SystemClock()
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self.instruments = Instruments(self._registry)
        self.store = Store(settings.store.get_secret_value())
        self.store.prepare()
        key = settings.hash_key.get_secret_value().encode() or self.store.hash_key()
        self.catalogue = Catalogue(Hasher(key))
        diagnosis = Diagnosis()
        cache = Cache()
        cache.subscribe(self.catalogue.changed)
        client, chance = Client(transport), random.Random()  # noqa: S311 - jitter
        self._reflectors = [
            Reflector(client, MODELROLLOUTS, place, cache, self._clock, chance, _RELIST)
            for place in settings.namespaces or (None,)
        ]
        # SQLite has one writer at a time: a second thread would only wait for the first.
        self._writer = ThreadPoolExecutor(1, "write")
        self._counter = ThreadPoolExecutor(1, "count") if self.store.shared else self._writer
        self._reader = ThreadPoolExecutor(1, "read")
        observer = Observer(self.instruments.store_seconds.observe, self.instruments.saw_unmatched)
        self.intake = Intake(Keeping(self.store).keep, self._writer, settings.queue, observer)
        self._tokens = Tokens(settings.token_file, self._clock.monotonic)
        self.server = Server(
            Scribe(self.catalogue, settings.ages, diagnosis),
            self.intake,
            self._tokens,
            Rates(settings.rate, self._clock.monotonic),
            self.catalogue,
            self.store,
            self._reader,
            self.instruments,
            self._now,
            self.known,
            settings.largest_body,
        )
        self._exposition = Exposition(self.store, self.catalogue, settings.identity, diagnosis)
        self._turns = Turns(
            self.store,
            self.catalogue,
            Counting(self.store, self.catalogue, settings.ages, settings.most_groups, diagnosis),
            Retention(self.store, self.catalogue, settings.ages),
            self.intake,
            self.instruments,
            self._counter,
            self._reader,
            self._clock,
            settings.most_rows,
            settings.most_bytes,
            self.known,
        )
        self._tls = server_tls(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
        self.probes = Probes(self._registry, self._unready, self._unhealthy, self._models)

    def known(self) -> bool:
        """Whether all ModelRollouts are known."""
        return all(one.synced.is_set() for one in self._reflectors)

    async def run(self, stopped: asyncio.Event) -> None:
        """Work until `stopped` is set; what has come in by then is kept and acknowledged."""
        await self.probes.start(self._settings.probe_host, self._settings.probe_port)
        await self.server.start(self._settings.host, self._settings.port, self._tls)
        who = "everybody may write" if self._settings.anonymous else "writers are asked who they are"
        _log.info(
            "collector %s, events on port %d, probes on port %d; %s",
            __version__,
            self.server.port,
            self.probes.port,
            who,
        )
        try:
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(one.run()) for one in self._reflectors]
                work.append(group.create_task(self._turns.run()))
                keeping = group.create_task(self.intake.run())
                await stopped.wait()
                await self.server.stop()
                for task in (*work, keeping):
                    task.cancel()
        finally:
            await self._end()
            await self.probes.stop()

    async def _end(self) -> None:
        for executor in (self._writer, self._counter, self._reader):
            executor.shutdown()
        try:
            self._exposition.release()
        except StoreUnavailable as error:
            _log.warning("another replica tells Prometheus a minute later: %s", error)
        self.store.close()

    async def _unhealthy(self) -> dict[str, str]:
        """What a restart may mend."""
        lag = self._turns.lag()
        return {"counting": f"nothing was counted for {lag:.0f} s"} if self.known() and lag > _STUCK else {}

    async def _unready(self) -> dict[str, str]:
        problems = {
            f"watch in {one.namespace or 'all namespaces'}": one.problem for one in self._reflectors if one.problem
        }
        if not self.known():
            problems["list"] = "the ModelRollouts have not been listed yet"
        return problems

    async def _models(self) -> bytes:
        """The metrics of the models."""
        self.instruments.waiting.set(self.intake.waiting)
        work = lambda: self._exposition.text(self._now())  # noqa: E731 - one line
        try:
            text = await asyncio.get_running_loop().run_in_executor(self._reader, work)
        except StoreUnavailable as error:
            # An answer without them would look as if no model answered any more.
            raise web.HTTPServiceUnavailable(text=str(error)) from None
        return text.encode()

    def _now(self) -> float:
        return self._clock.now().timestamp()


def run(settings: Settings) -> None:
    """Run the collector until SIGTERM or SIGINT.

    Raises:
        NoCluster: there is no API server to speak to.
        StoreUnavailable: the store cannot be used.
        OSError, ValueError: a file that the settings name cannot be used.
    """
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    transport = await connect(agent="modelrollout-collector")
    try:
        collector = Collector(settings, transport)
        gc.freeze()
        gc.set_threshold(_GARBAGE, 10, 10)
        await collector.run(stopped)
    finally:
        await transport.close()
