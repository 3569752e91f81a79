"""What came back for a request: from which version, and whether it was any good."""

import json
import re
from dataclasses import dataclass
from enum import Enum

UNKNOWN = "unknown"
"""Version of an answer that no model server gave: the gateway's own errors, and requests without an answer."""

# How an error of our model servers begins, as a body {"error": "<model> <version>: <what>"} or as details of a status.
_BLAMED = re.compile(r"^digits (\S+): ")


class Kind(Enum):
    """What an answer was worth to the user who got it."""

    RIGHT = 0
    WRONG = 1
    FAILED = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as its user saw it.

    Args:
        sent: when the request was sent, in seconds since the epoch.
        seconds: how long the user waited.
        version: which version answered, from the answer itself, or `unknown`.
        code: HTTP status, or `timeout` or `broken` where there was none.
        kind: right or wrong digit, or no digit at all.
        why: of a failed answer: the beginning of its body, or what broke.
        country: of the user.
    """

    sent: float
    seconds: float
    version: str
    code: str
    kind: Kind
    why: str = ""
    country: str = ""

    @property
    def received(self) -> float:
        """When the user had the answer, in seconds since the epoch."""
        return self.sent + self.seconds


def judge(status: int, body: bytes, truth: int) -> tuple[str, Kind]:
    """The version that gave this answer, and what it was worth.

    Args:
        status: of HTTP.
        body: a V2 inference response, or an error.
        truth: the digit that the scan shows.
    """
    try:
        content = json.loads(body)
    except ValueError:
        return UNKNOWN, Kind.FAILED
    if not isinstance(content, dict):
        return UNKNOWN, Kind.FAILED
    if status != 200:
        return blamed(str(content.get("error", ""))), Kind.FAILED
    version = str(content.get("model_version") or UNKNOWN)
    try:
        digit = content["outputs"][0]["data"][0]
    except (KeyError, IndexError, TypeError):
        return version, Kind.FAILED
    return version, Kind.RIGHT if digit == truth else Kind.WRONG


def blamed(error: str) -> str:
    """The version that an error names as the one that it comes from."""
    named = _BLAMED.match(error)
    return named.group(1) if named else UNKNOWN
