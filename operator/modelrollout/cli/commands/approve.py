"""`approve`: let a step that awaits approval be left."""

from modelrollout.cli.options import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("approve")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """Let a step that awaits approval be left.

    It is refused where nothing waits for approval. Approval does not replace evidence: the step is left when
    all else that it needs is there too.
    """
    return ask(target, rollout, "Approve", asked)
