"""What the operator says about itself over HTTP: probes, metrics, live values."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Problems = Callable[[], Mapping[str, str]]
"""What is wrong at the moment, by part; empty when nothing is."""

Live = Callable[[tuple[str, str]], Mapping[str, Any] | None]


class Probes:
    """/healthz, /readyz, /metrics and /v1/rollouts/<namespace>/<name>."""

    def __init__(self, health: Problems, readiness: Problems, live: Live, registry: CollectorRegistry) -> None:
        self._health = health
        self._readiness = readiness
        self._live = live
        self._registry = registry
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; `port` 0 takes a free one, which `self.port` then says."""
        app = web.Application()
        app.router.add_get("/healthz", self._probe(self._health))
        app.router.add_get("/readyz", self._probe(self._readiness))
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/v1/rollouts/{namespace}/{name}", self._rollout)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _probe(self, problems: Problems) -> Callable[[web.Request], Any]:
        async def answer(_: web.Request) -> web.Response:
            found = problems()
            return web.json_response({"ok": not found, "problems": dict(found)}, status=503 if found else 200)

        return answer

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _rollout(self, request: web.Request) -> web.Response:
        found = self._live((request.match_info["namespace"], request.match_info["name"]))
        if found is None:
            return web.json_response({"message": "no run of this rollout is being examined here"}, status=404)
        return web.json_response(found)
