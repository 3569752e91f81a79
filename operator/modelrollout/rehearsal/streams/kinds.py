"""Which stream belongs to which kind of metric: one line each."""

from collections.abc import Mapping

from modelrollout.api import Metric
from modelrollout.rehearsal.streams.distributions import DistributionStream
from modelrollout.rehearsal.streams.quantities import MeanStream, RateStream
from modelrollout.rehearsal.streams.shares import AgreementStream, QuantileStream, ShareStream
from modelrollout.rehearsal.streams.stream import InvalidValue, Stream, Value

_STREAMS: Mapping[str, type[Stream]] = {
    "proportion": ShareStream,
    "latency": ShareStream,
    "quantile": QuantileStream,
    "agreement": AgreementStream,
    "rate": RateStream,
    "mean": MeanStream,
    "distribution": DistributionStream,
}


def stream_of(metric: Metric) -> type[Stream]:
    """The stream of a metric's kind.

    Raises:
        InvalidValue: there is none yet.
    """
    found = _STREAMS.get(metric.kind)
    if found is None:
        raise InvalidValue(f"{metric.name} is a {metric.kind}, which cannot be simulated yet")
    return found


def typical_of(metric: Metric) -> Value:
    """What both versions are taken to be where nothing is said; InvalidValue where something must be."""
    return stream_of(metric).typical(metric)
