"""The one ModelRollout of a file, for commands that work on a policy without a cluster."""

from typing import IO

import click

from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.lint import Severity, check, read
from modelrollout.cli.lint.check import concerns_us
from modelrollout.cli.lint.templates import FileShelf
from modelrollout.presets import MissingTemplate, resolve


def one_rollout(path: str, stdin: IO[str]) -> ModelRollout:
    """Read a manifest as `lint` does, presets and templates written out; its warnings are lint's business.

    Args:
        path: a file, a folder, or - for standard input.
        stdin: standard input.

    Raises:
        CommandFailed: there is not exactly one ModelRollout in it, or it is wrong; all errors were printed then.
    """
    documents, findings = read((path,), stdin)
    shelf = FileShelf(documents)
    ours = [one for one in documents if concerns_us(one) and one.content.get("kind") == "ModelRollout"]
    found = [*findings, *(one for each in ours for one in check(each, shelf))]
    errors = [one for one in found if one.severity is Severity.ERROR]
    for error in errors:
        click.echo(str(error), err=True)
    if errors:
        raise CommandFailed(f"{path} is not what the API server would accept", "Mend what is named above.")
    if len(ours) != 1:
        names = ", ".join(str(one.content["metadata"]["name"]) for one in ours)
        there = f"{len(ours)} ({names})" if ours else "none"
        raise CommandFailed(f"one ModelRollout is needed, and {path} has {there}", "Put it into a file of its own.")
    rollout = parse_rollout(ours[0].content)
    try:
        return rollout.model_copy(update={"spec": resolve(rollout.spec, rollout.metadata.name, shelf)})
    except MissingTemplate as error:
        raise CommandFailed(str(error), f"Put the template into {path} too, after a line with ---.") from None
