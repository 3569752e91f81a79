"""Recordings: read from lines and written again, with everything that can be wrong named by its line."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.rehearsal.recording.builder import RecordingBuilder, SeriesKey
from modelrollout.rehearsal.recording.lines import MOST_PROBLEMS, BadRecording, read_lines
from modelrollout.rehearsal.recording.recorded import Gauge, Recording
from modelrollout.rehearsal.recording.writer import write_lines
from tests.unit.rehearsal.recordings import ERRORS, MEMORY, SLOW, T0, policy

MEAN = {
    "name": "value",
    "better": "Higher",
    "mean": {"sum": "order_value_sum", "count": "order_value_count"},
    "margin": {"difference": 1},
}
SPEC = policy(ERRORS, SLOW, MEMORY, MEAN).spec
BOTH = frozenset({"v7", "v8"})


def line(**fields: Any) -> dict[str, Any]:
    return {
        "t": T0,
        "metric": "errors",
        "version": "v8",
        "series": "a",
        "counters": {"bad": 12, "total": 903},
    } | fields


def read(*lines: dict[str, Any] | str, strangers: bool = False) -> Recording:
    texts = (one if isinstance(one, str) else json.dumps(one) for one in lines)
    return read_lines((text.encode() for text in texts), SPEC, strangers=strangers).recording


def problems(*lines: dict[str, Any] | str) -> tuple[tuple[int, str], ...]:
    with pytest.raises(BadRecording) as caught:
        read(*lines)
    return caught.value.problems


def lines_refused(*lines: bytes) -> list[int]:
    """Numbers of the lines that cannot be used."""
    try:
        read_lines(lines, SPEC)
    except BadRecording as error:
        return [number for number, _ in error.problems]
    return []


def flat(recording: Recording) -> dict[tuple[str, ...], list[list[float]]]:
    """Every series of a recording, to be compared."""
    series = {
        (metric, name, one.version, one.series, one.slice, str(place)): [one.times.tolist(), one.values.tolist()]
        for metric, counters in recording.counters.items()
        for name, many in counters.items()
        for place, one in enumerate(sorted(many, key=lambda one: (one.version, one.series, *one.values[:1])))
    }
    gauges = {
        (metric, version): [gauge.times.tolist(), np.nan_to_num(gauge.values, nan=-1).tolist()]
        for metric, versions in recording.gauges.items()
        for version, gauge in versions.items()
    }
    return {**series, **gauges}


def test_every_form_of_a_line_is_read() -> None:
    found = read(
        line(),
        line(t=T0 + 15, counters={"bad": 13, "total": 950}, slice=None),
        line(metric="slow", counters={"buckets": {"0.1": 4, "0.25": 8, "+Inf": 9}}),
        line(metric="slow", series="b", counters={"0.25": 8, "+Inf": 9}),
        {key: value for key, value in line(metric="slow", series="c").items() if key != "counters"}
        | {"buckets": {"0.25": 1, "+Inf": 2}},
        "",
        {"t": T0, "metric": "memory", "version": "v8", "value": 0.7},
        line(metric="memory", series="", t=T0 + 15, counters={"value": None}),
        line(metric="value", counters={"sum": -3.5, "count": 2}),
    )
    assert found.lines == 8
    assert found.counters["errors"]["bad"][0].values.tolist() == [12, 13]
    assert [one.series for one in found.counters["slow"]["0.25"]] == ["a", "b", "c"]
    assert found.counters["value"]["sum"][0].values.tolist() == [-3.5]
    assert found.gauges["memory"]["v8"].at(T0 + 14) == 0.7
    assert found.gauges["memory"]["v8"].at(T0 + 15) is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{", "this is no JSON: EOF"),
        ("[]", "an object must stand here"),
        ('"t"', "an object must stand here"),
        ({"t": T0}, "metric: this key is required"),
        (line(t="soon"), "t: a number must stand here"),
        (line(t=T0 * 1000), "divide milliseconds by 1000"),
        (line(time=T0), "time: unknown key: a line has t, metric, version"),
        (line(metric="rejects"), "no metric 'rejects'; it has errors, memory, slow, value"),
        (line(version="v9"), "no version 'v9'; it has v7, v8"),
        (line(series=7), "series: "),
        (line(counters={}), "a line of errors has bad, total, and no nulls"),
        (line(counters={"bad": None, "total": 3}), "and no nulls"),
        (line(counters={"good": 3, "total": 3}), "counters.good: a line of errors has bad, total"),
        (line(counters={"bad": -1, "total": 3}), "counters.bad: a counter is a finite number that is not negative"),
        (line(counters={"bad": "1", "total": 3}), "counters.bad: a number must stand here"),
        (line(counters={"bad": {"0.1": 1}}), "counters.bad: a number must stand here"),
        (line(metric="slow", counters={"buckets": {"0.25": 9}}), "the bucket '+Inf', which counts all, is missing"),
        (line(metric="slow", counters={"buckets": {"fast": 9, "+Inf": 9}}), "buckets.fast: the bound of a bucket is"),
        (line(metric="slow", counters={"buckets": {"1": 3, "0.5": 4, "+Inf": 5}}), "buckets.1: buckets are cumulative"),
        (line(metric="memory"), "memory is a threshold, so a line of it has value and nothing else"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_what_is_wrong(wrong: dict[str, Any] | str, said: str) -> None:
    ((number, text),) = problems(line(), wrong)
    assert number == 2
    assert said in text


def test_time_runs_forward_in_each_series_and_freely_between_them() -> None:
    late = line(t=T0 + 15)
    read(
        line(), late, line(series="b"), line(part="503", counters={"bad": 1}), line(metric="value", counters={"sum": 1})
    )
    assert problems(late, line())[0] == (
        2,
        f"t {T0:.3f} is before {T0 + 15:.3f}, which came earlier for the same series: sort the lines",
    )
    assert problems(line(), line()) == ((2, f"bad of this series at t {T0:.3f} was given already"),)
    read(line(counters={"bad": 1}), line(counters={"total": 1}), late)  # one scrape on two lines


def test_a_threshold_has_one_value_at_a_time() -> None:
    first = line(metric="memory", series="a", counters={"value": 1})
    ((number, text),) = problems(first, {**first, "series": "b"})
    assert (number, "'a' gave it before 'b'" in text) == (2, True)


def test_reading_ends_after_the_first_few_lines_that_cannot_be_used() -> None:
    assert [number for number, _ in problems(*["nonsense"] * 50)] == list(range(1, MOST_PROBLEMS + 1))


def test_strangers_are_counted_where_they_may_be_there() -> None:
    texts = [line(), line(metric="rejects"), line(metric="rejects", version="v9"), line(version="v6")]
    lines = [json.dumps(one).encode() for one in texts]
    found = read_lines(lines, SPEC, strangers=True)
    assert found.recording.lines == 1
    assert found.passed_over == {"metric rejects": 2, "version v6": 1}


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_no_bytes_bring_the_reader_down(text: bytes) -> None:
    assert lines_refused(text) in ([], [1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80)
@given(
    st.sampled_from(["t", "metric", "version", "series", "slice", "part", "counters", "buckets", "value"]),
    JSON | st.dictionaries(st.sampled_from(["bad", "total", "buckets", "value", "+Inf", "1"]), JSON, max_size=3),
    st.sampled_from(["errors", "slow", "memory", "value"]),
)
def test_no_value_of_a_key_brings_the_reader_down(key: str, value: Any, metric: str) -> None:
    assert lines_refused(json.dumps(line(metric=metric) | {key: value}).encode()) in ([], [1])


Samples = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)), min_size=1, max_size=6)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["v7", "v8"]), st.sampled_from("ab"), st.sampled_from(["", "de"]), st.just("")),
        Samples,
        max_size=5,
    ),
    st.lists(st.floats(-1e6, 1e6) | st.none(), max_size=4),
)
def test_what_is_written_is_read_again(series: dict[Any, Any], values: list[float | None]) -> None:
    builder = RecordingBuilder()
    for key, samples in series.items():
        for number, (bad, more) in enumerate(samples):
            builder.add(SeriesKey("errors", *key), T0 + 15 * number, {"bad": bad, "total": bad + more})
    for number, value in enumerate(values):
        builder.add(SeriesKey("memory", "v8", ""), T0 + number, {"value": np.nan if value is None else value})
    recording = builder.recording()
    assert flat(read_lines(write_lines(recording, SPEC), SPEC).recording) == flat(recording)


def test_counters_of_one_process_are_kept_apart_as_parts() -> None:
    found = read(
        line(part="500", counters={"bad": 1}), line(part="503", counters={"bad": 5}), line(counters={"total": 9})
    )
    assert [one.values.tolist() for one in found.counters["errors"]["bad"]] == [[1], [5]]
    assert flat(read_lines(write_lines(found, SPEC), SPEC).recording) == flat(found)


def test_a_window_has_its_end_and_not_its_start_and_no_series_without_samples() -> None:
    found = read(line(), line(t=T0 + 10), line(t=T0 + 20), line(version="v7", series="b"))
    window = found.window("errors", BOTH, T0, T0 + 10)
    assert [(one.version, one.times.tolist()) for one in window.counters["bad"]] == [("v8", [T0 + 10])]
    assert found.window("errors", frozenset({"v7"}), T0 - 1, T0).counters["total"][0].values.tolist() == [903]


def test_the_past_has_a_sample_each_whole_minute_as_a_subquery_gives_it() -> None:
    scrapes = [line(t=T0 + at, counters={"bad": at, "total": at}) for at in range(0, 400, 7)]
    (total,) = read(*scrapes).past("errors", BOTH, T0 + 130).counters["total"]
    assert T0 % 60 == 0
    assert total.times.tolist() == [T0, T0 + 60, T0 + 120]
    assert total.values.tolist() == [0, 56, 119]


def test_a_value_is_taken_for_the_present_one_for_five_minutes() -> None:
    gauge = Gauge(np.array([T0]), np.array([0.5]))
    assert [gauge.at(T0 + after) for after in (-1, 0, 299, 300)] == [None, 0.5, 0.5, None]
