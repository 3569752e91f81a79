"""The collector: joins predictions with late labels and with a shadow's answers, and counts for Prometheus."""

from modelrollout.collector.engines import StoreUnavailable
from modelrollout.collector.process import run
from modelrollout.collector.reading import telemetry_problem
from modelrollout.collector.settings import Settings

__all__ = ["Settings", "StoreUnavailable", "run", "telemetry_problem"]
