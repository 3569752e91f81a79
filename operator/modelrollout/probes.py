"""What a process says about itself over HTTP, on a port of its own: probes and metrics."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Problems = Callable[[], Awaitable[Mapping[str, str]]]
"""What is wrong at the moment, by part; empty when nothing is."""


class Probes:
    """/healthz, /readyz, /metrics, and what else there is to ask."""

    def __init__(
        self,
        registry: CollectorRegistry,
        readiness: Problems,
        health: Problems | None = None,
        more: Callable[[], Awaitable[bytes]] | None = None,
        routes: Iterable[web.RouteDef] = (),
    ) -> None:
        """Put them together; nothing listens yet.

        Args:
            registry: the process's own metrics.
            readiness: what keeps it from its work.
            health: what a restart may mend; without it the process is healthy while it answers.
            more: metrics that come after its own; an `HTTPException` is the answer in the place of all of them.
            routes: what else is answered.
        """
        self._registry = registry
        self._more = more
        self._app = web.Application()
        self._app.router.add_get("/healthz", _probe(health))
        self._app.router.add_get("/readyz", _probe(readiness))
        self._app.router.add_get("/metrics", self._metrics)
        self._app.router.add_routes(routes)
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` 0 takes a free one, which `self.port` then says."""
        self._runner = web.AppRunner(self._app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        more = await self._more() if self._more is not None else b""
        return web.Response(body=generate_latest(self._registry) + more, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _probe(problems: Problems | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        found = dict(await problems()) if problems is not None else {}
        return web.json_response({"ok": not found, "problems": found}, status=503 if found else 200)

    return answer
