"""What the collector says about itself. These counters are the process's own and begin at 0 with it."""

from collections import Counter as Counts

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PREFIX = "modelrollout_collector"
_DROPPED = {"rollout": "rollout-gone", "empty": "empty-request"}


class Instruments:
    """Own metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            f"{_PREFIX}_events", "What was sent and taken, by kind.", ["kind", "result"], registry=registry
        )
        self.refused = Counter(
            f"{_PREFIX}_refused", "What was not taken, by reason; the sender was told.", ["reason"], registry=registry
        )
        self.dropped = Counter(
            f"{_PREFIX}_dropped", "What was taken and could not be counted, by reason.", ["reason"], registry=registry
        )
        self.unmatched = Counter(
            f"{_PREFIX}_unmatched", "What found no counterpart in time, by kind.", ["kind"], registry=registry
        )
        self.pending = Gauge(
            f"{_PREFIX}_pending", "Exchanges in the store that are not counted yet.", registry=registry
        )
        self.rows = Gauge(f"{_PREFIX}_rows", "Exchanges in the store.", registry=registry)
        self.bytes = Gauge(f"{_PREFIX}_store_bytes", "Size of the store's file, where it is one.", registry=registry)
        self.waiting = Gauge(f"{_PREFIX}_waiting", "Rows that wait to be kept.", registry=registry)
        self.rollouts = Gauge(f"{_PREFIX}_rollouts", "ModelRollouts that are known.", registry=registry)
        self.unusable = Gauge(
            f"{_PREFIX}_rollouts_unusable", "ModelRollouts whose telemetry cannot be used.", registry=registry
        )
        self.lag = Gauge(f"{_PREFIX}_lag_seconds", "Time since everything due was counted.", registry=registry)
        self.store_seconds = Histogram(
            f"{_PREFIX}_store_seconds",
            "Time to keep what waited, in one transaction.",
            buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=registry,
        )
        self.counting_errors = Counter(f"{_PREFIX}_counting_errors", "Failed turns of counting.", registry=registry)

    def saw_unmatched(self, kinds: Counts[str]) -> None:
        """Count what found no counterpart; what belongs to no rollout, or asked nothing, cannot be counted at all."""
        for kind, number in kinds.items():
            if kind in _DROPPED:
                self.dropped.labels(_DROPPED[kind]).inc(number)
            else:
                self.unmatched.labels(kind).inc(number)
