"""`retry`: start a new attempt of a target that was rejected."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("retry")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """Start a new attempt of a target that was rolled back, aborted or undone."""
    return ask(target, rollout, "Retry", asked)
