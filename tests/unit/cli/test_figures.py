from datetime import timedelta

import pytest

from modelrollout.cli.figures import bar, count, effect, share, span, towards, value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (45, "45s"),
        (72, "1m12s"),
        (120, "2m"),
        (3600, "1h"),
        (3660, "1h1m"),
        (11100, "3h5m"),
        (187200, "2d4h"),
        (172800, "2d"),
        (-5, "-5s"),
    ],
)
def test_a_span_is_written_in_its_two_largest_units(seconds: int, text: str) -> None:
    assert span(seconds) == text
    assert span(timedelta(seconds=seconds)) == text


def test_a_bar_shows_every_weight_above_zero() -> None:
    assert bar(0, 10) == bar(None, 10) == " " * 10
    assert bar(1, 10).strip()
    assert bar(500, 10) == "█" * 5 + " " * 5
    assert bar(1000, 10) == "█" * 10


def test_shares_and_counts_are_short() -> None:
    assert [share(weight) for weight in (None, 0, 5, 50, 125, 1000)] == ["-", "0%", "0.5%", "5%", "12.5%", "100%"]
    assert [count(number) for number in (None, 0, 999, 4120, 78311, 1_200_000)] == [
        "-",
        "0",
        "999",
        "4.1k",
        "78k",
        "1.2M",
    ]


def test_evidence_is_a_percentage_that_ends_at_the_decision() -> None:
    assert [towards(text) for text in (None, "-0.5", "0.64", "1.31")] == ["-", "0%", "64%", "100%"]


def test_shares_are_percentages_and_other_values_stay_as_they_are() -> None:
    assert value("0.0042", "proportion") == "0.42%"
    assert value("0.0113", "latency") == "1.13%"
    assert value("0.71", "threshold") == "0.71"
    assert value(None, "proportion") == "-"


def test_effects_are_shortened_and_unknown_forms_shown_as_they_are() -> None:
    assert effect("ratio 1.05 [0.71, 1.6]", "proportion") == "x1.05 [0.71, 1.6]"
    assert effect("ratio 1.05", "proportion") == "x1.05"
    assert effect("difference -0.0008 [-0.004, 0.003]", "latency") == "-0.08pp [-0.4, 0.3]"
    assert effect("difference 2 [1, 3]", "mean") == "2 [1, 3]"
    assert effect("odds 3", "proportion") == "odds 3"
    assert effect(None, "proportion") == "-"
