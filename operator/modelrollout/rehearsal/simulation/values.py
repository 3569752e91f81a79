"""Which true values are simulated: those that were given, and typical ones for metrics of which nothing is said."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.rehearsal.streams.kinds import stream_of, typical_of
from modelrollout.rehearsal.streams.stream import InvalidValue, Stream, Value

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Versions:
    """Both versions in a plan's terms.

    Attributes:
        streams: of the metrics that compare versions, in the spec's order.
        fixed: the candidate's value of each threshold, in the spec's order; None: within its bounds.
        assumed: names of the metrics of which nothing was said.
    """

    streams: tuple[Stream, ...]
    fixed: tuple[float | None, ...]
    assumed: tuple[str, ...]

    @property
    def tested(self) -> bool:
        """Whether only tests can fail: no threshold is given a value that may."""
        return bool(self.streams) and all(value is None for value in self.fixed)

    def with_candidate(self, values: Values) -> "Versions":
        """The same with a candidate that is like stable in all but these metrics, thresholds included."""
        streams = tuple(
            type(one)(one.metric, one.stable, values.get(one.metric.name, one.stable)) for one in self.streams
        )
        return replace(self, streams=streams, fixed=(None,) * len(self.fixed))


def versions_of(spec: ModelRolloutSpec, stable: Values, candidate: Values) -> Versions:
    """Check the values and fill in the others.

    Args:
        spec: whose metrics they are.
        stable: stable's true values by the metric's name.
        candidate: the candidate's; where one is missing it is like stable.

    Raises:
        InvalidValue: a name that is no metric, or a value that the metric cannot have.
    """
    names = [metric.name for metric in spec.metrics]
    for name in (*stable, *candidate):
        if name not in names:
            raise InvalidValue(f"there is no metric {name}: the metrics are {', '.join(names) or 'none at all'}")
    streams, fixed, assumed = [], [], []
    for metric in spec.metrics:
        if metric.threshold is not None:
            fixed.append(_fixed(metric, stable, candidate))
            continue
        if metric.name not in stable and metric.name not in candidate:
            assumed.append(metric.name)
        elif metric.name not in stable and stream_of(metric).needs_stable:
            raise InvalidValue(f"say what stable shows too: --stable {metric.name}=...")
        usual = stable.get(metric.name) or typical_of(metric)
        streams.append(stream_of(metric)(metric, usual, candidate.get(metric.name) or usual))
    return Versions(tuple(streams), tuple(fixed), tuple(assumed))


def _fixed(metric: Metric, stable: Values, candidate: Values) -> float | None:
    if metric.name in stable:
        raise InvalidValue(f"{metric.name} is a threshold and looks at the candidate alone: give --candidate only")
    value = candidate.get(metric.name)
    return None if value is None else value.level
