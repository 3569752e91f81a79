"""The sidecar in front of a model server without a logger: bytes go through as they are, events to the collector."""

from modelrollout.tap.process import run

__all__ = ["run"]
