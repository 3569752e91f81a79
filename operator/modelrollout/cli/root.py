"""The root of the command line: its commands by name, each loaded when it is used."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from modelrollout import __version__
from modelrollout.cli.exits import EXIT_CODES, CommandFailed, Exit

_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Look": {
        "status": "One look at a rollout: versions, weights, steps, metrics against limits.",
        "explain": "Why the last decision was made, and what is still missing.",
        "report": "What an experiment has found, as JSON or as a page to keep.",
        "list": "Rollouts of a namespace, or of all, one line each.",
        "wait": "Wait until a rollout is promoted, rolled back or over.",
    },
    "Act": {
        "approve": "Let a step that awaits approval be left.",
        "promote": "Go on to the next step, or with --full straight to the end.",
        "skip": "End the hold of the present step.",
        "pause": "Stay at the present weight; guardrails stay on.",
        "resume": "End all pauses by command.",
        "abort": "Give all traffic back to the stable version and reject the candidate.",
        "retry": "Start a new attempt of a target that was rejected.",
        "undo": "After a promotion: give all traffic back to the previous version.",
    },
    "Files": {
        "lint": "Check manifests without a cluster.",
        "presets": "Ready-made metrics for model servers, gateways and the collector.",
        "simulate": "What a policy would do with a candidate, before anybody applies it.",
        "backtest": "What a policy would have decided over recorded samples.",
        "assign": "What a unit gets in the experiments of a file.",
        "serve": "Answer for an experiment file over OpenFeature's remote evaluation protocol.",
    },
    "Telemetry": {
        "collector": "Run the collector (what its container does), or fetch its samples.",
        "tap": "Send a model server's requests and answers to the collector: add or remove a sidecar.",
    },
    "More": {
        "version": "Versions of this plugin and of the resources in the cluster.",
        "completion": "Print the completion script for a shell.",
        "operator": "Run the operator itself (what its container does).",
    },
}
COMMANDS: Mapping[str, str] = {name: text for section in _SECTIONS.values() for name, text in section.items()}
"""Short help by name of command, in the order of the help text."""


class Commands(click.Group):
    """Loads a command's module when the command is called, and never for the list of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command from the module of its name."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"modelrollout.cli.commands.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - a module of ours without its command cannot be used
        command.short_help = COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; an unknown name is answered with the nearest known ones."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands in sections, without loading any."""
        for title, section in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()))


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, "--version", message="%(version)s")
def root() -> None:
    """Look at and steer ModelRollouts: progressive delivery of machine-learning models.

    Cluster and namespace come from your kubeconfig, as with kubectl.
    """


def _called_as() -> str:
    name = Path(sys.argv[0]).name
    return "kubectl modelrollout" if name.startswith("kubectl") else "modelrollout"


def main() -> None:
    """Run the command line; an error that a person can mend is one sentence, what to do, and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 gets question marks, not a traceback
    try:
        result = root.main(standalone_mode=False, prog_name=_called_as())
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except CommandFailed as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(error.hint, err=True)
        sys.exit(error.code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
    sys.exit(result if isinstance(result, int) else Exit.OK)
