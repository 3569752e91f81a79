"""`undo`: after a promotion, back to the previous version."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("undo")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """After a promotion: give all traffic back to the previous version, in one write.

    It is refused when the previous version has no ready endpoint.
    """
    return ask(target, rollout, "Undo", asked)
