"""Warnings about single metrics."""

import math
import re
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum

from pydantic.alias_generators import to_camel

from modelrollout.api import (
    HistogramUnit,
    LatencyMetric,
    Metric,
    Model,
    ProportionMetric,
    Series,
    ThresholdMetric,
)

_CLIENT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_ENVOY_BUCKETS = (0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600, 1800, 3600)
"""Bounds in seconds of the Prometheus client libraries' default buckets, and of Envoy's."""

_LABELS = {Series.PODS: "pod", Series.VERSION: "version", Series.SERVICE: "service", Series.WORKLOAD: "workload"}
_MATCHER = re.compile(r"""([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""")

Matchers = frozenset[tuple[str, str, str]]


def metric_advice(metric: Metric) -> Iterator[tuple[str, str]]:
    """Warnings about a metric: the field within it, and the message."""
    if metric.proportion is not None:
        yield from _proportion(metric.proportion)
    if metric.latency is not None:
        yield from _latency(metric.latency)
    if metric.threshold is not None:
        yield from _threshold(metric.threshold)
    if metric.margin is not None and metric.margin.ratio is not None and metric.margin.floor == 0:
        yield ".margin.floor", "with a floor of 0 a service without bad answers can never pass: nothing shows its ratio"
    for field, selector in _selectors(metric):
        yield from _doubled(metric.series, field, selector)


def _proportion(metric: ProportionMetric) -> Iterator[tuple[str, str]]:
    if metric.total is None:
        return
    part = "bad" if metric.bad is not None else "good"
    counted = metric.bad or metric.good or ""
    (name, matchers), (total_name, total_matchers) = _split(counted), _split(metric.total)
    if name != total_name:
        return
    if matchers == total_matchers:
        yield ".proportion", f"{part} and total are the same counter: the share is always 100%"
    elif missing := total_matchers - matchers:
        label = min(missing)[0]
        if not any(one == label for one, _, _ in matchers):
            yield (
                f".proportion.{part}",
                f"total is narrowed by {label} and {part} is not: {part} counts answers that total leaves out",
            )


def _latency(metric: LatencyMetric) -> Iterator[tuple[str, str]]:
    name = metric.histogram.partition("{")[0].strip()
    milliseconds = metric.unit == HistogramUnit.MILLISECONDS
    if not milliseconds and re.search(r"(_ms|_milliseconds)$|^envoy_.*_time$", name):
        yield ".latency.unit", f"{name} counts in milliseconds by its name: set unit: Milliseconds"
    if milliseconds and name.endswith("_seconds"):
        yield ".latency.unit", f"{name} counts in seconds by its name: leave unit out"
    usual = _ENVOY_BUCKETS if milliseconds else _CLIENT_BUCKETS
    above = metric.above.total_seconds()
    if not any(math.isclose(above, bound) for bound in usual):
        below = max((bound for bound in usual if bound < above), default=None)
        over = min((bound for bound in usual if bound > above), default=None)
        near = " and ".join(_duration(bound) for bound in (below, over) if bound is not None)
        yield (
            ".latency.above",
            f"this must be the bound of a bucket, and is none of the usual ones; the nearest of those: {near}",
        )


def _threshold(metric: ThresholdMetric) -> Iterator[tuple[str, str]]:
    if "{{" not in metric.query:
        yield ".threshold.query", 'nothing in it names the candidate: narrow it, for example with pod=~"{{pods}}"'


def _selectors(metric: Metric) -> Iterator[tuple[str, str]]:
    """Every selector of a metric, with its field: all its texts but the query, which binds itself."""
    if metric.compared:
        yield from _texts(f".{metric.kind}", getattr(metric, metric.kind))


def _texts(field: str, part: Model) -> Iterator[tuple[str, str]]:
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, Model):
            yield from _texts(f"{field}.{to_camel(name)}", value)
        elif isinstance(value, str) and not isinstance(value, Enum):
            yield f"{field}.{to_camel(name)}", value


def _doubled(series: Series, field: str, selector: str) -> Iterator[tuple[str, str]]:
    added = {"namespace", _LABELS.get(series, "namespace")}
    for label in sorted({label for label, _, _ in _split(selector)[1]} & added):
        yield field, f"the operator adds the matcher on {label} itself: leave it out, or it may match neither version"


def _split(selector: str) -> tuple[str, Matchers]:
    name, _, inside = selector.partition("{")
    found = frozenset((label, operator, text[1:-1]) for label, operator, text in _MATCHER.findall(inside))
    return name.strip(), found


def _duration(seconds: float) -> str:
    from modelrollout.api import format_duration

    return format_duration(timedelta(seconds=seconds))
