"""The operator process from its start to its end."""

import asyncio
import logging
import random
import signal
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from modelrollout import __version__
from modelrollout.handlers.feed import Feed
from modelrollout.handlers.live import live_values
from modelrollout.kube.clock import Clock, SystemClock
from modelrollout.kube.connect import connect
from modelrollout.logs import set_up
from modelrollout.probes import Probes
from modelrollout.reconciler.watchdog import EXIT_CODE, Watchdog
from modelrollout.wiring.examiner import PrometheusExaminer
from modelrollout.wiring.operator import Operator
from modelrollout.wiring.settings import Settings

_log = logging.getLogger(__name__)

_STUCK = 60.0
_STALE = 180.0
_FAREWELL = 5.0


def run(settings: Settings | None = None) -> None:
    """Run the operator until SIGTERM or SIGINT; its settings come from the environment when none are given.

    Raises:
        SystemExit: with `EXIT_CODE` when the lease was lost.
        NoCluster: if there is no API server to speak to.
    """
    settings = settings or Settings()
    set_up(settings.log_level)
    if not asyncio.run(_Process(settings).run()):
        raise SystemExit(EXIT_CODE)


class _Process:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock: Clock = SystemClock()
        self._chance = random.Random()  # noqa: S311 - jitter
        self._registry = CollectorRegistry()
        self._operator: Operator | None = None
        self._feed: Feed | None = None
        self._beat = 0.0

    async def run(self) -> bool:
        """False if the lease was lost."""
        settings = self._settings
        transport = await connect()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        examiner = PrometheusExaminer(settings)
        operator = self._operator = Operator(
            settings, transport, examiner, examiner.monitor, self._clock, self._chance, self._registry
        )
        self._feed = Feed(settings.namespaces, transport.credentials, operator.saw, self._chance, settings.identity)
        routes = [live_values(operator.live)]
        probes = Probes(self._registry, self._unready, self._unhealthy, routes=routes)
        await probes.start(settings.probe_host, settings.probe_port)
        _log.info("modelrollout %s, %s, probes on port %d", __version__, settings.identity, probes.port)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        try:
            return await self._until_stopped(operator, self._feed, stopped)
        finally:
            examiner.close()
            await probes.stop()
            await transport.close()

    async def _until_stopped(self, operator: Operator, feed: Feed, stopped: asyncio.Event) -> bool:
        stop = asyncio.create_task(stopped.wait(), name="signal")
        acquire = asyncio.create_task(operator.lease.acquire(), name="standby")
        await asyncio.wait({stop, acquire}, return_when=asyncio.FIRST_COMPLETED)
        if not acquire.done():
            acquire.cancel()
            return True
        acquire.result()
        watchdog = Watchdog(operator.lease.remaining)
        watchdog.start()
        _log.info("%s leads", self._settings.identity)
        feed.start()
        hold = asyncio.create_task(operator.lease.hold(), name="lease")
        lead = asyncio.create_task(operator.lead(), name="lead")
        await asyncio.wait({stop, hold, lead}, return_when=asyncio.FIRST_COMPLETED)
        in_order = stop.done() and not hold.done() and not lead.done()
        if not in_order:
            _log.critical("this process ends: %s", "the lease is lost" if hold.done() else "reconciling failed")
        lead.cancel()
        await asyncio.wait({lead}, timeout=_FAREWELL)
        if lead.done() and not lead.cancelled() and lead.exception() is not None:
            _log.error("reconciling failed", exc_info=lead.exception())
        if in_order:
            # Giving the lease up on purpose is no loss: nobody must renew it, or mourn it, while that goes on.
            hold.cancel()
            await asyncio.wait({hold})
            watchdog.stop()
            await operator.end()
        hold.cancel()
        watchdog.stop()
        await feed.stop()
        return in_order

    async def _unhealthy(self) -> Mapping[str, str]:
        """What a restart may mend."""
        operator, problems = self._operator, {}
        if operator is not None and operator.lease.leading:
            lag = operator.reconciler.queue.lag()
            if lag > _STUCK:
                problems["queue"] = (
                    f"{operator.reconciler.queue.depth()} rollouts wait, no worker moved for {lag:.0f} s"
                )
        return problems

    async def _unready(self) -> Mapping[str, str]:
        """What keeps this process from doing its work; a standby is ready when it sees the lease."""
        operator = self._operator
        if operator is None:
            return {"start": "not started yet"}
        if not operator.lease.leading:
            return {} if operator.lease.holder else {"lease": "nobody is known to lead"}
        problems = {f"watch {place}": problem for place, problem in operator.watches.problems().items()}
        age = self._clock.monotonic() - operator.relist.listed_at
        if not operator.relist.complete.is_set() or age > _STALE:
            problems["list"] = f"our own kinds were last listed {age:.0f} s ago"
        if self._feed is not None and not self._feed.alive:
            problems["feed"] = "kopf is not watching"
        return problems
