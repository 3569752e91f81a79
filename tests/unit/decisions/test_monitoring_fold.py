"""Looks at the version that serves: from raw samples to a reference, and to an alarm."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from modelrollout.api import Metric, ModelRolloutSpec
from modelrollout.decisions.analysis.samples import CounterSamples, Samples, Trouble
from modelrollout.decisions.monitoring.findings import MonitoringFinding
from modelrollout.decisions.monitoring.fold import (
    LOOKS_KEPT,
    MonitoringState,
    can_be_monitored,
    fold,
    judge,
    limit_of,
    start_of_look,
)
from modelrollout.decisions.monitoring.monitored import Monitored
from modelrollout.decisions.questions import Question
from modelrollout.stats import CounterSeries
from tests.unit.decisions.world import a_spec, errors_metric

EVERY, SINCE = 240.0, 24_000.0
SCORES = {"name": "errors", "distribution": {"histogram": "score", "margin": {"jensenShannon": 0.05}}}


def question(metric: dict[str, Any], **more: Any) -> Monitored:
    spec = ModelRolloutSpec.model_validate(a_spec(metrics=[metric]))
    asked = Question("risk", spec, "v7/r/d", "v7", "v7", SINCE, 0, SINCE, 1000)
    return replace(Monitored(asked, spec.metrics, EVERY, looks=4, mean_looks=365), **more)


def samples(counters: dict[str, list[float]], first: float = SINCE) -> Samples:
    """A sample each ten seconds from two looks before `first`; each look brings the numbers listed, evenly."""
    series = {}
    for name, looks in counters.items():
        rates = np.repeat(np.array([0, 0, *looks]) / 24, 24)
        times = first - 2 * EVERY + 10.0 * np.arange(1, len(rates) + 1)
        series[name] = (CounterSeries("v7", "pod-a", times, 5 + np.cumsum(rates)),)
    return Samples(0.0, {"errors": CounterSamples(series)})


def look(asked: Monitored, bad: list[float], total: list[float]) -> MonitoringFinding:
    at = SINCE + EVERY * len(bad) + 30
    state = fold(MonitoringState(asked.run), asked, samples({"bad": bad, "total": total}), at)
    return judge(state, asked).findings[0]


def test_the_first_looks_become_the_reference_and_nothing_is_judged_before() -> None:
    asked = question(errors_metric())
    assert look(asked, [24, 24, 24], [2400] * 3).reference is None
    found = look(asked, [24, 48, 24, 24], [2400] * 4)
    assert found.reference is not None
    assert found.reference.counts == [120, 9600]
    assert found.reference.until.timestamp() == SINCE + 4 * EVERY
    assert found.reference.dispersion > 1  # the second look was worse than chance
    assert (found.evidence, found.deviation) == (None, "")


def test_a_version_that_gets_worse_leaves_its_reference_and_says_by_how_much() -> None:
    found = look(question(errors_metric()), [24] * 8, [2400] * 8)
    assert found.deviation == ""
    assert found.evidence is not None
    assert found.evidence < 0.5
    found = look(question(errors_metric()), [24] * 6 + [96] * 2, [2400] * 8)
    assert found.deviation == ("errors 4 % of 2,400 in the last look, limit 1.77 % by a reference of 1 % of 9,600")


def test_who_begins_again_finds_the_same_from_the_reference_in_the_status() -> None:
    asked = question(errors_metric())
    bad = [24] * 6 + [96] * 2
    whole = look(asked, bad, [2400] * 8)
    assert whole.reference is not None
    again = look(replace(asked, references={"errors": whole.reference}), bad, [2400] * 8)
    assert again.reference is None
    assert (again.evidence, again.deviation) == (whole.evidence, whole.deviation)


def test_looks_that_come_one_by_one_give_what_they_give_at_once() -> None:
    asked = question(errors_metric())
    bad, state = [24] * 6 + [96] * 2, MonitoringState(asked.run)
    for number in range(1, len(bad) + 1):
        at = SINCE + EVERY * number + 30
        state = fold(state, asked, samples({"bad": bad[:number], "total": [2400] * number}), at)
    assert judge(state, asked).findings == (look(asked, bad, [2400] * 8),)


def test_a_signal_that_dies_is_no_degradation() -> None:
    accuracy = errors_metric(better="Higher", proportion={"good": "right_total", "total": "labelled_total"})
    asked = question(accuracy)
    at = SINCE + EVERY * 4 + 30
    state = fold(MonitoringState(asked.run), asked, samples({"good": [2300] * 4, "total": [2400] * 4}), at)
    later = samples({"total": [2400] * 6}, first=SINCE)
    state = fold(state, asked, later, SINCE + EVERY * 6 + 30)
    found = judge(state, asked).findings[0]
    assert (found.deviation, found.trouble) == ("", "there were no answers in the last look")


def test_a_goal_is_held_to_its_reference_and_not_to_its_gain() -> None:
    goal = {"name": "errors", "role": "Goal", "better": "Higher", "gain": {"difference": 0.05}}
    goal["proportion"] = {"good": "right_total", "total": "labelled_total"}
    asked = question(goal)
    at = SINCE + EVERY * 4 + 30
    state = fold(MonitoringState(asked.run), asked, samples({"good": [2160] * 4, "total": [2400] * 4}), at)
    reference = judge(state, asked).findings[0].reference
    assert reference is not None
    assert 0.88 < limit_of(asked.metrics[0], reference) < 0.9


def test_a_distribution_that_drifts_leaves_its_reference() -> None:
    asked = question(SCORES)

    def state_after(low: list[float]) -> MonitoringState:
        counters = {"0.5": low, "+Inf": [2400.0] * len(low)}
        return fold(MonitoringState(asked.run), asked, samples(counters), SINCE + EVERY * len(low) + 30)

    steady = judge(state_after([1200] * 8), asked).findings[0]
    assert steady.reference is not None
    assert (steady.reference.bounds, steady.reference.counts) == ([0.5], [4800, 4800])
    assert steady.deviation == ""
    drifted = judge(state_after([1200] * 5 + [1900] * 3), asked).findings[0]
    assert "from its reference, limit 0.05" in drifted.deviation


def test_what_prometheus_does_not_say_changes_nothing() -> None:
    asked = question(errors_metric())
    before = fold(
        MonitoringState(asked.run), asked, samples({"bad": [24] * 5, "total": [2400] * 5}), SINCE + EVERY * 5 + 30
    )
    gone = Samples(0.0, {"errors": Trouble("Unreachable", "nobody answers")}, "nobody answers")
    after = fold(before, asked, gone, SINCE + EVERY * 6 + 30)
    evidence = judge(after, asked)
    assert (evidence.unreachable, evidence.findings[0].trouble) == ("nobody answers", "nobody answers")
    assert evidence.findings[0].evidence == judge(before, asked).findings[0].evidence


def test_how_far_back_is_asked_is_bounded() -> None:
    asked, at = question(errors_metric()), SINCE + 1e6
    metric = asked.metrics[0]
    assert at - start_of_look(MonitoringState(asked.run), asked, metric, at) == (LOOKS_KEPT + 4) * EVERY
    silent = fold(MonitoringState(asked.run), asked, samples({"bad": [24], "total": [2400]}), SINCE + EVERY + 30)
    assert at - start_of_look(silent, asked, metric, at) == (LOOKS_KEPT + 4) * EVERY


@pytest.mark.parametrize("metric", [errors_metric(), SCORES])
def test_a_metric_without_series_is_waited_for(metric: dict[str, Any]) -> None:
    asked = question(metric)
    state = fold(MonitoringState(asked.run), asked, Samples(0.0, {"errors": CounterSamples({})}), SINCE + EVERY + 30)
    assert judge(state, asked).findings == (MonitoringFinding("errors", trouble="Prometheus has no series of it"),)


def test_a_histogram_without_a_total_is_said_to_have_none() -> None:
    asked = question(SCORES)
    state = fold(MonitoringState(asked.run), asked, samples({"0.5": [1200] * 5}), SINCE + EVERY * 5 + 30)
    assert "no bucket +Inf" in judge(state, asked).findings[0].trouble


def test_what_needs_two_versions_cannot_be_monitored() -> None:
    agreement = {"name": "a", "agreement": {"agreed": "x_total", "total": "y_total", "min": 0.9}}
    assert not can_be_monitored(Metric.model_validate(agreement))
    mean = {"name": "m", "better": "Lower", "mean": {"sum": "s", "count": "c"}, "margin": {"ratio": 2}}
    assert not can_be_monitored(Metric.model_validate(mean))
