"""`pause`: stay at the present weight."""

from modelrollout.cli.target import Target
from modelrollout.cli.verb import Asked, ask, verb_command


@verb_command("pause")
def command(target: Target, rollout: str, asked: Asked) -> int:
    """Stay at the present weight until somebody resumes.

    Guardrails stay on: a candidate that fails is rolled back while paused, too. The progress deadline stands still.
    """
    return ask(target, rollout, "Pause", asked)
