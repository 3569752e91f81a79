"""The two ends of the measurement, each a process of its own: a model server, and a collector that takes everything."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from dev import paths

ANSWER = b'{"model_name":"m","outputs":[{"name":"p","shape":[1],"datatype":"FP64","data":[0.25]}]}' + b" " * 200
READY = "listens on port "


async def _answer(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(body=ANSWER, content_type="application/json")


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=202)


async def _serve(what: str) -> None:
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/{path:.*}", _answer if what == "model" else _take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"{READY}{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


@asynccontextmanager
async def started(
    *arguments: str, ready: str, **variables: object
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A Python process and the port that it says it listens on, after the words `ready`."""
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=paths.CHECKOUT, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        yield process, int(line.rpartition(ready)[2].split('"')[0])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
