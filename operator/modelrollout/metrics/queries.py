"""From a metric of the spec to the queries that answer it, and from their answers to samples."""

import math
from collections.abc import Iterable, Mapping

from modelrollout.api import Metric
from modelrollout.decisions.analysis.samples import CounterSamples, Sample, Trouble, ValueSample
from modelrollout.decisions.kinds import WantedCounter, kind_of
from modelrollout.decisions.kinds.bounds import bound_of, is_bound
from modelrollout.decisions.questions import Question
from modelrollout.metrics.answers import Answer, Range
from modelrollout.metrics.buckets import bound_pattern, nearest
from modelrollout.metrics.errors import BadQuery
from modelrollout.metrics.placeholders import substitute
from modelrollout.metrics.selectors import Matcher, Selector, parse_selector
from modelrollout.metrics.targets import VersionFinder, address_of, matchers_of, process_of, version_finder
from modelrollout.stats import CounterSeries

_PAST = "150m"  # 24 blocks of five minutes must be usable


def counter_queries(metric: Metric, question: Question, seconds: float) -> dict[str, str]:
    """The queries of a metric that compares, by the counter's name: raw samples of both versions at once.

    Args:
        metric: a metric that compares.
        question: says which namespace and versions it is bound to.
        seconds: how far back samples are wanted.

    Raises:
        BadQuery: a selector that is none, or that touches the labels it is bound by.
    """
    return _queries(metric, question, f"[{max(1, math.ceil(seconds))}s]")


def past_queries(metric: Metric, question: Question) -> dict[str, str]:
    """The same for the hours before the run, one sample a minute: enough for blocks of five."""
    return _queries(metric, question, f"[{_PAST}:1m]")


def look_queries(metric: Metric, question: Question, seconds: float, step: float) -> dict[str, str]:
    """The same with one sample each `step` seconds, which are whole: of long windows, for looks at what serves."""
    return _queries(metric, question, f"[{max(1, math.ceil(seconds))}s:{step:.0f}s]")


def _queries(metric: Metric, question: Question, window: str) -> dict[str, str]:
    bound = matchers_of(metric.series, question)
    return {one.name: f"{_selector(one, bound)}{window}" for one in wanted_counters(metric)}


def _selector(counter: WantedCounter, bound: tuple[Matcher, ...]) -> Selector:
    selector = parse_selector(counter.selector).bound(bound).renamed(counter.suffix)
    if counter.bound is None:
        return selector
    return selector.bound((Matcher("le", "=~", bound_pattern(counter.bound)),))


def wanted_counters(metric: Metric) -> tuple[WantedCounter, ...]:
    """The counters that a metric needs, none for one that compares no versions."""
    kind = kind_of(metric)
    return () if kind is None else kind.wanted(metric)


def bounds_query(metric: Metric, question: Question) -> str:
    """Asks which buckets a latency metric's histogram has."""
    histogram = metric.latency.histogram if metric.latency is not None else ""
    selector = parse_selector(histogram).renamed("_bucket").bound(matchers_of(metric.series, question))
    return f"count by (le) ({selector})"


def counter_samples(metric: Metric, question: Question, answers: Mapping[str, Answer]) -> Sample:
    """The samples of both versions, from the answers by the counters' names; series of neither are left out."""
    for answer in answers.values():
        if answer.kind != "matrix":
            return Trouble("WrongType", f"Prometheus answered with a {answer.kind} where samples were asked for")
        if answer.warnings:
            return partial(answer)
    finder = version_finder(metric.series, question)
    again = _scraped_again(one for answer in answers.values() for one in answer.ranges)
    label = metric.slices.label if metric.slices is not None else ""
    counters: dict[str, tuple[CounterSeries, ...]] = {}
    for one in wanted_counters(metric):
        for name, ranges in _named(answers[one.name].ranges, one).items():
            counters[name] = _series(ranges, finder, label, again)
            if not one.may_fall and any((series.values < 0).any() for series in counters[name]):
                return Trouble("NotACounter", f"{one.selector}{one.suffix} has negative samples: a counter never has")
    return CounterSamples(counters)


def _named(ranges: Iterable[Range], counter: WantedCounter) -> dict[str, list[Range]]:
    """The series by the name of their counter."""
    if not counter.buckets:
        return {counter.name: list(_of_bound(ranges, counter))}
    found: dict[str, list[Range]] = {}
    for one in ranges:
        found.setdefault(one.labels.get("le", ""), []).append(one)
    return found


def _of_bound(ranges: Iterable[Range], counter: WantedCounter) -> Iterable[Range]:
    if counter.bound is None:
        return ranges
    bound = counter.bound
    return (one for one in ranges if is_bound(one.labels.get("le", ""), bound))


def partial(answer: Answer) -> Trouble:
    """What an answer with warnings is worth: nothing may be concluded from a part of the data."""
    return Trouble(
        "PartialAnswer", f"Prometheus warned that the answer is not whole: {'; '.join(answer.warnings)[:300]}"
    )


def _series(
    ranges: Iterable[Range], finder: VersionFinder, label: str, again: frozenset[str]
) -> tuple[CounterSeries, ...]:
    return tuple(
        CounterSeries(version, process_of(one.labels), one.times, one.values, one.labels.get(label, ""))
        for one in ranges
        if len(one.times) and process_of(one.labels) not in again and (version := finder(one.labels)) is not None
    )


def _scraped_again(ranges: Iterable[Range]) -> frozenset[str]:
    """The processes that are others once more: a second job, or a second Prometheus, counts the same answers again.

    Of those that one address shows at the same time the first by name is counted, unless it was seen for less than half
    as long as another one: a job that was just added does not know yet what the others know.
    """
    spans: dict[str, dict[str, tuple[float, float]]] = {}
    for one in ranges:
        address = address_of(one.labels)
        if address is not None and len(one.times):
            seen, name = spans.setdefault(address, {}), process_of(one.labels)
            first, last = seen.get(name, (math.inf, -math.inf))
            seen[name] = min(first, float(one.times[0])), max(last, float(one.times[-1]))
    again: set[str] = set()
    for seen in spans.values():
        longest = max(last - first for first, last in seen.values())
        begin, end = seen.pop(min(name for name, (first, last) in seen.items() if last - first >= longest / 2))
        again |= {name for name, (first, last) in seen.items() if first <= end and last >= begin}
    return frozenset(again)


def without_bucket(metric: Metric, samples: CounterSamples) -> str | None:
    """A version that answers requests but has no bucket at the bound that is asked for, or None."""
    kind = kind_of(metric)
    if kind is None:
        return None
    buckets = [one.name for one in kind.wanted(metric) if one.bound is not None]
    having = {one.version for name in buckets for one in samples.counters[name]}
    answering = (one.version for one in samples.counters.get(kind.reference(metric), ()))
    return next((version for version in answering if buckets and version not in having), None)


def missing_bucket(metric: Metric, version: str, bounds: Answer) -> Trouble:
    """Says that `above` is no bound of a bucket, and which ones are near."""
    latency = metric.latency
    if latency is None:
        raise BadQuery(f"{metric.name} has no buckets")
    bound = bound_of(latency.above, latency.unit)
    below, over = nearest((point.labels.get("le", "") for point in bounds.points), bound)
    unit = "ms" if latency.unit == "Milliseconds" else "s"
    near = " and ".join(f"{value:g} {unit}" for value in (below, over) if value is not None)
    advice = f"the nearest are {near}: set above to one of them" if near else "it has no buckets at all"
    name = latency.histogram.partition("{")[0].strip()
    return Trouble("NoSuchBucket", f"{name} of {version} has no bucket at {float(bound):g} {unit}; {advice}")


def threshold_query(metric: Metric, question: Question) -> str:
    """The query of a threshold, placeholders filled in.

    Raises:
        BadQuery: a placeholder that is unknown or has no value.
    """
    return substitute(metric.threshold.query if metric.threshold is not None else "", question)


def value_sample(answer: Answer) -> Sample:
    """The one number of a threshold's answer."""
    if answer.warnings:
        return partial(answer)
    if answer.kind not in ("vector", "scalar"):
        return Trouble("WrongType", f"the query gives a {answer.kind}: it must give one number")
    if len(answer.points) > 1:
        names = ", ".join(_labelled(point.labels) for point in answer.points[:3])
        more = ", ..." if len(answer.points) > 3 else ""
        return Trouble(
            "SeveralValues",
            f"the query gives {len(answer.points)} values ({names}{more}): put max(), sum() or the like around it",
        )
    value = answer.points[0].value if answer.points else None
    return ValueSample(None if value is None or math.isnan(value) else value)


def _labelled(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{key}={value[:40]}" for key, value in sorted(labels.items())[:3]) + "}"
