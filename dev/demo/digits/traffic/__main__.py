"""`python -m traffic`: be the users of a model for a while, and answer Prometheus and the demo about what they saw.

GET /metrics is for Prometheus. GET /summary?since=&until= (seconds since the epoch) is what users got from each
version; `&timeline=1` adds it second by second, `&failures=1` what failed answers said. Both stay up after the last
request, so that a pod does not start over. POST /labels {collector, token, namespace, rollout, age} lets a collector be
told the true label of each later request over HTTP, `age` seconds after it was sent.
"""

import argparse
import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
from aiohttp import web

from . import by_http
from .counters import Counters
from .labels import Address, Labels
from .sender import Ask, Load, scans, send

COUNTERS = web.AppKey("counters", Counters)
LABELS = web.AppKey("labels", Labels)
SENDING = web.AppKey("sending", asyncio.Task[None])


async def _metrics(request: web.Request) -> web.Response:
    return web.Response(body=request.app[COUNTERS].exposition(), headers={"Content-Type": "text/plain; version=0.0.4"})


async def _summary(request: web.Request) -> web.Response:
    try:
        since = float(request.query.get("since", 0))
        until = float(request.query.get("until", "inf"))
    except ValueError as error:
        raise web.HTTPBadRequest(text="since and until are seconds since the epoch") from error
    journal = request.app[COUNTERS].journal
    content: dict[str, object] = {
        "now": time.time(),
        "sending": not request.app[SENDING].done(),
        "versions": journal.summary(since, until),
        "labels": {"posted": request.app[LABELS].posted, "problem": request.app[LABELS].problem},
    }
    if request.query.get("timeline"):
        content["timeline"] = journal.timeline(since, until)
    if request.query.get("failures"):
        content["failures"] = journal.failures(since, until)
    return web.json_response(content)


async def _labels(request: web.Request) -> web.Response:
    try:
        request.app[LABELS].begin(Address(**await request.json()))
    except (ValueError, TypeError) as error:
        raise web.HTTPBadRequest(text=str(error)) from error
    return web.json_response({"now": time.time()})


async def _ready(request: web.Request) -> web.Response:
    sending = request.app[SENDING]
    if sending.done() and not sending.cancelled() and sending.exception():
        raise web.HTTPServiceUnavailable(text=str(sending.exception()))
    return web.Response(text="ok")


def application(options: argparse.Namespace) -> web.Application:
    """The client as a web application; sending starts and ends with it."""
    app = web.Application()
    app.add_routes([web.get("/metrics", _metrics), web.get("/summary", _summary), web.get("/ready", _ready)])
    app.add_routes([web.post("/labels", _labels)])
    app[COUNTERS] = Counters(options.versions.split(","), options.label_age, time.time, options.prefix)
    app[LABELS] = Labels(time.time)
    pool = scans(options.scans)
    load = Load(
        options.rate, options.seconds, options.requests, options.waiting, options.patience, not options.new_connections
    )

    async def sending(app: web.Application) -> AsyncIterator[None]:
        chance = random.Random(options.seed)  # noqa: S311 (draws of a load test; to be repeatable, not secret)
        async with _users(options, load, app[LABELS]) as ask, aiohttp.ClientSession() as session:
            task = asyncio.create_task(send(ask, pool, load, app[COUNTERS], chance))
            telling = asyncio.create_task(app[LABELS].post(session))
            app[SENDING] = task
            yield
            for each in (task, telling):
                each.cancel()
            await asyncio.wait([task, telling])

    app.cleanup_ctx.append(sending)
    return app


def _users(options: argparse.Namespace, load: Load, labels: Labels) -> AbstractAsyncContextManager[Ask]:
    headers = dict(options.header)
    if not options.grpc:
        where_from = random.Random(options.seed)  # noqa: S311 (as above)
        return by_http.users(options.gateway, load, headers, where_from, labels)
    # Only here: it takes the libraries of the model server along.
    from . import by_grpc

    return by_grpc.users(options.gateway, load, headers, options.authority)


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name or not value:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    return name, value


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="traffic", description=__doc__)
    parser.add_argument("--gateway", required=True, help="URL of the gateway, without a path; host:port for gRPC")
    parser.add_argument("--grpc", action="store_true", help="ask by gRPC, over one connection")
    parser.add_argument(
        "--header", action="append", default=[], type=_header, help="name=value, sent with every request; repeatable"
    )
    parser.add_argument("--authority", default="", help="what gRPC says instead of the gateway's address")
    parser.add_argument("--scans", type=Path, default=Path("/models/held-out.json"))
    parser.add_argument("--rate", type=float, default=120, help="requests a second")
    parser.add_argument("--seconds", type=float, default=1800, help="how long to send")
    parser.add_argument("--requests", type=int, default=250_000, help="how many to send at most")
    parser.add_argument("--waiting", type=int, default=100, help="requests without an answer at once, at most")
    parser.add_argument("--patience", type=float, default=5, help="seconds until a user gives up")
    parser.add_argument("--new-connections", action="store_true", help="a connection of its own for each request")
    parser.add_argument("--label-age", type=float, default=10, help="seconds until a true label is known")
    parser.add_argument("--versions", default="v1,v2,v3", help="whose counters exist from the start")
    parser.add_argument("--prefix", default="model", help="how the names of all metrics begin")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104 (a pod's own address)
    parser.add_argument("--port", type=int, default=8000)
    parsed = parser.parse_args()
    if parsed.patience >= parsed.label_age:
        parser.error("--patience must be below --label-age: an outcome comes of age after its answer, never before")
    return parsed


if __name__ == "__main__":
    chosen = options()
    web.run_app(application(chosen), host=chosen.host, port=chosen.port, access_log=None, print=None)
