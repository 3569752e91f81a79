"""From the spec to queries that stay in their namespace, and from answers to samples."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from modelrollout.api import Series, ServiceRef
from modelrollout.decisions.analysis.samples import CounterSamples, Trouble, ValueSample
from modelrollout.decisions.kinds.bounds import is_bound
from modelrollout.decisions.observed import RouterSeries
from modelrollout.decisions.questions import SeriesTarget
from modelrollout.manifests.router_series import gateway_series, istio_series
from modelrollout.metrics.answers import Answer, Point, Range, answer_of
from modelrollout.metrics.buckets import bound_pattern, nearest
from modelrollout.metrics.errors import BadQuery, NotPrometheus
from modelrollout.metrics.placeholders import substitute
from modelrollout.metrics.queries import counter_queries, counter_samples, past_queries, value_sample, without_bucket
from modelrollout.metrics.targets import matchers_of, version_finder
from tests.unit.decisions.analysis_histories import ERRORS, question

SLOW = {"name": "slow", "better": "Lower", "latency": {"histogram": 'rq_time{path="/x"}', "above": "250ms"}}


SERVICES = {name: ServiceRef(name=f"fraud-{name}", port=8080) for name in ("v7", "v8")}
GATEWAY = gateway_series("risk", SERVICES, None, ())


def query_of(series: str) -> str:
    asked = question({**ERRORS, "series": series}, router=GATEWAY)
    return counter_queries(asked.spec.metrics[0], asked, 30.2)["total"]


@pytest.mark.parametrize(
    ("series", "query"),
    [
        ("pods", 'http_requests_total{namespace="risk",pod=~"fraud-v8-a|fraud-v7-a"}[31s]'),
        ("version", 'http_requests_total{namespace="risk",version=~"v8|v7"}[31s]'),
        ("service", 'http_requests_total{namespace="risk",service=~"fraud-v8|fraud-v7"}[31s]'),
        ("workload", 'http_requests_total{namespace="risk",workload=~"fraud-v8|fraud-v7"}[31s]'),
        (
            "cluster",
            'http_requests_total{envoy_cluster_name=~"service/risk/fraud-v8/8080/[a-z0-9]+|X"}[31s]'.replace(
                "X", "service/risk/fraud-v7/8080/[a-z0-9]+"
            ),
        ),
    ],
)
def test_one_query_asks_for_both_versions_within_the_namespace(series, query):
    assert query_of(series) == query


def with_istio():
    """The same question about versions that an Istio VirtualService splits."""
    return question({**ERRORS, "series": "cluster"}, router=istio_series("risk", SERVICES))


def test_with_istio_the_counters_of_a_cluster_are_those_that_name_its_service_and_namespace():
    asked = with_istio()
    assert counter_queries(asked.spec.metrics[0], asked, 30.2)["total"] == (
        'http_requests_total{destination_service=~"fraud-v8[.]risk[.]svc[.].+|fraud-v7[.]risk[.]svc[.].+"}[31s]'
    )
    finder = version_finder(Series.CLUSTER, asked)
    found = {host: finder({"destination_service": f"{host}.cluster.local"}) for host in HOSTS}
    assert found == HOSTS


HOSTS = {"fraud-v8.risk.svc": "v8", "fraud-v7.risk.svc": "v7", "fraud-v8.ads.svc": None, "fraud-v80.risk.svc": None}


@pytest.mark.parametrize(
    ("router", "said"),
    [
        (None, "counts nothing"),
        (RouterSeries("envoy_cluster_name", problem="rule predict keeps sessions"), "rule predict keeps sessions"),
        (RouterSeries("envoy_cluster_name", {"v7": "a"}), "those of v8"),
    ],
)
def test_where_the_router_cannot_tell_versions_apart_it_is_said_why(router, said):
    asked = question({**ERRORS, "series": "cluster"}, router=router)
    with pytest.raises(BadQuery, match=said):
        counter_queries(asked.spec.metrics[0], asked, 30)
    with pytest.raises(BadQuery, match=said):
        substitute("{{cluster}}", asked)


def test_latency_asks_for_one_bucket_and_the_count():
    asked = question(SLOW)
    queries = counter_queries(asked.spec.metrics[0], asked, 10)
    assert queries["0.25"].startswith(
        'rq_time_bucket{path="/x",namespace="risk",pod=~"fraud-v8-a|fraud-v7-a",le=~"0[.]250*'
    )
    assert queries["+Inf"].startswith('rq_time_count{path="/x",namespace=')
    assert len(queries) == 2


def test_the_past_is_asked_for_in_steps_of_a_minute_within_the_same_bounds():
    asked = question()
    assert past_queries(asked.spec.metrics[0], asked)["total"] == (
        'http_requests_total{namespace="risk",pod=~"fraud-v8-a|fraud-v7-a"}[150m:1m]'
    )


@pytest.mark.parametrize(
    ("pods", "name", "belongs"),
    [
        ((), "fraud-v8-6d4cf56db6-x2kzq", True),
        ((), "fraud-v8-other-6d4cf56db6-x2kzq", False),
        ((), "fraud-v8-canary", False),
        ((), "my-fraud-v8-6d4cf56db6-x2kzq", False),
        (("fraud-v8-a.b",), "fraud-v8-a.b", True),
        (("fraud-v8-a.b",), "fraud-v8-axb", False),
        (tuple(f"fraud-v8-{n}" for n in range(201)), "fraud-v8-7", False),
        (tuple(f"fraud-v8-{n}" for n in range(201)), "fraud-v8-6d4cf56db6-x2kzq", True),
    ],
)
def test_pods_are_the_known_ones_or_those_whose_name_the_workload_implies(pods, name, belongs):
    asked = question()
    targets = {**asked.targets, "v8": SeriesTarget("fraud-v8", 8080, "fraud-v8", pods)}
    finder = version_finder("pods", replace(asked, targets=targets))
    assert (finder({"pod": name}) == "v8") == belongs


def test_a_version_that_cannot_be_found_is_said_so():
    asked = replace(question(), targets={})
    with pytest.raises(BadQuery, match="workload of v8 is not known"):
        matchers_of("pods", asked)


@pytest.mark.parametrize(
    ("bound", "same", "others"),
    [
        ("0.25", ["0.25", "0.250", "2.5e-01", "2.50e-1"], ["0.2", "0.2500001", "10.25", "0.255", "+Inf"]),
        ("250", ["250", "250.0", "2.5e+02", "2.5e2"], ["25", "2500", "250.5"]),
        ("1", ["1", "1.0", "1e0"], ["10", "0.1", "1.5"]),
        ("0.00005", ["5e-05", "0.00005", "5.0e-5"], ["5e-5.5", "5e-06"]),
        ("10000", ["10000", "10000.0", "1e4", "1e+04"], ["1000", "100000"]),
    ],
)
def test_a_bound_is_found_however_it_is_written(bound, same, others):
    import re

    pattern = bound_pattern(Decimal(bound))
    for text in same:
        assert re.fullmatch(pattern, text)
        assert is_bound(text, Decimal(bound))
    for text in others:
        assert not re.fullmatch(pattern, text)


def test_the_nearest_bounds_leave_infinity_and_nonsense_out():
    assert nearest(["0.1", "0.5", "+Inf", "x", "1"], Decimal("0.25")) == (0.1, 0.5)
    assert nearest(["+Inf"], Decimal("0.25")) == (None, None)


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ('x{n="{{namespace}}",v="{{version}}"}', 'x{n="risk",v="v8"}'),
        ('x{s="{{service}}:{{port}}",w="{{workload}}"}', 'x{s="fraud-v8:8080",w="fraud-v8"}'),
        ('x{pod=~"{{pods}}"}', 'x{pod=~"fraud-v8-a"}'),
        ('x{c=~"{{cluster}}"}', 'x{c=~"service/risk/fraud-v8/8080/[a-z0-9]+"}'),
    ],
)
def test_placeholders_stand_for_the_candidate(query, filled):
    assert substitute(query, question(router=GATEWAY)) == filled


def test_the_placeholder_of_a_cluster_is_what_istio_calls_the_candidate():
    assert substitute('x{d=~"{{cluster}}"}', with_istio()) == 'x{d=~"fraud-v8[.]risk[.]svc[.].+"}'


def test_an_unknown_placeholder_and_one_without_a_value_are_refused():
    with pytest.raises(BadQuery, match="no placeholder"):
        substitute("x{{secret}}", question())
    with pytest.raises(BadQuery, match="no usable value"):
        substitute("{{service}}", replace(question(), targets={}))
    quote = SeriesTarget('a"} or x{b="', 8080, "w", ("p",))
    with pytest.raises(BadQuery, match="no usable value"):
        substitute("{{service}}", replace(question(), targets={"v8": quote}))


def series(pod: str, *values: float, **labels: str) -> Range:
    return Range({"pod": pod, **labels}, np.arange(1.0, len(values) + 1), np.array(values))


def test_series_go_to_their_version_and_strangers_are_left_out():
    asked = question()
    total = Answer("matrix", ranges=(series("fraud-v7-a", 1, 2), series("fraud-v8-a", 3, 4), series("other", 9, 9)))
    samples = counter_samples(asked.spec.metrics[0], asked, {"bad": Answer("matrix"), "total": total})
    assert isinstance(samples, CounterSamples)
    assert [one.version for one in samples.counters["total"]] == ["v7", "v8"]


POD = {"instance": "10.0.0.7:8080", "job": "pods"}


@pytest.mark.parametrize(
    ("other", "counted"),
    [
        (POD | {"code": "500"}, [10, 20]),
        (POD | {"job": "annotated", "node": "a"}, [20]),
        (POD | {"job": "services", "service": "fraud"}, [10]),
        (POD | {"prometheus_replica": "b"}, [10]),
        (POD | {"instance": "10.0.0.7:9090"}, [10, 20]),
        ({"instance": "node-a", "job": "other"}, [10, 20]),
    ],
)
def test_a_process_that_is_scraped_twice_is_counted_once(other, counted):
    asked = question()
    total = Answer("matrix", ranges=(series("fraud-v8-a", 1, 10, **POD), series("fraud-v8-a", 2, 20, **other)))
    samples = counter_samples(asked.spec.metrics[0], asked, {"bad": Answer("matrix"), "total": total})
    assert [one.values[-1] for one in samples.counters["total"]] == counted


def test_a_job_that_was_just_added_or_renamed_takes_nothing_from_the_one_before():
    asked, added = question(), POD | {"job": "added"}
    before = series("fraud-v8-a", *range(8), **POD)
    for times, kept in (([7.0, 8.0], [8]), ([9.0, 10.0], [8, 2])):
        ranges = (before, replace(series("fraud-v8-a", 7, 9, **added), times=np.array(times)))
        answers = {"bad": Answer("matrix"), "total": Answer("matrix", ranges=ranges)}
        found = counter_samples(asked.spec.metrics[0], asked, answers).counters["total"]
        assert [len(one.times) for one in found] == kept
        assert len({one.series for one in found}) == len(found)


def test_a_version_without_the_bucket_is_found():
    asked = question(SLOW)
    fast = Answer("matrix", ranges=(series("fraud-v7-a", 1, le="0.25"), series("fraud-v8-a", 1, le="0.2")))
    total = Answer("matrix", ranges=(series("fraud-v7-a", 1), series("fraud-v8-a", 1)))
    samples = counter_samples(asked.spec.metrics[0], asked, {"0.25": fast, "+Inf": total})
    assert without_bucket(asked.spec.metrics[0], samples) == "v8"


def test_a_histogram_is_asked_for_at_once_and_each_bucket_goes_under_its_bound():
    drift = {"name": "drift", "distribution": {"histogram": "score", "margin": {"jensenShannon": 0.1}}}
    asked = question(drift)
    queries = counter_queries(asked.spec.metrics[0], asked, 10)
    assert list(queries.values()) == ['score_bucket{namespace="risk",pod=~"fraud-v8-a|fraud-v7-a"}[10s]']
    ranges = (series("fraud-v7-a", 1, le="0.5"), series("fraud-v8-a", 1, le="0.50"), series("fraud-v8-a", 2, le="+Inf"))
    answer = {name: Answer("matrix", ranges=ranges) for name in queries}
    samples = counter_samples(asked.spec.metrics[0], asked, answer)
    assert {name: len(many) for name, many in samples.counters.items()} == {"0.5": 1, "0.50": 1, "+Inf": 1}
    assert without_bucket(asked.spec.metrics[0], samples) is None


def test_the_slice_label_tells_groups_apart_in_the_answer_to_one_query():
    asked = question({**ERRORS, "slices": {"label": "country"}})
    total = Answer("matrix", ranges=(series("fraud-v7-a", 1, country="fr"), series("fraud-v8-a", 1)))
    samples = counter_samples(asked.spec.metrics[0], asked, {"bad": Answer("matrix"), "total": total})
    assert [(one.version, one.slice) for one in samples.counters["total"]] == [("v7", "fr"), ("v8", "")]


def test_every_counter_of_a_mean_is_asked_for_under_its_name():
    per = {"sum": "x", "sumOfSquares": "xx", "sumOfProducts": "xy"}
    mean = {"sum": "y", "count": "n", "sumOfSquares": "yy", "per": per}
    asked = question({"name": "clicks", "better": "Higher", "margin": {"ratio": 1.1}, "mean": mean})
    queries = counter_queries(asked.spec.metrics[0], asked, 10)
    assert {name: query.partition("{")[0] for name, query in queries.items()} == {
        "sum": "y",
        "count": "n",
        "sumOfSquares": "yy",
        "per.sum": "x",
        "per.sumOfSquares": "xx",
        "sumOfProducts": "xy",
    }


def test_a_counter_is_never_negative_but_a_sum_may_be():
    mean = {"name": "profit", "better": "Higher", "margin": {"difference": 1}, "mean": {"sum": "y", "count": "n"}}
    asked = question(mean)
    fine, wrong = (Answer("matrix", ranges=(series("fraud-v7-a", value),)) for value in (5.0, -5.0))
    metric = asked.spec.metrics[0]
    assert isinstance(counter_samples(metric, asked, {"sum": wrong, "count": fine}), CounterSamples)
    said = counter_samples(metric, asked, {"sum": fine, "count": wrong})
    assert isinstance(said, Trouble)
    assert said.reason == "NotACounter"


def test_a_partial_answer_is_no_basis_for_a_verdict():
    asked, part = question(), Answer("matrix", warnings=("store-2 is unavailable",))
    for events, total in ((part, Answer("matrix")), (Answer("matrix"), part)):
        said = counter_samples(asked.spec.metrics[0], asked, {"bad": events, "total": total})
        assert isinstance(said, Trouble)
        assert (said.reason, "store-2" in said.message) == ("PartialAnswer", True)
    assert value_sample(Answer("vector", warnings=("partial",))).reason == "PartialAnswer"


def test_a_threshold_takes_a_scalar_or_one_element_and_names_more():
    assert value_sample(Answer("scalar", points=(Point({}, 2.0),))) == ValueSample(2.0)
    assert value_sample(Answer("vector", points=(Point({}, float("inf")),))) == ValueSample(float("inf"))
    assert value_sample(Answer("vector", points=(Point({}, float("nan")),))) == ValueSample(None)
    assert value_sample(Answer("vector")) == ValueSample(None)
    several = value_sample(Answer("vector", points=(Point({"gpu": "0"}, 1.0), Point({"gpu": "1"}, 2.0))))
    assert (several.reason, "{gpu=0}, {gpu=1}" in several.message) == ("SeveralValues", True)
    assert value_sample(Answer("matrix")).reason == "WrongType"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"data": None},
        {"data": {"resultType": "matrix"}},
        {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1]]}]}},
        {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[2, "1"], [1, "1"]]}]}},
        {"data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}},
        {"data": {"resultType": "scalar", "result": []}},
        {"data": {"resultType": "streams", "result": []}},
    ],
)
def test_an_answer_out_of_form_is_not_prometheus(document):
    with pytest.raises(NotPrometheus):
        answer_of(document)


def test_samples_that_are_no_numbers_and_native_histograms_carry_no_counts():
    values = [[1, "5"], [2, "NaN"], [3, "+Inf"], [4, "6"]]
    result = [{"metric": {"a": "b"}, "values": values}, {"metric": {}, "histograms": [[1, {}]]}]
    answer = answer_of({"data": {"resultType": "matrix", "result": result}, "warnings": ["w"]})
    assert list(answer.ranges[0].values) == [5, 6]
    assert len(answer.ranges[1].times) == 0
    assert answer.warnings == ("w",)
