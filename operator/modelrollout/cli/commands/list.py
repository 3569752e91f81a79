"""`list`: rollouts, one line each."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from modelrollout.cli.exits import Exit
from modelrollout.cli.options import cluster_options, output_option
from modelrollout.cli.output import console, emit
from modelrollout.cli.target import Target

if TYPE_CHECKING:
    from modelrollout.cli.cluster import Cluster


@click.command("list")
@click.option("everywhere", "-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@output_option("wide")
@cluster_options
def command(
    everywhere: bool, output: str | None, namespace: str | None, context: str | None, kubeconfig: str | None
) -> int:
    """Rollouts of a namespace, or of all, one line each. The candidate's weight is what the route shows."""
    from modelrollout.cli.cluster import run

    async def work(cluster: "Cluster") -> int:
        found = await cluster.rollouts(everywhere=everywhere)
        if output in ("json", "yaml"):
            emit([_entry(one) for one in found], output)
        elif not found:
            where = "" if everywhere else f" in namespace {cluster.namespace}: -A shows all namespaces"
            click.echo(f"There are no ModelRollouts{where}.", err=True)
        else:
            console().print(_table(found, everywhere=everywhere, wide=output == "wide"))
        return Exit.OK

    return run(Target(namespace, context, kubeconfig), work)


def _entry(rollout: dict[str, Any]) -> dict[str, Any]:
    metadata, spec, status = rollout["metadata"], rollout.get("spec") or {}, rollout.get("status") or {}
    entry = {name: status[name] for name in ("phase", "message", "strategy", "stable", "candidate") if status.get(name)}
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "target": spec.get("target", ""),
        **entry,
        "step": status.get("stepText", ""),
        "weight": status.get("weightText", ""),
        "weights": status.get("weights") or {},
    }


def _table(rollouts: list[dict[str, Any]], *, everywhere: bool, wide: bool) -> Any:  # noqa: ANN401
    from rich.table import Table
    from rich.text import Text

    from modelrollout.cli.figures import span
    from modelrollout.cli.render import phase_mark

    now = datetime.now(UTC)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    titles = ["NAME", "PHASE", "STABLE", "CANDIDATE", "STEP", "WEIGHT", "AGE", *(["MESSAGE"] if wide else [])]
    for title in [*(["NAMESPACE"] if everywhere else []), *titles]:
        table.add_column(title, no_wrap=title != "MESSAGE", justify="right" if title in ("WEIGHT", "AGE") else "left")
    for one in rollouts:
        metadata, status = one["metadata"], one.get("status") or {}
        age = now - datetime.fromisoformat(metadata["creationTimestamp"])
        texts = [status.get(name) or "-" for name in ("stable", "candidate", "stepText", "weightText")]
        table.add_row(
            *([metadata["namespace"]] if everywhere else []),
            Text(metadata["name"], style="bold"),
            phase_mark(status.get("phase", "Unseen")),
            *texts,
            span(age),
            *([status.get("message", "")] if wide else []),
        )
    return table
