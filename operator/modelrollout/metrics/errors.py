"""What can come of a question to Prometheus, apart from an answer.

    PrometheusError
    ├── Unreachable         no answer that could be read: refused, cut off, not a Prometheus, or not allowed in
    │   ├── TimedOut        nothing, or not all of it, came in time
    │   └── NotPrometheus   something answered that does not speak Prometheus' API
    ├── AddressRefused      the operator's settings do not allow this address: nothing was sent
    ├── QueryRefused        Prometheus understood, and refused or failed to evaluate the query
    ├── TooLarge            the answer is larger than the operator is willing to hold
    └── BadQuery            the query cannot be built from what the spec says: nothing was sent

Every message is a sentence for the person who reads the rollout's status; none carries credentials.
"""

from modelrollout.errors import ModelRolloutError


class PrometheusError(ModelRolloutError):
    """Root of the errors of this room.

    Attributes:
        reason: one CamelCase word for status and findings.
    """

    reason = "QueryFailed"


class Unreachable(PrometheusError):  # noqa: N818 - named for what is wrong, as all leaves
    """No answer that could be read; another query would most likely fare the same."""

    reason = "Unreachable"


class TimedOut(Unreachable):
    """Nothing, or not all of it, came in time."""

    reason = "TimedOut"


class NotPrometheus(Unreachable):
    """Something answered, but not in the form of Prometheus' API."""

    reason = "NotPrometheus"


class AddressRefused(PrometheusError):  # noqa: N818 - named for what is wrong, as all leaves
    """The address is not one that the operator may ask."""

    reason = "AddressRefused"


class QueryRefused(PrometheusError):  # noqa: N818 - named for what is wrong, as all leaves
    """Prometheus refused the query, or failed to evaluate it."""


class TooLarge(PrometheusError):  # noqa: N818 - named for what is wrong, as all leaves
    """The answer exceeds the size that is read."""

    reason = "AnswerTooLarge"


class BadQuery(PrometheusError):  # noqa: N818 - named for what is wrong, as all leaves
    """The spec leads to no query that may be sent."""

    reason = "BadQuery"
