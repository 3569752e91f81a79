"""What can come of a call to the API server, apart from success.

KubeError
├── NotFound            there is no such object (or no such kind)
├── AlreadyExists       an object of that name is there
├── Conflict            a precondition failed: what the write was made from is out of date
├── Gone                the resourceVersion to watch from is too old: list again
├── Forbidden           the operator lacks a right; the message names it
│   └── Terminating     the namespace is going away: nothing new may be made in it
├── Rejected            the API server finds the request itself wrong
├── NotLeading          nothing was sent: this process may not write (any more)
└── Unavailable         not now: try again later
    └── OutcomeUnknown  a write was sent, and whether it took effect is not known: read before the next one
"""

# ruff: noqa: N818 - named for what happened, as all leaves of the tree

import json
from typing import Any

from modelrollout.errors import ModelRolloutError


class KubeError(ModelRolloutError):
    """Root of the errors of this room.

    Attributes:
        status: HTTP status, 0 when there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotFound(KubeError):
    """There is no such object, or no such kind."""


class AlreadyExists(KubeError):
    """An object of that name is there already."""


class Conflict(KubeError):
    """A precondition failed: the object has changed since it was read."""


class Gone(KubeError):
    """The resourceVersion to go on from is too old."""


class Forbidden(KubeError):
    """The operator has no right to do this."""


class Terminating(Forbidden):
    """The namespace is going away, and all that is in it: nobody may make anything new there."""


class Rejected(KubeError):
    """The API server finds the request itself wrong; sending it again is of no use."""


class NotLeading(KubeError):
    """Nothing was sent, because this process is not, or no longer surely, the leader."""


class Unavailable(KubeError):
    """The API server cannot do it now.

    Attributes:
        retry_after: seconds the server asks to wait, None when it does not say.
    """

    def __init__(self, message: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class OutcomeUnknown(Unavailable):
    """A write was sent and no answer tells whether it took effect."""


def error_of(status: int, body: bytes, what: str, *, write: bool, retry_after: float | None = None) -> KubeError:
    """The error that an answer with this HTTP status and body stands for; `what` names the call for people."""
    document = _document(body)
    text = f"{what}: {document.get('message') or status}"
    match status:
        case 404:
            return NotFound(text, status)
        case 409 if document.get("reason") == "AlreadyExists":
            return AlreadyExists(text, status)
        case 409 | 412:
            return Conflict(text, status)
        case 410:
            return Gone(text, status)
        case 401 | 403:
            return (Terminating if _terminating(document) else Forbidden)(text, status)
        case 429:
            return Unavailable(text, status, retry_after)
        case 422 if _failed_test(document):
            return Conflict(text, status)
        case _ if status >= 500:
            return (OutcomeUnknown if write else Unavailable)(text, status, retry_after)
        case _:
            return Rejected(text, status)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {"message": body[:200].decode(errors="replace")}
    return document if isinstance(document, dict) else {}


def _terminating(document: dict[str, Any]) -> bool:
    causes = (document.get("details") or {}).get("causes") or []
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _failed_test(document: dict[str, Any]) -> bool:
    """Whether a JSON patch did not fit the object: in ours that is a failed `test`, for each begins with one.

    The API server (1.34) answers that with reason Invalid and empty details, without naming the operation. When it is
    the patched object that it refuses, the details name object or causes.
    """
    return document.get("reason") == "Invalid" and not document.get("details")
