"""Why counters of the collector do not grow, in its own words.

It shows every counter from the beginning, with a zero. So a path that finds nothing looks as if nobody had asked, and
what the collector knows about that stands beside the counters. Whether it runs at all does not matter here: without its
words the finding says what it says anyway.
"""

from collections.abc import Mapping

from modelrollout.api import Metric, Series
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.questions import Question
from modelrollout.metrics.answers import Answer
from modelrollout.metrics.queries import wanted_counters
from modelrollout.metrics.selectors import Selector, parse_selector
from modelrollout.metrics.targets import matchers_of

PROBLEM = "model_telemetry_problem"
_COLLECTORS = "model_"
_LONGEST = 400


def silent(metric: Metric, question: Question, samples: CounterSamples) -> frozenset[str]:
    """The versions of which a metric of the collector counted nothing new; none for other metrics."""
    kind = kind_of(metric)
    if kind is None or metric.series is not Series.VERSION or not _names(metric)[0].startswith(_COLLECTORS):
        return frozenset()
    named = kind.named(metric, samples)
    counting = {one.version for one in named.get(kind.reference(metric), ()) if one.values[-1] > one.values[0]}
    return frozenset(question.versions) - counting


def problem_query(metric: Metric, question: Question) -> str:
    """Asks what the collector says of the same rollout.

    Raises:
        BadQuery: as the metric's own queries.
    """
    rollout = tuple(one for one in _selectors(metric)[0].matchers if one.label == "rollout")
    return str(Selector(PROBLEM, rollout).bound(matchers_of(metric.series, question)))


def hint(metric: Metric, versions: frozenset[str], answer: Answer) -> str:
    """What the collector says of these versions and of this metric's series, empty where it says nothing."""
    names, said = _names(metric), dict[str, set[str]]()
    for point in answer.points:
        version, message = point.labels.get("version", ""), point.labels.get("message", "")
        if version in versions and message and _concerns(point.labels, names):
            said.setdefault(message[:_LONGEST], set()).add(version)
    told = (f"of {' and '.join(sorted(of))}: {message}" for message, of in sorted(said.items()))
    return f"the collector says {'; '.join(told)}" if said else ""


def _concerns(labels: Mapping[str, str], names: tuple[str, ...]) -> bool:
    series = tuple(filter(None, labels.get("series", "").split(",")))
    return not series or any(name.startswith(series) for name in names)


def _names(metric: Metric) -> tuple[str, ...]:
    return tuple(one.name for one in _selectors(metric))


def _selectors(metric: Metric) -> tuple[Selector, ...]:
    return tuple(parse_selector(one.selector).renamed(one.suffix) for one in wanted_counters(metric))
