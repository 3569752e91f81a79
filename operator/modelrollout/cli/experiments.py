"""The experiment file that a command is given."""

from typing import IO, Any

import click

from modelrollout.assignment import Plan
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.lint import Document, Finding, Severity, read
from modelrollout.errors import InvalidSpec
from modelrollout.experiments import parse_experiments


def read_plan(path: str, stdin: IO[str]) -> Plan:
    """The experiments of a file.

    Args:
        path: a file, or - for standard input.
        stdin: standard input.

    Raises:
        CommandFailed: it cannot be read, or is no experiment file; what is wrong was printed with its line.
    """
    documents, findings = read((path,), stdin)
    findings += [each for document in documents for each in document.repeated]
    if len(documents) != 1 and not findings:
        raise CommandFailed(f"one experiment file is needed, and {path} has {len(documents)} documents")
    plan = None if findings else _plan(documents[0], findings)
    for each in findings:
        click.echo(str(each), err=True)
    if plan is None:
        raise CommandFailed(f"{path} is no experiment file that can be asked", "Mend what is named above.")
    return plan


def _plan(document: Document, findings: list[Finding]) -> Plan | None:
    content: Any = document.content
    try:
        return parse_experiments(content).plan()
    except InvalidSpec as error:
        findings.append(document.finding(Severity.ERROR, error.field, error.message))
        return None
