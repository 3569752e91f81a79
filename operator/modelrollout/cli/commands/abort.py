"""`abort`: give all traffic back to the stable version."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("abort")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """Give all traffic back to the stable version, at once, and reject the candidate.

    The rejected revision is not tried again until its model changes or somebody asks for a retry.
    """
    return ask(target, rollout, "Abort", asked)
