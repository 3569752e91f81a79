"""`simulate`: what a policy would do with a candidate, before anybody applies it."""

import sys

import click

from modelrollout.cli.exits import EXIT_CODES, Exit
from modelrollout.cli.options import SPAN, output_option
from modelrollout.cli.output import console, emit
from modelrollout.cli.simulate.values import Named, NamedValue, by_name

_NAMED = NamedValue()


@click.command("simulate", epilog=EXIT_CODES)
@click.option("file", "-f", "--filename", required=True, metavar="FILE", help="The ModelRollout; - for standard input.")
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    required=True,
    metavar="N",
    help="Requests per second of both versions together.",
)
@click.option(
    "stable",
    "--stable",
    type=_NAMED,
    multiple=True,
    metavar="NAME=VALUE",
    help="What the stable version truly shows in a metric: a share (errors=0.02), events per request, or for a mean "
    "MEAN:DEVIATION. May be repeated.",
)
@click.option(
    "candidate",
    "--candidate",
    type=_NAMED,
    multiple=True,
    metavar="NAME=VALUE",
    help="The same of the candidate. Default: like the stable version.",
)
@click.option("--bad-after", type=SPAN, default="0s", help="The candidate is like stable for so long first, as 2h.")
@click.option("--runs", type=click.IntRange(10, 100_000), default=1000, show_default=True, help="Rollouts to simulate.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed, the same numbers.")
@click.option("--scrape", type=SPAN, default="15s", show_default=True, help="How often Prometheus scrapes a pod.")
@click.option(
    "--dispersion",
    type=click.FloatRange(1, 1000),
    help="Where the spec has Auto: how much more counts scatter than independent requests. Default: 2, as without "
    "history.",
)
@click.option("--power", is_flag=True, help="Say too how many answers each metric needs by itself, at equal weights.")
@click.option("--only", is_flag=True, help="Only this candidate: do not try an equal one and one at each margin.")
@output_option()
def command(
    file: str,
    rate: float,
    stable: tuple[Named, ...],
    candidate: tuple[Named, ...],
    bad_after: float,
    runs: int,
    seed: int,
    scrape: float,
    dispersion: float | None,
    power: bool,
    only: bool,
    output: str | None,
) -> int:
    """What will this policy do with a candidate, before anybody applies it?

    Simulates whole rollouts with the operator's own tests, gates and clock: how often each ends how, when, at which
    weight a bad model stops, and how many bad answers users get until then. Beside it, how often the policy errs: takes
    back an equal candidate, or promotes one that is just at a margin. Says which gate cannot open in time, and what
    would open it. Metrics of which nothing is said are taken to be typical, and equal on both sides.
    """
    if not scrape > 0:
        raise click.UsageError("--scrape must be above 0s")
    from modelrollout.cli.manifest import one_rollout
    from modelrollout.cli.progress import Progress
    from modelrollout.cli.simulate.document import document
    from modelrollout.cli.simulate.picture import picture
    from modelrollout.cli.simulate.run import Asked, simulate
    from modelrollout.rehearsal.simulation.plan import Traffic

    asked = Asked(
        stable=by_name("--stable", stable),
        candidate=by_name("--candidate", candidate),
        traffic=Traffic(rate, scrape, dispersion, bad_after),
        runs=runs,
        seed=seed,
        power=power,
        errors=not only,
    )
    rollout = one_rollout(file, sys.stdin)
    done = simulate(rollout, asked, Progress())
    if output:
        emit(document(rollout, asked, done), output)
    else:
        console().print(picture(rollout, asked, done))
    return Exit.OK
