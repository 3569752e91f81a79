"""`assign`: what a unit gets in the experiments of a file."""

import sys
from typing import TYPE_CHECKING

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.output import FORMATS, console, emit

if TYPE_CHECKING:
    from modelrollout.assignment import Assignment


def _pair(_: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{text!r} is no NAME=VALUE: write for example user=42", param=parameter)
        pairs.append((name, value))
    return pairs


@click.command("assign", epilog=EXIT_CODES)
@click.option(
    "file", "-f", "--filename", required=True, metavar="FILE", help="An experiment file, or - for standard input."
)
@click.option(
    "unit",
    "--unit",
    multiple=True,
    required=True,
    metavar="NAME=VALUE",
    callback=_pair,
    help="Who it is; may be repeated.",
)
@click.option(
    "attributes",
    "--attr",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_pair,
    help="What is known of the unit; may be repeated, also with the same name for several values.",
)
@click.option("only", "--experiment", metavar="NAME", help="Of this experiment only. Default: of all.")
@click.option("output", "-o", "--output", type=click.Choice(FORMATS), help="Form of the output.")
def command(
    file: str, unit: list[tuple[str, str]], attributes: list[tuple[str, str]], only: str | None, output: str | None
) -> int:
    """What a unit gets in the experiments of a file, and why.

    No cluster is asked and nothing is kept: it is computed from the file, as any service can compute it.
    """
    from modelrollout.cli.exits import CommandFailed
    from modelrollout.cli.experiments import read_plan

    asked: dict[str, list[str]] = {}
    for name, value in [*unit, *attributes]:
        asked.setdefault(name, []).append(value)
    plan = read_plan(file, sys.stdin)
    answers = plan.assign({name: values[0] if len(values) == 1 else values for name, values in asked.items()})
    if only is not None:
        names = ", ".join(each.experiment for each in answers)
        answers = tuple(each for each in answers if each.experiment == only)
        if not answers:
            raise CommandFailed(f"there is no experiment {only} in {file}", f"It has: {names}.")
    if output:
        from modelrollout.experiments import as_json

        emit([as_json(each) for each in answers], output)
    else:
        _print(answers)
    return Exit.OK


def _print(answers: "tuple[Assignment, ...]") -> None:
    from rich.table import Table
    from rich.text import Text

    from modelrollout.experiments import explained

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("EXPERIMENT", "ARM", "PARAMETERS", "WHY"):
        table.add_column(title, overflow="fold")
    for each in answers:
        parameters = ", ".join(f"{name}={value}" for name, value in each.parameters.items())
        table.add_row(*map(Text, (each.experiment, each.arm or "-", parameters or "-", explained(each))))
    console().print(table)
