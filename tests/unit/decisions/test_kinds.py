"""What single kinds of metrics read, fix in advance and refuse."""

import math
from dataclasses import replace

import numpy as np
import pytest

from modelrollout.decisions.analysis.looking import initial, judge, wants_past, window_start
from modelrollout.decisions.analysis.samples import CounterSamples, Samples, Trouble
from modelrollout.decisions.kinds import kind_of
from modelrollout.decisions.kinds.histogram import bucket_counts, common_bounds, thinned
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import T0, Pod, cut, question
from tests.unit.decisions.kind_histories import EXAMPLES, looked, recorded, spec_of, two


def metric_of(kind: str, **more):
    return question(spec_of(kind, **more)).spec.metrics[0]


def finding(asked, whole, seconds=600):
    return judge(looked(initial(asked), asked, whole, seconds), asked).findings[0]


def test_slow_requests_are_those_that_are_not_fast_however_the_bound_is_written():
    metric = metric_of("latency")
    series = (CounterSeries("v7", "a", np.array([1.0]), np.array([1.0])),)
    named = kind_of(metric).named(metric, CounterSamples({"5e-01": series, "0.25": (), "+Inf": series}))
    assert named["fast"] == series
    bad, total = kind_of(metric).counted(metric, {"fast": np.array([9.0, 4.0]), "+Inf": np.array([8.0, 5.0])}, ())
    assert (bad.tolist(), total.tolist()) == ([0, 1], [8, 5])


def test_buckets_are_counted_apart_and_never_negative():
    columns = {"0.1": np.array([4.0, 5.0]), "0.5": np.array([6.0, 4.0]), "+Inf": np.array([9.0, 9.0])}
    assert bucket_counts(columns, (0.1, 0.5, math.inf)).tolist() == [[4, 2, 3], [5, 0, 4]]


def test_fine_histograms_are_thinned_out_to_their_ends():
    kept = thinned((*map(float, range(99)), math.inf), 32)
    assert (len(kept), kept[0], kept[-1]) == (32, 0.0, math.inf)


@pytest.mark.parametrize("kind", ["quantile", "distribution"])
def test_versions_with_other_buckets_cannot_be_compared(kind: str):
    asked, whole = question(spec_of(kind), analysis={"interval": "15s"}), recorded(kind, two(kind, 0.3), 60)
    without = tuple(one for one in whole.counters["0.5"] if one.version != "v8")
    said = finding(asked, replace(whole, counters={**whole.counters, "0.5": without}), 60)
    assert (said.verdict, said.reason) == ("Error", "BucketsDiffer")
    assert "(0.5, ...)" in said.message


def test_a_bucket_that_goes_away_in_the_run_is_said_and_no_evidence():
    asked, whole = (
        question(spec_of("distribution"), analysis={"interval": "15s"}),
        recorded("distribution", two("distribution", 0.3), 600),
    )
    state = looked(initial(asked), asked, whole, 300)
    counted = judge(state, asked).findings[0].candidate_count
    gone = CounterSamples({name: many for name, many in whole.counters.items() if name != "0.25"})
    said = judge(looked(state, asked, gone, 600), asked).findings[0]
    assert (said.verdict, said.reason, said.candidate_count) == ("Error", "BucketsDiffer", counted)


def test_bounds_are_awaited_from_both_versions():
    metric, whole = metric_of("distribution"), recorded("distribution", two("distribution", 0.3)[:2], 60)
    assert common_bounds(metric, whole, ("v8", "v7")) is None


def test_a_histogram_without_a_total_is_none():
    metric, whole = metric_of("distribution"), recorded("distribution", two("distribution", 0.3), 60)
    without = CounterSamples({name: many for name, many in whole.counters.items() if name != "+Inf"})
    said = common_bounds(metric, without, ("v8", "v7"))
    assert isinstance(said, Trouble)
    assert said.reason == "NoInfiniteBucket"


def test_a_quantile_waits_for_the_history_of_stable():
    asked = question(spec_of("quantile"), analysis={"interval": "15s"})
    state, metric = initial(asked), asked.spec.metrics[0]
    assert wants_past(state, asked, metric)
    young = [Pod("v7", "a", bad=0.15, rate=10, start=T0 - 15), Pod("v8", "b", bad=0.15, rate=10, start=T0 - 15)]
    said = finding(asked, recorded("quantile", young, 300), 300)
    assert (said.verdict, said.reason) == ("Error", "NoHistory")
    assert "p95" in said.message


def test_the_bounds_of_a_quantile_stay_where_stables_history_put_them():
    asked = question(spec_of("quantile"), analysis={"interval": "15s"})
    whole = recorded("quantile", two("quantile", 0.15), 900)
    state = looked(initial(asked), asked, whole, 60)
    frozen = state.metrics["it"].frozen
    assert frozen[:4] == (3.0, 0.25, 0.5, 1.0)  # an exponential of 0.15 s has its 95 % at 0.45 s
    assert looked(state, asked, whole, 900).metrics["it"].frozen == frozen
    said = judge(looked(state, asked, whole, 900), asked).findings[0]
    assert said.candidate == pytest.approx(0.45, abs=0.05)
    assert "times the share beyond 0.5 s" in said.message


def test_a_mean_beyond_its_bounds_is_said_and_no_evidence():
    metric = {**EXAMPLES["mean with bounds"].metric, "mean": {"sum": "a", "count": "b", "min": 0, "max": 2}}
    asked = question({"name": "it", **metric}, analysis={"interval": "15s"})
    said = finding(asked, recorded("mean with bounds", two("mean with bounds", 3.0), 300), 300)
    assert (said.verdict, said.reason, said.candidate_count) == ("Error", "ImpossibleData", 0)


@pytest.mark.parametrize("name", ["sum", "sumOfSquares"])
def test_sums_that_one_version_does_not_show_are_an_error(name: str):
    asked, whole = question(spec_of("mean"), analysis={"interval": "15s"}), recorded("mean", two("mean", 12.0), 300)
    without = tuple(one for one in whole.counters[name] if one.version != "v8")
    said = finding(asked, replace(whole, counters={**whole.counters, name: without}), 300)
    assert (said.verdict, said.reason) == ("Error", "CounterMissing")
    assert f"v8 shows no series for {name}" in said.message


def test_events_that_the_candidate_never_showed_are_no_good_news():
    asked, whole = question(spec_of("rate"), analysis={"interval": "15s"}), recorded("rate", two("rate", 0.3), 600)
    without = tuple(one for one in whole.counters["events"] if one.version != "v8")
    said = finding(asked, replace(whole, counters={**whole.counters, "events": without}))
    assert (said.verdict, said.reason, said.fresh) == ("Inconclusive", "NumeratorNeverSeen", False)


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if not kind.startswith(("proportion", "latency"))])
def test_what_cannot_be_judged_alone_is_said_after_the_promotion(kind: str):
    asked = question(spec_of(kind), analysis={"interval": "15s"})
    whole = recorded(kind, two(kind, EXAMPLES[kind].good), 900)
    watching = replace(asked, watching=True, weight=1000)
    state = looked(initial(asked), asked, whole, 600)
    said = judge(looked(state, watching, whole, 900), watching).findings[0]
    assert (said.verdict, said.reason) == ("Inconclusive", "NoBaseline")
    assert "after a promotion" in said.message


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("rate", "per unit over"),
        ("mean", "values against"),
        ("ratio of sums", "users against"),
        ("distribution", "at a distance of"),
        ("agreement", "limit 97 %"),
        ("paired", "pairs, v7 alone in"),
        ("quantile", "it (p95) 0."),
    ],
)
def test_numbers_are_said_in_the_kinds_own_words(kind: str, words: str):
    asked = question(spec_of(kind), analysis={"interval": "15s"})
    assert words in finding(asked, recorded(kind, two(kind, EXAMPLES[kind].good), 300), 300).message


def test_limits_point_the_way_in_which_the_quantity_is_good():
    higher = metric_of("mean")
    assert kind_of(higher).limit(higher, 11.0) == pytest.approx(10)
    lower = metric_of("mean without squares")
    assert kind_of(lower).limit(lower, 11.0) == 13
    goal = metric_of("mean", role="Goal", margin=None, gain={"difference": 1})
    assert kind_of(goal).limit(goal, 11.0) == 12
    rate = metric_of("rate", margin={"ratio": 2, "floor": 5})
    assert (kind_of(rate).limit(rate, 1.0), kind_of(rate).limit(rate, 4.0)) == (5, 8)


def test_a_metric_of_samples_that_hold_nothing_is_no_data():
    asked = question(spec_of("distribution"), analysis={"interval": "15s"})
    state = initial(asked)
    empty = cut(CounterSamples(), window_start(state, asked, asked.spec.metrics[0]), T0 + 60)
    assert Samples(T0 + 60, {"it": empty}).metrics["it"].counters == {}
    assert finding(asked, empty, 60).reason == "NoData"


@pytest.mark.parametrize("exact", [True, False])
def test_exactly_equal_answers_are_counted_beside_those_within_the_tolerance(exact: bool):
    asked = question(
        spec_of("agreement", agreement={**EXAMPLES["agreement"].metric["agreement"], "identical": "same_total"}),
        analysis={"interval": "15s"},
    )
    whole = recorded("agreement", two("agreement", 0.99), 300)
    of = "total" if exact else "agreed"
    found = finding(asked, replace(whole, counters={**whole.counters, "identical": whole.counters[of]}), 300)
    assert found.candidate_count is not None
    assert (found.identical == found.candidate_count) is exact
    assert found.identical is not None
    assert found.identical > found.candidate_count * 0.95


def test_where_nobody_counts_exactly_equal_answers_nothing_is_said_of_them():
    asked = question(spec_of("agreement"), analysis={"interval": "15s"})
    assert finding(asked, recorded("agreement", two("agreement", 0.99), 300), 300).identical is None
