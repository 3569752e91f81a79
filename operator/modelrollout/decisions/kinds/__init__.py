"""Kinds of metrics that compare two versions by counters: one module and one line here for each."""

from modelrollout.api import Metric
from modelrollout.decisions.kinds.agreement import AgreementKind
from modelrollout.decisions.kinds.distribution import DistributionKind
from modelrollout.decisions.kinds.kind import Kind, WantedCounter
from modelrollout.decisions.kinds.latency import LatencyKind
from modelrollout.decisions.kinds.mean import MeanKind
from modelrollout.decisions.kinds.paired import PairedKind
from modelrollout.decisions.kinds.proportion import ProportionKind
from modelrollout.decisions.kinds.quantile import QuantileKind
from modelrollout.decisions.kinds.rate import RateKind

_KINDS: dict[str, Kind] = {
    "proportion": ProportionKind(),
    "latency": LatencyKind(),
    "quantile": QuantileKind(),
    "rate": RateKind(),
    "mean": MeanKind(),
    "distribution": DistributionKind(),
    "agreement": AgreementKind(),
    "paired": PairedKind(),
}

__all__ = ["Kind", "WantedCounter", "kind_of"]


def kind_of(metric: Metric) -> Kind | None:
    """The kind of a metric; None for one that compares no versions, or that cannot be judged yet."""
    return _KINDS.get(metric.kind)
