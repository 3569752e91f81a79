"""What the collector says of its own counters, put beside a metric that finds nothing in them."""

import pytest

from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.metrics.answers import Answer, Point
from modelrollout.metrics.hints import hint, problem_query, silent
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import ERRORS, T0, question

ACCURACY = {
    "name": "accuracy",
    "better": "Higher",
    "series": "version",
    "proportion": {
        "good": 'model_outcomes_total{rollout="fraud",correct="true"}',
        "total": 'model_outcomes_total{rollout="fraud"}',
    },
}


def series(version: str, *values: float) -> CounterSeries:
    return CounterSeries(version, "a", tuple(T0 + 5 * i for i in range(len(values))), values, "")


def samples(v8: tuple[float, ...], v7: tuple[float, ...]) -> CounterSamples:
    both = (series("v8", *v8), series("v7", *v7))
    return CounterSamples({"good": both, "total": both})


def point(version: str, message: str, names: str = "") -> Point:
    return Point({"version": version, "message": message, "series": names}, 1.0)


def said(*points: Point, versions: tuple[str, ...] = ("v7", "v8")) -> str:
    return hint(question(ACCURACY).spec.metrics[0], frozenset(versions), Answer("vector", points=points))


def test_who_counted_nothing_new_is_silent() -> None:
    asked = question(ACCURACY)
    metric = asked.spec.metrics[0]
    assert silent(metric, asked, samples((0, 0), (4, 9))) == {"v8"}
    assert silent(metric, asked, samples((1, 2), (4, 9))) == frozenset()
    assert silent(metric, asked, CounterSamples({"good": (), "total": ()})) == {"v7", "v8"}


@pytest.mark.parametrize("other", [ERRORS, {**ERRORS, "series": "version"}, {**ACCURACY, "series": "pods"}])
def test_of_series_of_others_the_collector_is_not_asked(other: dict) -> None:
    asked = question(other)
    metric = asked.spec.metrics[0]
    named = CounterSamples(dict.fromkeys(("bad", "good", "total"), ()))
    assert silent(metric, asked, named) == frozenset()


def test_the_same_rollout_and_namespace_is_asked_about() -> None:
    asked = question(ACCURACY)
    expected = 'model_telemetry_problem{rollout="fraud",namespace="risk",version=~"v8|v7"}'
    assert problem_query(asked.spec.metrics[0], asked) == expected


def test_what_concerns_these_series_and_versions_is_said_once() -> None:
    assert said() == ""
    assert said(point("v8", "no label has come", "model_outcomes_total,model_pair_outcomes_total")) == (
        "the collector says of v8: no label has come"
    )
    assert said(point("v8", "broken"), point("v7", "broken")) == "the collector says of v7 and v8: broken"
    assert said(point("v8", "no pairs", "model_shadow_pairs_total")) == ""
    assert said(point("v7", "broken"), versions=("v8",)) == ""
