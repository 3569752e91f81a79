"""`status -w`: a picture that stays current on a terminal, a line per change elsewhere."""

import asyncio
import json
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import click
from rich.live import Live as LiveDisplay

from modelrollout.cli.cluster import Cluster
from modelrollout.cli.figures import shares
from modelrollout.cli.look import Observer
from modelrollout.cli.output import console
from modelrollout.cli.overview import Overview
from modelrollout.cli.render import overview
from modelrollout.kube.resources import Obj

_REFRESH_SECONDS = 1.0
_LIVE_SECONDS = 5.0


async def watch_status(cluster: Cluster, observer: Observer, name: str, output: str | None) -> None:
    """Show the rollout until the person has seen enough.

    On a terminal countdowns run and live values are read every five seconds; elsewhere a line is printed when phase,
    step or weight change, and with json a document per change and line.
    """
    if output in ("json", "yaml"):
        await _documents(cluster, observer, name, output)
    elif console().is_terminal:
        try:
            await _picture(cluster, observer, name, wide=output == "wide")
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
    else:
        await _lines(cluster, observer, name)


async def _documents(cluster: Cluster, observer: Observer, name: str, output: str) -> None:
    async with aclosing(cluster.follow(name)) as changes:
        async for rollout in changes:
            document = (await observer.look(rollout)).document()
            if output == "json":
                click.echo(json.dumps(document, ensure_ascii=False))
            else:
                import yaml

                click.echo("---\n" + yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)


async def _lines(cluster: Cluster, observer: Observer, name: str) -> None:
    last = ""
    async with aclosing(cluster.follow(name)) as changes:
        async for rollout in changes:
            text = line(await observer.look(rollout))
            if text != last:
                click.echo(f"{datetime.now(UTC):%H:%M:%S}Z {text}")
                last = text


def line(seen: Overview) -> str:
    """The rollout in one line."""
    step = f" {seen.run.step + 1}/{seen.run.steps}" if seen.run and seen.candidate else ""
    weight = (
        f" {seen.candidate} at {shares(seen.weight, seen.run)}" if seen.candidate and seen.weight is not None else ""
    )
    return f"{seen.phase}{step}{weight}: {seen.message}"


async def _picture(cluster: Cluster, observer: Observer, name: str, *, wide: bool) -> None:
    changed: asyncio.Queue[Obj] = asyncio.Queue()

    async def follow() -> None:
        async with aclosing(cluster.follow(name)) as changes:
            async for rollout in changes:
                changed.put_nowait(rollout)

    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow())
        rollout = await changed.get()
        with LiveDisplay(console=console(), auto_refresh=False, vertical_overflow="crop") as display:
            while not following.done():
                seen = await observer.look(rollout)
                until = asyncio.get_running_loop().time() + _LIVE_SECONDS
                while changed.empty() and asyncio.get_running_loop().time() < until and not following.done():
                    display.update(overview(seen, datetime.now(UTC), wide=wide), refresh=True)
                    with suppress(TimeoutError):
                        rollout = await asyncio.wait_for(changed.get(), _REFRESH_SECONDS)
                        break
                while not changed.empty():
                    rollout = changed.get_nowait()
