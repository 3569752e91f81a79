"""Options that several commands share."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import click

from modelrollout.cli.output import FORMATS
from modelrollout.cli.target import Target

_COMPLETION_SECONDS = 2.0

_Function = TypeVar("_Function", bound=Callable[..., Any])


def cluster_options(function: _Function) -> _Function:
    """`-n`, `--context` and `--kubeconfig`, with the meaning they have for kubectl."""
    for option in (
        click.option("--kubeconfig", metavar="FILE", help="Default: $KUBECONFIG, then ~/.kube/config."),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig. Default: its current one."),
        click.option("--namespace", "-n", metavar="NS", help="Namespace. Default: that of the context."),
    ):
        function = option(function)
    return function


def output_option(*more: str) -> Callable[[_Function], _Function]:
    """`-o json|yaml`, and the further forms a command knows."""
    return click.option("output", "-o", "--output", type=click.Choice([*FORMATS, *more]), help="Form of the output.")


def _names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Names of rollouts for the shell's completion; none where the cluster does not answer at once."""
    from modelrollout.cli.cluster import Cluster, run
    from modelrollout.cli.exits import CommandFailed

    async def work(cluster: Cluster) -> list[str]:
        async with asyncio.timeout(_COMPLETION_SECONDS):
            return [one["metadata"]["name"] for one in await cluster.rollouts(everywhere=False)]

    target = Target(*(ctx.params.get(name) for name in ("namespace", "context", "kubeconfig")))
    try:
        return [name for name in run(target, work) if name.startswith(incomplete)]
    except (CommandFailed, TimeoutError):
        return []


def rollout_argument(function: _Function) -> _Function:
    """The name of a rollout; shells complete it from the cluster."""
    return click.argument("rollout", metavar="NAME", shell_complete=_names)(function)


class Span(click.ParamType[float]):
    """A span of time as Kubernetes writes it, in seconds: 30s, 1h30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """The seconds that the text stands for."""
        if isinstance(value, int | float):
            return float(value)
        from modelrollout.api import parse_duration

        try:
            return parse_duration(value).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


SPAN = Span()
