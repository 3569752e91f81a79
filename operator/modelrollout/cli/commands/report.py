"""`report`: what an experiment found, to keep."""

from typing import TYPE_CHECKING

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.options import cluster_options, rollout_argument
from modelrollout.cli.output import emit
from modelrollout.cli.target import Target

if TYPE_CHECKING:
    from modelrollout.cli.cluster import Cluster


@click.command("report", epilog=EXIT_CODES)
@rollout_argument
@click.option(
    "--output",
    "-o",
    type=click.Choice(["json", "yaml", "html"]),
    default="json",
    show_default=True,
    help="html is one page with its pictures inside, for a browser.",
)
@cluster_options
def command(rollout: str, output: str, namespace: str | None, context: str | None, kubeconfig: str | None) -> int:
    """What an experiment has found so far, or found at its end, to keep or to send.

    Of every two versions and every metric: the effect with its interval, the chance to be better, the verdict. And
    whether traffic was split as intended, who was taken out, and what was decided.
    """
    from modelrollout.cli.cluster import run
    from modelrollout.cli.report.document import report_of

    async def work(cluster: "Cluster") -> int:
        found = await cluster.rollout(rollout)
        name = ((found.get("status") or {}).get("run") or {}).get("plan")
        told = report_of(found, await cluster.plan(name) if name else None)
        if output == "html":
            from modelrollout.cli.report.page import page

            click.echo(page(told))
        else:
            emit(told.document(), output)
        return Exit.OK

    return run(Target(namespace, context, kubeconfig), work)
