"""Exit codes that scripts can rely on, and the one error that carries such a code to the shell."""

from enum import IntEnum

from modelrollout.errors import ModelRolloutError


class Exit(IntEnum):
    """What the exit code of every command means."""

    OK = 0
    ERROR = 1
    USAGE = 2
    ROLLED_BACK = 3
    TIMEOUT = 4
    REFUSED = 5
    INTERRUPTED = 130


EXIT_CODES = """\b
Exit codes:
  0    done; wait: the rollout reached what was waited for
  1    error: no access, not found, a file that lint refuses, a rollout that cannot go on
  2    wrong usage of the command line
  3    wait: the rollout was rolled back or aborted
  4    no answer within --timeout
  5    the operator refused the command, and said why
"""
"""The same for the end of a help text; `\b` keeps click from filling the lines."""


class CommandFailed(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """A command cannot do what was asked.

    Attributes:
        message: what is wrong, in a sentence.
        hint: what to do about it, empty when there is nothing to add.
        code: exit code of the process.
    """

    def __init__(self, message: str, hint: str = "", code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
