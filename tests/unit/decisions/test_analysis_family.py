"""Many metrics in one run: what each one needs, and that a Fail stays one."""

import math
from dataclasses import replace

import numpy as np
import pytest

from modelrollout.api import Strategy
from modelrollout.decisions.analysis.family import decided, needed
from modelrollout.decisions.analysis.looking import fold, initial, judge
from modelrollout.decisions.analysis.samples import Samples
from modelrollout.stats import AnsweredShare, CounterSeries
from tests.unit.decisions.analysis_histories import ERRORS, T0, Pod, cut, folded, history, question

NAMES = ("one", "two", "three", "four")


class Known:
    """A test whose evidence is given."""

    def __init__(self, peak: float) -> None:
        self.peak_log_e_fail = peak


def states(asked, *peaks: float):
    fresh = initial(asked).metrics
    return {name: replace(fresh[name], test=Known(peak)) for name, peak in zip(NAMES, peaks, strict=True)}


def asked_for(*roles: str):
    metrics = (
        {**ERRORS, "name": name, "role": role, **({"gain": {"difference": 0.01}} if role == "Goal" else {})}
        for name, role in zip(NAMES, roles, strict=True)
    )
    return question(*metrics)


def test_the_more_have_failed_the_less_the_next_one_needs():
    asked = asked_for(*["Guardrail"] * 4)
    levels = [math.log(count / 0.01) for count in (4, 3, 2, 1)]
    found = states(asked, levels[0], levels[1] - 0.01, 0.0, levels[2] + 0.01)
    held_to = needed(asked.spec, found).metrics
    assert [held_to[name] for name in ("one", "two")] == pytest.approx(levels[:2])
    assert [one.failed for one in decided(asked.spec, found).values()] == [True, False, False, False]
    more = states(asked, levels[0], levels[1], 0.0, levels[2] + 0.01)
    assert [one.failed for one in decided(asked.spec, more).values()] == [True, True, False, True]
    assert needed(asked.spec, more).metrics["three"] == pytest.approx(levels[3])


def test_goals_and_monitors_have_the_whole_allowance_each_and_take_none_from_guardrails():
    asked = asked_for("Guardrail", "Goal", "Monitor", "Guardrail")
    held_to = needed(asked.spec, states(asked, 0.0, 99.0, 99.0, 0.0)).metrics
    assert [held_to[name] for name in NAMES] == pytest.approx([math.log(n / 0.01) for n in (2, 1, 1, 2)])


def test_a_failure_stays_one_although_its_evidence_is_gone():
    asked = asked_for(*["Guardrail"] * 4)
    failed = replace(states(asked, 0, 0, 0, 0)["one"], failed=True)
    assert decided(asked.spec, {"one": failed})["one"].failed


def test_what_is_shown_is_relative_to_what_is_needed():
    asked = question(*({**ERRORS, "name": name} for name in NAMES))
    whole = history([Pod("v7", "a"), Pod("v8", "b", bad=0.025)], 60)
    state = folded(initial(asked), asked, whole, 60)
    test, said = state.metrics["one"].test, judge(state, asked).findings[0]
    assert said.evidence_fail == pytest.approx(test.log_e_fail / math.log(400))
    assert said.alpha == pytest.approx(0.0025)


def gone(seconds: float):
    """v8 is scraped for 100 s and then never again, while v7 answers on."""
    return history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=40, end=T0 + 100)], seconds)


def test_a_candidate_that_is_scraped_no_more_has_lost_its_traffic():
    asked = question(weight=500)
    state = folded(initial(asked), asked, gone(300), 90)
    assert not judge(state, asked).traffic_lost
    assert judge(folded(state, asked, gone(300), 140), asked).traffic_lost


def test_a_candidate_that_nobody_has_found_yet_is_missing_data_and_not_traffic():
    asked = question(weight=500)
    whole = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=40, start=T0 + 200)], 300)
    for moment in (100, 200, 300):
        evidence = judge(folded(initial(asked), asked, whole, moment), asked)
        assert not evidence.traffic_lost


def test_traffic_is_counted_by_metrics_of_all_answers_that_are_not_late():
    late = {**ERRORS, "name": "late", "labelDelay": "10m"}
    rate = {"name": "kills", "better": "Lower", "rate": {"events": "a", "exposure": "b"}}
    asked = question(rate, late, ERRORS, {**ERRORS, "name": "second"})
    counting = {name: one for name, one in initial(asked).metrics.items() if isinstance(one.share, AnsweredShare)}
    assert list(counting) == ["errors", "second"]
    assert [one.split is None for one in counting.values()] == [False, True]


@pytest.mark.parametrize(("rate", "of_requests", "of_users"), [(10, True, False), (0, True, True)])
def test_where_users_are_split_quiet_ones_are_no_lost_traffic_but_silence_is(rate, of_requests, of_users):
    """v7's users ask 40 times a second: those of v8 ask a fourth of that, or nobody answers them."""
    told = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=rate)], 120)

    def lost(asked) -> bool:
        return bool(judge(folded(initial(asked), asked, told, 120), asked).traffic_lost)

    plain = question()
    ab_test = Strategy.model_validate({"abTest": {"sticky": {"header": "x-user"}}})
    sticky = replace(plain, spec=plain.spec.model_copy(update={"strategy": ab_test}))
    assert (lost(plain), lost(sticky)) == (of_requests, of_users)


def test_labels_that_come_late_unannounced_are_no_lost_traffic_while_another_metric_sees_the_answers():
    labels = {**ERRORS, "name": "labels"}
    alone, beside = question(labels), question(labels, ERRORS)
    unlabelled = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=0)], 60)
    seen = {"labels": unlabelled, "errors": history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=40)], 60)}

    def lost(asked) -> tuple[str, ...]:
        given = {metric.name: cut(seen[metric.name], T0 - 60, T0 + 60) for metric in asked.spec.metrics}
        return judge(fold(initial(asked), asked, Samples(T0 + 60, given), T0 + 60), asked).traffic_lost

    assert lost(alone) == ("labels",)
    assert lost(beside) == ()


def test_a_metric_of_few_answers_has_no_voice_in_whether_traffic_is_lost():
    asked = question(ERRORS, {**ERRORS, "name": "rare"})
    often = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=0)], 60)
    rare = history([Pod("v7", "a", rate=1), Pod("v8", "b", rate=1)], 60)
    given = {name: cut(one, T0 - 60, T0 + 60) for name, one in (("errors", often), ("rare", rare))}
    assert judge(fold(initial(asked), asked, Samples(T0 + 60, given), T0 + 60), asked).traffic_lost == ("errors",)


def test_a_split_that_is_off_is_noticed_and_stops_nothing():
    asked = question(weight=500)
    right = history([Pod("v7", "a", rate=100), Pod("v8", "b", rate=100)], 300)
    wrong = history([Pod("v7", "a", rate=120), Pod("v8", "b", rate=80)], 300)
    fine, off = (judge(folded(initial(asked), asked, whole, 300), asked) for whole in (right, wrong))
    assert (fine.split.mismatch, off.split.mismatch) == (False, True)
    assert (off.split.intended, off.split.found) == (0.5, pytest.approx(0.4, abs=0.01))
    assert off.findings[0].verdict == fine.findings[0].verdict != "Fail"


def test_only_strata_within_one_weight_tell_of_the_split():
    slow = question(weight=100)
    times = np.round(T0 - 60 + np.arange(0, 400, 1.0) + 0.3, 3)
    share = np.where(times < T0 + 150, 0.1, 0.5)
    whole = history([Pod("v7", "a"), Pod("v8", "b")], 300)
    counters = {
        "total": tuple(
            CounterSeries(version, version, times, np.cumsum(np.rint(200 * part)))
            for version, part in (("v7", 1 - share), ("v8", share))
        ),
        "bad": (),
    }
    state = folded(initial(slow), slow, replace(whole, counters=counters), 150)
    fast = replace(slow, weight=500, step=1, step_since=T0 + 150)
    evidence = judge(folded(state, fast, replace(whole, counters=counters), 152, 300), fast)
    assert not evidence.split.mismatch
