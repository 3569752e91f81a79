"""`approve`: let a step that awaits approval be left."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("approve")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """Let a step that awaits approval be left.

    It is refused while anything else is missing: approval does not replace the hold or the evidence.
    """
    return ask(target, rollout, "Approve", asked)
