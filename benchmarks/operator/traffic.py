"""Answers of all models as counters that Prometheus scrapes: their rates follow the weights on the routes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from benchmarks.operator.models import pod

GROUPS = 10
"""Scrape targets. Prometheus spreads them over the scrape interval, and with them the models."""

RATE = 1000.0
"""Answers a second of each model."""

GOOD, BAD = 0.001, 0.10
"""Shares of errors of a version that is well, and of one that is not."""


@dataclass(slots=True)
class _Version:
    weight: float = 0.0
    bad: float = GOOD
    answered: float = 0.0
    failed: float = 0.0
    at: float = 0.0

    def advance(self, now: float) -> None:
        answers = RATE * self.weight * max(0.0, now - self.at)
        self.answered += answers
        self.failed += answers * self.bad
        self.at = now


class Traffic:
    """The exporter."""

    def __init__(self) -> None:
        self._models: dict[tuple[str, str], dict[str, _Version]] = {}
        self._runner: web.AppRunner | None = None
        self.address = ""

    def shift(self, namespace: str, name: str, weights: Mapping[str, int]) -> None:
        """From now on the versions get traffic in these proportions."""
        now, whole = time.time(), sum(weights.values()) or 1
        versions = self._models.setdefault((namespace, name), {})
        for version, weight in weights.items():
            one = versions.setdefault(version, _Version(at=now))
            one.advance(now)
            one.weight = weight / whole

    def spoil(self, namespace: str, name: str, version: str) -> float:
        """From now on the version fails often; returns when that is, seconds since the epoch."""
        one, now = self._models[namespace, name][version], time.time()
        one.advance(now)
        one.bad = BAD
        return now

    async def start(self) -> None:
        """Listen on loopback."""
        app = web.Application()
        app.router.add_get("/{group}", self._page)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.address = f"127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        group, now = int(request.match_info["group"]), time.time()
        lines = ["# TYPE requests_total counter"]
        for number, ((namespace, name), versions) in enumerate(self._models.items()):
            if number % GROUPS != group:
                continue
            for version, one in versions.items():
                one.advance(now)
                labels = f'namespace="{namespace}",pod="{pod(name, version)}"'
                bad = int(one.failed)
                lines.append(f'requests_total{{{labels},code="200"}} {int(one.answered) - bad}')
                lines.append(f'requests_total{{{labels},code="503"}} {bad}')
        return web.Response(text="\n".join(lines) + "\n", headers={"Content-Type": "text/plain; version=0.0.4"})
