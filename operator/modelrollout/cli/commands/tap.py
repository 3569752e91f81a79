"""`tap`: the sidecar that sends a model server's requests and answers to the collector."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.options import SPAN, cluster_options
from modelrollout.cli.output import FORMATS, emit
from modelrollout.cli.target import Target

if TYPE_CHECKING:
    from modelrollout.cli.cluster import Cluster
    from modelrollout.cli.tapping import Tapping

_Body = Callable[..., Any]


def _options(function: _Body) -> _Body:
    for option in (
        click.option("output", "-o", "--output", type=click.Choice(FORMATS), help="Form of the patches of --dry-run."),
        cluster_options,
        click.option("--timeout", type=SPAN, default="10m", show_default=True, help="How long to wait for the pods."),
        click.option("--dry-run", is_flag=True, help="Print the patches in their order, and change nothing."),
        click.option("--rollout", required=True, metavar="NAME", help="The ModelRollout that the workload belongs to."),
        click.argument("workload", metavar="WORKLOAD"),
    ):
        function = option(function)
    return function


@click.group("tap", invoke_without_command=True, epilog=EXIT_CODES)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Send a model server's requests and answers to the collector.

    `add` and `remove` change the workload of a version. Without either, this process is the tap, as in its
    container; its settings come from MODELROLLOUT_TAP_ variables (docs/tap.md).
    """
    if ctx.invoked_subcommand is not None:
        return None
    from modelrollout.tap import run

    return run()


@command.command("add", epilog=EXIT_CODES)
@click.option("--image", required=True, help="The operator's image, of which the tap is a part.")
@click.option("--collector", required=True, metavar="URL", help="The collector's Service.")
@click.option(
    "--token-secret", metavar="NAME[/KEY]", help="Secret with the collector's token. Default key: token. Default: none."
)
@click.option("--headers", metavar="NAMES", help="Request headers to send. Default: those that spec.telemetry needs.")
@click.option(
    "--bodies",
    type=click.Choice(["none", "responses", "both"]),
    help="Bodies to send. Default: those that spec.telemetry needs.",
)
@click.option(
    "--sample",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Share of requests to tell of.",
)
@_options
def add(
    workload: str,
    rollout: str,
    dry_run: bool,
    timeout: float,
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
    output: str | None,
    image: str,
    collector: str,
    token_secret: str | None,
    headers: str | None,
    bodies: str | None,
    sample: float,
) -> int:
    """Put a tap in front of a Deployment or StatefulSet.

    The pods get a sidecar, and when all of them have it, the Service's target port becomes the sidecar's. For the
    ModelRollout the version stays the same. Run it again to bring a tap up to date.
    """
    from modelrollout.cli.tapping import Wanted

    name, _, key = (token_secret or "").partition("/")
    wanted = Wanted(
        image,
        collector,
        (name, key or "token") if name else None,
        tuple(sorted({one.strip().lower() for one in headers.split(",") if one.strip()}))
        if headers is not None
        else None,
        bodies,
        sample,
    )
    target = Target(namespace, context, kubeconfig)
    return _change(target, rollout, workload, timeout, output, dry_run, lambda found: found.added(wanted))


@command.command("remove", epilog=EXIT_CODES)
@_options
def remove(
    workload: str,
    rollout: str,
    dry_run: bool,
    timeout: float,
    namespace: str | None,
    context: str | None,
    kubeconfig: str | None,
    output: str | None,
) -> int:
    """Take a tap away: the Service's target port becomes what it was, then the sidecar goes."""
    target = Target(namespace, context, kubeconfig)
    return _change(target, rollout, workload, timeout, output, dry_run, lambda found: found.removed())


def _change(
    target: Target,
    rollout: str,
    workload: str,
    timeout: float,
    output: str | None,
    dry_run: bool,
    patches_of: "Callable[[Tapping], list[dict[str, Any]]]",
) -> int:
    if output and not dry_run:
        raise click.UsageError("--output is for the patches that --dry-run prints")
    from modelrollout.cli.cluster import run
    from modelrollout.cli.tapping import Tapping

    async def work(cluster: "Cluster") -> int:
        found = await Tapping.of(cluster, rollout, workload)
        patches = patches_of(found)
        if dry_run:
            _print(patches, output or "yaml")
        elif patches:
            await found.apply(patches, timeout)
        else:
            click.echo(f"{cluster.namespace}/{workload} has no tap")
        return Exit.OK

    return run(target, work)


def _print(patches: list[dict[str, Any]], form: str) -> None:
    if form == "json":
        emit({"apiVersion": "v1", "kind": "List", "items": patches}, form)
        return
    for number, patch in enumerate(patches):
        if number:
            click.echo("---")
        emit(patch, form)
