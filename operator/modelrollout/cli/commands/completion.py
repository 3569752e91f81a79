"""`completion`: the script that teaches a shell the commands."""

import click
from click.shell_completion import get_completion_class

from modelrollout.cli.exits import Exit

_NAME = "kubectl-modelrollout"
_VARIABLE = "_MODELROLLOUT_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    r"""Print the completion script for a shell.

    \b
      bash: source <(modelrollout completion bash)
      zsh:  source <(modelrollout completion zsh)
      fish: modelrollout completion fish | source

    For `kubectl modelrollout <Tab>`, also put a file named kubectl_complete-modelrollout on the PATH, see docs/cli.md.
    """
    complete = get_completion_class(shell)
    assert complete is not None  # noqa: S101 - the choices above are the shells that click knows
    click.echo(complete(ctx.find_root().command, {}, "modelrollout", _VARIABLE).source())
    return Exit.OK
