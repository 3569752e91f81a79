"""`skip`: end the hold of the present step."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("skip")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """End the hold of the present step.

    The step is left as soon as its samples and verdicts allow it; only the clock is skipped.
    """
    return ask(target, rollout, "Skip", asked)
