"""`promote`: go on to the next step, or straight to the end."""

import click

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command

_FULL = click.option("--full", is_flag=True, help="All traffic at once, even while verdicts are Inconclusive.")


@verb_command("promote", _FULL)
def command(target: Target, rollout: str, asked: Asked, full: bool) -> int:
    """Go on to the next step without waiting for the hold and the samples of this one.

    It never goes over a verdict that failed, never to a version that is not ready, and leaves the last step only
    when that has passed. With --full the candidate gets all traffic at once, even while verdicts are
    Inconclusive or a goal is not reached; the outcome is recorded as Forced.
    """
    return ask(target, rollout, "Promote", asked, **({"full": True} if full else {}))
