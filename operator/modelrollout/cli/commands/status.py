"""`status`: one look at a rollout, or a live one."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.options import cluster_options, output_option, rollout_argument
from modelrollout.cli.output import console, emit
from modelrollout.cli.target import Target

if TYPE_CHECKING:
    from modelrollout.cli.cluster import Cluster


@click.command("status", epilog=EXIT_CODES)
@rollout_argument
@click.option("--watch", "-w", is_flag=True, help="Stay, and show changes as they come. Ctrl-C ends it.")
@click.option(
    "--operator-namespace",
    envvar="MODELROLLOUT_OPERATOR_NAMESPACE",
    metavar="NS",
    help="Where the operator runs, for live values. Default: found by its lease.",
)
@output_option("wide")
@cluster_options
def command(
    rollout: str,
    watch: bool,
    operator_namespace: str | None,
    output: str | None,
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
) -> int:
    """One look at a rollout: its versions and weights, its steps, and each metric against its limit.

    TO FAIL and TO PASS say how much of the evidence that decides has been gathered: at 100% the verdict falls.
    """
    from modelrollout.cli.cluster import run
    from modelrollout.cli.live import Leader
    from modelrollout.cli.look import Observer

    async def work(cluster: "Cluster") -> int:
        observer = Observer(cluster, Leader(cluster, operator_namespace))
        if watch:
            from modelrollout.cli.watching import watch_status

            await watch_status(cluster, observer, rollout, output)
            return Exit.OK
        seen = await observer.look(await cluster.rollout(rollout))
        if output in ("json", "yaml"):
            emit(seen.document(), output)
        else:
            from modelrollout.cli.render import overview

            console().print(overview(seen, datetime.now(UTC), wide=output == "wide"))
        return Exit.OK

    return run(Target(namespace, context, kubeconfig), work)
