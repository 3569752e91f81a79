"""The side-by-side benchmark of the statistical engine, in small: same streams, same figures, goals that hold."""

import numpy as np
import pytest

from benchmarks.stats.campaign import results, tasks
from benchmarks.stats.catalogue import SCENARIOS
from benchmarks.stats.goals import goals
from benchmarks.stats.losses import losses
from benchmarks.stats.outcomes import Outcome, joined, outcome
from benchmarks.stats.page import PAGE, PICTURES, page, pictures
from benchmarks.stats.record import read
from benchmarks.stats.streams import Counts, Decisions, Stream
from benchmarks.stats.summary import mean, ratio, summary, wilson
from benchmarks.stats.traffic import column

SMALL = ("bad-10-at-50", "no-errors")


@pytest.fixture(scope="module")
def found() -> dict:
    return {name: figures for name, figures, _ in results(SMALL, 12, 5, 1)}


@pytest.mark.slow
def test_a_bad_candidate_is_rolled_back_and_a_perfect_one_promoted_within_the_goals(found) -> None:
    assert found["bad-10-at-50"]["judges"]["ours-operator"]["rolled_back"]["is"] == 100
    assert found["no-errors"]["judges"]["ours-operator"]["promoted"]["is"] == 100
    assert [goal for goal in goals(found) if goal.missed and goal.promise.startswith("false")] == []


def test_every_judge_sees_the_same_streams_whenever_it_is_asked(found) -> None:
    again = {name: figures for name, figures, _ in results(SMALL[:1], 12, 5, 1)}
    assert again["bad-10-at-50"] == found["bad-10-at-50"]


def test_another_seed_draws_other_streams(found) -> None:
    other = {name: figures for name, figures, _ in results(SMALL[:1], 12, 6, 1)}
    assert other["bad-10-at-50"] != found["bad-10-at-50"]


def test_chunks_hold_all_runs_and_kayenta_only_the_first() -> None:
    found = tasks(["equal-at-5"], 1100, 1)
    assert [task.runs for task in found] == [500, 500, 100]
    assert [task.kayenta_runs for task in found] == [400, 0, 0]


def test_a_rollback_after_a_promotion_counts_against_an_equal_candidate_only() -> None:
    ones = np.ones((4, 1))
    stream = Stream(Counts(ones, 10 * ones, ones, 10 * ones), column(0.1), column(0.1))
    late = Decisions(np.array([3]), np.array([1]))
    assert outcome(late, stream, "equal").wrong[0]
    assert outcome(late, stream, "equal").exposures[0] == 20
    assert not outcome(late, stream, "bad").rolled_back[0]
    assert outcome(late, stream, "bad").wrong[0]
    assert outcome(late, stream, "held").rolled_back[0]


def test_the_runs_of_chunks_are_put_together_in_order() -> None:
    parts = [{"a": _outcome(1.0), "b": _outcome(2.0)}, {"a": _outcome(3.0)}]
    whole = joined(parts)
    assert whole["a"].exposures.tolist() == [1.0, 3.0]
    assert whole["b"].exposures.tolist() == [2.0]
    figures = summary(whole, "a")
    assert figures["b"]["to_oracle"]["is"] == 2.0


def test_intervals_hold_what_they_are_about() -> None:
    low, high = wilson(2, 100)
    assert (round(low, 4), round(high, 4)) == (0.0055, 0.07)
    values = np.arange(100.0)
    assert mean(values)["low"] < 49.5 < mean(values)["high"]
    assert ratio(2 * values + 1, values + 0.5)["is"] == 2


def test_the_page_shows_every_scenario_its_misses_and_its_losses(found) -> None:
    machine = {"cores": 2, "processor": "x", "python": "3"}
    document = {"command": "c", "machine": machine, "minutes": 1, "runs": 12, "seed": 5, "scenarios": found}
    text = page(document)
    assert all(f"### {name}" in text for name in SMALL)
    assert "| **ours, as the operator runs it** | 12 |" in text
    for loss in losses(found):
        assert f"| {loss.scenario} |" in text
    for picture in pictures(found).values():
        assert picture.startswith("<svg")
        assert "nan" not in picture


@pytest.mark.parametrize("backwards", [False, True])
def test_page_and_pictures_are_what_the_stored_results_say_in_whatever_order_they_are_kept(*, backwards: bool) -> None:
    document, experiments = read("engine"), read("experiments")
    scenarios = {
        name: {**one, "judges": dict(sorted(one["judges"].items(), reverse=backwards))}
        for name, one in sorted(document["scenarios"].items(), reverse=backwards)
    }
    assert page({**document, "scenarios": scenarios}, experiments) == PAGE.read_text()
    for name, picture in pictures(scenarios).items():
        assert picture == (PICTURES / name).read_text()


def test_no_scenario_lacks_a_title_and_a_truth_that_the_page_explains() -> None:
    from benchmarks.stats.page import TRUTHS

    assert len(SCENARIOS) >= 40
    for name, case in SCENARIOS.items():
        assert case.title, name
        assert case.truth in TRUTHS, name


def _outcome(exposures: float) -> Outcome:
    yes, no = np.ones(1, dtype=bool), np.zeros(1, dtype=bool)
    return Outcome(yes, no, np.array([exposures]), np.zeros(1), no)
