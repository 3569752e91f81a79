"""What a tap counts about itself, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Figures:
    """The tap's own metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "modelrollout_tap_requests", "Requests that were followed, by class of their answer.", ["code_class"],
            registry=registry,
        )  # fmt: skip
        self.events = Counter("modelrollout_tap_events", "Events written.", registry=registry)
        self.delivered = Counter(
            "modelrollout_tap_delivered", "Events that the collector has acknowledged.", registry=registry
        )
        self.dropped = Counter(
            "modelrollout_tap_dropped", "Events that the collector will never get, by why.", ["reason"],
            registry=registry,
        )  # fmt: skip
        self.omitted = Counter(
            "modelrollout_tap_omitted", "Requests without events, and bodies and ids left out of them, by why.",
            ["reason"], registry=registry,
        )  # fmt: skip
        self.blind = Counter(
            "modelrollout_tap_unread_connections", "Connections passed through without events, by why.", ["reason"],
            registry=registry,
        )  # fmt: skip
        self.failures = Counter(
            "modelrollout_tap_delivery_failures", "Deliveries that are tried again.", registry=registry
        )
        self.seconds = Histogram("modelrollout_tap_delivery_seconds", "Duration of deliveries.", registry=registry)
        self.pending = Gauge("modelrollout_tap_pending", "Events that wait for the collector.", registry=registry)
        self.connections = Gauge("modelrollout_tap_connections", "Open connections of callers.", registry=registry)
        self.server_connections = Gauge(
            "modelrollout_tap_server_connections", "Open connections to the model server.", registry=registry
        )
        for reason in ("queue_full", "refused", "ended"):
            self.dropped.labels(reason)
        for code_class in ("2xx", "4xx", "5xx"):
            self.requests.labels(code_class)
