"""`completion`: the scripts that teach a shell the commands."""

import click

from modelrollout.cli.exits import Exit

_PROGRAM = "modelrollout"
_VARIABLE = "_MODELROLLOUT_COMPLETE"
_FOR_KUBECTL = f"""\
#!/bin/sh
# kubectl runs this with the words after `kubectl modelrollout`, the last of which is still being typed.
COMP_WORDS="{_PROGRAM} $*" COMP_CWORD=$# {_VARIABLE}=bash_complete {_PROGRAM} | cut -d, -f2-
echo :4
"""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "kubectl"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    r"""Print the completion script for a shell, or the one by which kubectl completes its plugin.

    \b
      bash: source <(modelrollout completion bash)
      zsh:  source <(modelrollout completion zsh)
      fish: modelrollout completion fish | source

    For `kubectl modelrollout <Tab>` write the script for kubectl to a file named kubectl_complete-modelrollout on
    the PATH and make it executable.
    """
    if shell == "kubectl":
        click.echo(_FOR_KUBECTL, nl=False)
        return Exit.OK
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    assert complete is not None  # noqa: S101 - the choices above are the shells that click knows
    click.echo(complete(ctx.find_root().command, {}, _PROGRAM, _VARIABLE).source())
    return Exit.OK
