"""`explain`: why a rollout stands where it stands, and what is still missing."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.options import cluster_options, output_option, rollout_argument
from modelrollout.cli.output import console, emit
from modelrollout.cli.target import Target

if TYPE_CHECKING:
    from modelrollout.cli.cluster import Cluster


@click.command("explain", epilog=EXIT_CODES)
@rollout_argument
@click.option(
    "--operator-namespace",
    envvar="MODELROLLOUT_OPERATOR_NAMESPACE",
    metavar="NS",
    help="Where the operator runs, for live values. Default: found by its lease.",
)
@output_option()
@cluster_options
def command(
    rollout: str,
    operator_namespace: str | None,
    output: str | None,
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
) -> int:
    """Why the last decision was made, what every metric says and how sure that is, and what is still missing.

    Evidence decides when it reaches what it needs. When that will be is read off the evidence and the answers so far;
    where that says nothing yet, it says so.
    """
    from modelrollout.cli.cluster import run
    from modelrollout.cli.explain.account import explain
    from modelrollout.cli.live import Leader

    async def work(cluster: "Cluster") -> int:
        found = await cluster.rollout(rollout)
        name = ((found.get("status") or {}).get("run") or {}).get("plan")
        plan, live, record = await asyncio.gather(
            cluster.plan(name) if name else asyncio.sleep(0),
            Leader(cluster, operator_namespace).values(found),
            cluster.record(rollout),
        )
        now = datetime.now(UTC)
        told = explain(found, now, plan=plan, live=live, record=record)
        if output in ("json", "yaml"):
            emit(told.document(), output)
        else:
            from modelrollout.cli.explain.render import explanation

            console().print(explanation(told, now))
        return Exit.OK

    return run(Target(namespace, context, kubeconfig), work)
