"""Why something that was sent is not taken, in one word for counters and one sentence for the sender."""

from modelrollout.errors import ModelRolloutError


class Refused(ModelRolloutError):  # noqa: N818 - named for what happened
    """One event, label, signal or heartbeat is not taken.

    Attributes:
        reason: a word for the counter.
        message: what is wrong and what to do. It never quotes what was sent: that may be personal.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Busy(ModelRolloutError):  # noqa: N818 - named for what happened
    """Nothing more can be taken at the moment: the sender should come again.

    Attributes:
        reason: a word for the counter.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
