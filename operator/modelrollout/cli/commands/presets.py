"""`presets`: the ready-made metrics, listed and shown."""

import click

from modelrollout.cli.exits import CommandFailed, Exit
from modelrollout.cli.options import output_option
from modelrollout.cli.output import console, emit


def _names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from modelrollout.presets import preset_names

    return [name for name in preset_names() if name.startswith(incomplete)]


@click.command("presets")
@click.argument("name", required=False, shell_complete=_names)
@output_option()
def command(name: str | None, output: str | None) -> int:
    """Ready-made metrics for model servers, gateways and the collector.

    Without a NAME all of them, with the name of a server (vllm) those of that server, one line each. With the name of
    a preset (vllm/errors): what it measures, its parameters, what it needs, what its series do not say, and the metric
    that it stands for.
    """
    from modelrollout.cli.presets import document, entry, page, table
    from modelrollout.errors import InvalidSpec
    from modelrollout.presets import preset, preset_names

    listed = [one for one in preset_names() if name is None or one.startswith(f"{name}/")]
    if listed:
        if output:
            emit([entry(one) for one in listed], output)
        else:
            console().print(table(listed))
        return Exit.OK
    try:
        preset(name or "")
    except InvalidSpec as error:
        raise CommandFailed(error.message, "kubectl modelrollout presets lists them all.") from None
    if output:
        emit(document(name or ""), output)
    else:
        console().print(page(name or ""))
    return Exit.OK
