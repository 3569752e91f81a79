"""`lint`: check manifests without a cluster."""

import sys

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.output import FORMATS, emit

_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}


@click.command("lint", epilog=EXIT_CODES)
@click.option(
    "files",
    "-f",
    "--filename",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A file, a folder, or - for standard input; may be repeated.",
)
@click.option(
    "rps",
    "--rate",
    "--rps",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Requests per second of all versions together: gates are checked against the clock too.",
)
@click.option(
    "address",
    "--prometheus",
    metavar="ADDRESS",
    help="Say too which series the metrics do not find in this Prometheus now.",
)
@click.option("--namespace", "-n", metavar="NS", help="With --prometheus. Default: that of the manifest.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option("output", "-o", "--output", type=click.Choice(FORMATS), help="Findings as JSON or YAML.")
def command(
    files: tuple[str, ...],
    rps: float | None,
    address: str | None,
    namespace: str | None,
    strict: bool,
    output: str | None,
) -> int:
    """Check manifests without a cluster.

    Errors are what the API server would refuse, in its own words; warnings are what it would accept but is
    unlikely to be meant: gates that cannot open in time, metrics that cannot mean what they say. Documents of
    other kinds are passed over.
    """
    from modelrollout.cli.lint import Severity, check, read
    from modelrollout.cli.lint.check import concerns_us
    from modelrollout.cli.lint.templates import FileShelf

    documents, findings = read(files, sys.stdin)
    ours = [document for document in documents if concerns_us(document)]
    if namespace and not address:
        raise click.UsageError("--namespace goes with --prometheus")
    shelf = FileShelf(documents)
    for document in ours:
        found = list(check(document, shelf, rps))
        findings += found
        if address and not any(one.severity is Severity.ERROR for one in found):
            from modelrollout.cli.lint.series import series_findings

            findings += series_findings(document, shelf, address, namespace)
    findings.sort(key=lambda one: (one.file, one.line, one.column))
    errors = sum(one.severity is Severity.ERROR for one in findings)
    warnings = sum(one.severity is Severity.WARNING for one in findings)
    if output:
        emit(
            {
                "checked": len(ours),
                "errors": errors,
                "warnings": warnings,
                "findings": [
                    {
                        "file": one.file,
                        "line": one.line,
                        "column": one.column,
                        "severity": str(one.severity),
                        "field": one.field,
                        "message": one.message,
                    }
                    for one in findings
                ],
            },
            output,
        )
    else:
        for one in findings:
            place, _, text = str(one).partition(f"{one.severity}: ")
            click.echo(place + click.style(f"{one.severity}: ", fg=_COLOURS[one.severity]) + text)
        click.echo(_summary(len(ours), len(documents) - len(ours), errors, warnings))
    return Exit.ERROR if errors or (strict and warnings) else Exit.OK


def _summary(checked: int, passed_over: int, errors: int, warnings: int) -> str:
    others = f" ({_counted(passed_over, 'document')} of other kinds passed over)" if passed_over else ""
    return (
        f"{_counted(checked, 'document')} checked{others}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
