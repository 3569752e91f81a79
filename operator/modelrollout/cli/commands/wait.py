"""`wait`: for scripts and pipelines."""

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import click

from modelrollout.cli.exits import EXIT_CODES, CommandFailed, Exit
from modelrollout.cli.options import SPAN, cluster_options, output_option, rollout_argument
from modelrollout.cli.output import emit
from modelrollout.cli.target import Target

if TYPE_CHECKING:
    from modelrollout.cli.cluster import Cluster
    from modelrollout.cli.outcome import End


@click.command("wait", epilog=EXIT_CODES)
@rollout_argument
@click.option(
    "goal",
    "--for",
    type=click.Choice(["promoted", "rolledback", "reported", "done"]),
    default="promoted",
    show_default=True,
    help="What to wait for. done: any of them, with exit code 0, or 3 when it is rolled back.",
)
@click.option("--timeout", type=SPAN, default="6h", show_default=True, help="How long to wait.")
@click.option("--quiet", "-q", is_flag=True, help="Print the end only, not the way there.")
@output_option()
@cluster_options
def command(
    rollout: str,
    goal: str,
    timeout: float,
    quiet: bool,
    output: str | None,
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
) -> int:
    """Wait until a rollout is promoted, rolled back or over.

    It begins with the newest edit of the manifest: status of an older generation does not count. It ends early
    when what is waited for cannot come any more: with 3 when the rollout is rolled back instead, with 1 when it
    is promoted instead or stands still until somebody mends it.
    """
    from modelrollout.cli.cluster import run

    async def work(cluster: "Cluster") -> int:
        seen = ""
        try:
            async with asyncio.timeout(timeout):
                end, seen = await _end(cluster, rollout, quiet=quiet or output is not None)
        except TimeoutError:
            raise CommandFailed(
                f"{cluster.namespace}/{rollout} is not {_words(goal)} after {timeout:g}s",
                f"See why: kubectl modelrollout status {rollout} -n {cluster.namespace}",
                Exit.TIMEOUT,
            ) from None
        if output:
            emit({"namespace": cluster.namespace, "name": rollout, "end": str(end), "message": seen}, output)
        else:
            click.echo(f"{cluster.namespace}/{rollout} {_words(end)}: {seen}")
        return _code(end, goal)

    return run(Target(namespace, context, kubeconfig), work)


async def _end(cluster: "Cluster", name: str, *, quiet: bool) -> "tuple[End, str]":
    from modelrollout.cli.gathering import read_status
    from modelrollout.cli.outcome import STUCK_SECONDS, End, end_of

    last = message = ""
    stuck_since: float | None = None
    clock = asyncio.get_running_loop().time
    async with aclosing(cluster.follow(name)) as changes:
        coming = asyncio.ensure_future(anext(changes))
        try:
            while True:
                patience = None if stuck_since is None else max(0.0, stuck_since + STUCK_SECONDS - clock())
                done, _ = await asyncio.wait({coming}, timeout=patience)
                if not done:
                    return End.STUCK, message
                document = await coming
                coming = asyncio.ensure_future(anext(changes))
                end, status = end_of(document), read_status(document)
                message = status.message
                text = f"{status.phase} {status.step_text} {status.weight_text}".strip()
                if not quiet and text != last:
                    click.echo(f"{text}: {message}", err=True)
                    last = text
                if end is not None and end is not End.STUCK:
                    return end, message
                stuck_since = None if end is None else stuck_since or clock()
        finally:
            # A generator can only be closed when nobody waits for its next item.
            coming.cancel()
            await asyncio.wait({coming})


def _words(end: str) -> str:
    words = {"rolledback": "rolled back", "done": "over", "stuck": "stands still"}
    return words.get(end, end)


def _code(end: str, goal: str) -> Exit:
    if end == goal or (goal == "done" and end in ("promoted", "reported")):
        return Exit.OK
    return Exit.ROLLED_BACK if end == "rolledback" else Exit.ERROR
