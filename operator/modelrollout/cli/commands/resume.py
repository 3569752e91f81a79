"""`resume`: end all pauses by command."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("resume")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """End all pauses by command, and go on.

    It cannot end a pause that stands in spec.paused: that one belongs to whoever writes the manifest.
    """
    return ask(target, rollout, "Resume", asked)
