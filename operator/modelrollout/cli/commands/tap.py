"""`tap`: run the sidecar that sends a model server's requests and answers to the collector."""

import click


@click.group("tap", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> int | None:
    """Run the tap itself, as its sidecar does; its settings come from MODELROLLOUT_TAP_ variables."""
    if ctx.invoked_subcommand is not None:
        return None
    from modelrollout.tap import run

    return run()
