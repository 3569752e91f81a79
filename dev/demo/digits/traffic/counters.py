"""The counters that Prometheus scrapes: requests and waits as they happen, outcomes at their fixed age."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from .answers import Answer
from .journal import Journal

WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper bounds of the latency histogram's buckets, in seconds."""


class Counters:
    """Everything that the client tells Prometheus.

    Args:
        versions: whose series are there, at zero, from the start: a counter that first appears at 1 hides one event,
            and one that never appears cannot be told from a broken one.
        label_age: seconds from sending a request to the publication of its outcome.
        clock: seconds since the epoch.
        prefix: how the names of all metrics begin, so that users of several rollouts are told apart.
    """

    def __init__(
        self, versions: Iterable[str], label_age: float, clock: Callable[[], float], prefix: str = "model"
    ) -> None:
        self._clock = clock
        self._registry = CollectorRegistry()
        self._requests = Counter(
            f"{prefix}_requests", "Requests by who answered and how.", ["version", "code"], registry=self._registry
        )
        self._seconds = Histogram(
            f"{prefix}_request_duration_seconds",
            "How long users waited for an answer.",
            ["version"],
            buckets=WAITS,
            registry=self._registry,
        )
        self._outcomes = Counter(
            f"{prefix}_outcomes",
            f"Predictions whose true label is known, {label_age:g} s after the request.",
            ["version", "correct"],
            registry=self._registry,
        )
        self._skipped = Counter(
            f"{prefix}_requests_skipped", "Requests not sent, because too many were waiting.", registry=self._registry
        )
        self.journal = Journal(label_age, self._publish)
        self._known: set[str] = set()
        for version in versions:
            self._appear(version)

    def count(self, answer: Answer) -> None:
        """Count an answer that a user just got."""
        self._appear(answer.version)
        self._requests.labels(answer.version, answer.code).inc()
        self._seconds.labels(answer.version).observe(answer.seconds)
        self.journal.add(answer)

    def skip(self) -> None:
        """Count a request that was due but not sent."""
        self._skipped.inc()

    def exposition(self) -> bytes:
        """The text that Prometheus reads, with all outcomes that are of age at this moment."""
        self.journal.publish_until(self._clock())
        return generate_latest(self._registry)

    def _publish(self, version: str, right: bool) -> None:
        self._outcomes.labels(version, "true" if right else "false").inc()

    def _appear(self, version: str) -> None:
        if version in self._known:
            return
        self._known.add(version)
        self._seconds.labels(version)
        for code in ("200", "500"):
            self._requests.labels(version, code)
        for correct in ("true", "false"):
            self._outcomes.labels(version, correct)
