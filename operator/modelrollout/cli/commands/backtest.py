"""`backtest`: what a policy would have decided over recorded samples."""

import sys
from typing import TYPE_CHECKING

import click

from modelrollout.cli.backtest.moments import MOMENT
from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.options import output_option
from modelrollout.cli.output import console, emit

if TYPE_CHECKING:
    from modelrollout.rehearsal.replay.result import Ending


@click.command("backtest", epilog=EXIT_CODES)
@click.option("file", "-f", "--filename", required=True, metavar="FILE", help="The ModelRollout; - for standard input.")
@click.option("--data", metavar="FILE", help="Recorded samples, one JSON object per line; - for standard input.")
@click.option("address", "--from-prometheus", metavar="ADDRESS", help="Take the samples from this Prometheus instead.")
@click.option("--start", type=MOMENT, help="With --from-prometheus: the first moment, as RFC 3339 or in seconds.")
@click.option("--end", type=MOMENT, help="With --from-prometheus: the last moment.")
@click.option("--namespace", "-n", metavar="NS", help="With --from-prometheus. Default: that of the manifest.")
@click.option("--write-samples", metavar="FILE", help="With --from-prometheus: keep the samples, for --data.")
@click.option("--candidate", metavar="VERSION", help="The version on trial. Default: the target.")
@click.option(
    "--stable", metavar="VERSION", help="The version it is compared with. Default: initialStable, or the other."
)
@click.option(
    "--since", type=MOMENT, help="When the candidate got its first weight. Default: its first sample (from --start on)."
)
@click.option("--approve", is_flag=True, help="Approve each step that waits for a person, as soon as it does.")
@click.option("--pass-over", is_flag=True, help="Pass over lines of metrics and versions that the manifest has not.")
@click.option(
    "--expect",
    type=click.Choice(["Promoted", "RolledBack", "Reported", "Held"]),
    help="Exit with 3 or 1 when it ends otherwise, as wait does.",
)
@output_option()
def command(
    file: str,
    data: str | None,
    address: str | None,
    start: float | None,
    end: float | None,
    namespace: str | None,
    write_samples: str | None,
    candidate: str | None,
    stable: str | None,
    since: float | None,
    approve: bool,
    pass_over: bool,
    expect: str | None,
    output: str | None,
) -> int:
    """What would this policy have decided over recorded samples, and when?

    The decisions are those of the operator itself, on a clock that follows the samples: every version is taken to be
    ready, and traffic to move at once. The samples' own traffic split is not the policy's, so the share that the
    candidate answered is not judged, and step weights change nothing in the data.
    """
    _check_sources(data, address, start, end, file, write_samples, namespace)
    from modelrollout.cli.backtest.document import document
    from modelrollout.cli.backtest.picture import picture
    from modelrollout.cli.backtest.run import Asked, backtest
    from modelrollout.cli.backtest.sources import from_file
    from modelrollout.cli.manifest import one_rollout
    from modelrollout.cli.progress import Progress

    rollout, progress = one_rollout(file, sys.stdin), Progress()
    asked = Asked(candidate=candidate, stable=stable, since=since, start=start, approve=approve)
    if data is not None:
        samples = from_file(data, rollout, progress, strangers=pass_over)
    else:
        from modelrollout.cli.backtest.server import from_prometheus

        assert address is not None and start is not None and end is not None  # noqa: S101, PT018 - checked above
        samples = from_prometheus(address, start, end, namespace, rollout, asked, write_samples, progress)
    done = backtest(rollout, samples.recording, asked, progress)
    if output:
        emit(document(rollout, samples, done), output)
    else:
        console().print(picture(rollout, samples, done))
    return Exit.OK if expect is None or expect == done.ending else _differs(done.ending)


def _differs(ending: "Ending") -> Exit:
    return Exit.ROLLED_BACK if ending == "RolledBack" else Exit.ERROR


def _check_sources(
    data: str | None,
    address: str | None,
    start: float | None,
    end: float | None,
    file: str,
    write_samples: str | None,
    namespace: str | None,
) -> None:
    """See that exactly one source is named, with what belongs to it."""
    if (data is None) == (address is None):
        raise click.UsageError("say where the samples come from: --data FILE, or --from-prometheus ADDRESS")
    if data == "-" and file == "-":
        raise click.UsageError("standard input can be the manifest or the samples, not both")
    if address is None and not (start is None and end is None and write_samples is None and namespace is None):
        raise click.UsageError("--start, --end, --namespace and --write-samples go with --from-prometheus")
    if address is not None and (start is None or end is None or start >= end):
        raise click.UsageError("--from-prometheus needs --start and --end, and the end after the start")
