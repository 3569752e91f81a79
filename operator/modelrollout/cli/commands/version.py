"""`version`: of this plugin, and of the resources in the cluster."""

import click

from modelrollout import __version__
from modelrollout.cli.exits import CommandFailed, Exit
from modelrollout.cli.options import cluster_options, output_option
from modelrollout.cli.output import emit
from modelrollout.cli.target import Target

_DEFINITION = "modelrollouts.modelrollout.io"


@click.command("version")
@click.option("--client", is_flag=True, help="Of the plugin only; asks no cluster.")
@output_option()
@cluster_options
def command(
    client: bool, output: str | None, namespace: str | None, context: str | None, kubeconfig: str | None
) -> int:
    """Versions of this plugin and of the resources in the cluster."""
    document: dict[str, object] = {"client": __version__}
    if not client:
        try:
            document["server"] = _served(Target(namespace, context, kubeconfig))
        except CommandFailed as error:
            document["server"] = {"error": error.message}
    if output:
        emit(document, output)
        return Exit.OK
    click.echo(f"client: {__version__}")
    if not client:
        server = document["server"]
        text = (
            server.get("error") or f"{_DEFINITION} {', '.join(server['versions'])}" if isinstance(server, dict) else ""
        )
        click.echo(f"server: {text}")
    return Exit.OK


def _served(target: Target) -> dict[str, object]:
    from modelrollout.cli.cluster import Cluster, run

    async def work(cluster: Cluster) -> dict[str, object]:
        definition = await cluster.definition(_DEFINITION)
        if definition is None:
            return {"error": "this cluster does not know ModelRollouts: install the chart, or apply crds/"}
        versions = [one["name"] for one in definition["spec"]["versions"] if one["served"]]
        labels = definition["metadata"].get("labels") or {}
        chart = labels.get("app.kubernetes.io/version")
        return {"versions": versions} | ({"installed": chart} if chart else {})

    return run(target, work)
