"""Groups of requests judged apart: the bad one fails by its name, equal ones do not, and nobody pays for the others."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from modelrollout.decisions.analysis.looking import initial, judge, state_from_checkpoint
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.metric_status import metric_status
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import ERRORS, T0, folded, question

SLICED = {**ERRORS, "slices": {"label": "country", "maxValues": 20, "minSamples": 200}}
COUNTRIES = [f"c{number:02}" for number in range(20)]


def sliced(
    seconds: float,
    bad: Mapping[str, float],
    *,
    values: Sequence[str] = COUNTRIES,
    rate: float = 4.0,
    begin: Mapping[str, float] | None = None,
    seed: int = 1,
) -> CounterSamples:
    """A pod of each version; v8 answers 2 % badly, in the groups of `bad` more."""
    rng = np.random.default_rng(seed)
    times = np.round(np.arange(T0 - 60, T0 + seconds + 5, 5.0) + 0.3, 3)
    counters: dict[str, list[CounterSeries]] = {"bad": [], "total": []}
    for version in ("v7", "v8"):
        for value in values:
            answers = rng.poisson(rate * 5, len(times)) * (times >= T0 + (begin or {}).get(value, -60))
            wrong = rng.binomial(answers, bad.get(value, 0.02) if version == "v8" else 0.02)
            for name, rose in (("bad", wrong), ("total", answers)):
                there = np.flatnonzero(np.cumsum(rose) > 0)
                kept = slice(there[0] if len(there) else len(times), None)
                series = CounterSeries(version, version, times[kept], np.cumsum(rose)[kept].astype(float), value)
                counters[name].append(series)
    return CounterSamples({name: tuple(one for one in many if len(one.times)) for name, many in counters.items()})


def asked_for(**slices):
    return question({**SLICED, "slices": {**SLICED["slices"], **slices}}, analysis={"interval": "15s"})


def test_one_bad_group_of_twenty_fails_by_its_name_while_all_together_are_fine():
    asked = asked_for()
    said = judge(folded(initial(asked), asked, sliced(900, {"c07": 0.12}), 900), asked).findings[0]
    assert (said.verdict, said.reason) == ("Fail", "SliceWorse")
    assert "where country is c07: 1" in said.message
    assert said.evidence_fail < 1
    assert said.slices[0].value == "c07"
    assert [one.verdict for one in said.slices] == ["Fail", "Inconclusive", "Inconclusive"]
    assert said.slices[0].low > 1
    assert len(metric_status(said).slices) == 3


def test_twenty_equal_groups_do_not_fail():
    asked = asked_for()
    failed = [
        judge(folded(initial(asked), asked, sliced(300, {}, seed=seed), 300), asked).findings[0].verdict == "Fail"
        for seed in range(10)
    ]
    assert sum(failed) <= 1  # at 1 % two or more of 10 have a chance of 0.4 %


def test_half_of_the_allowance_is_kept_for_the_slices():
    alone, apart = question(), asked_for()
    test, slices = initial(apart).metrics["errors"].test, initial(apart).metrics["errors"].slices.test
    assert (initial(alone).metrics["errors"].test.alpha, test.alpha) == (0.01, 0.005)
    assert slices.alpha == pytest.approx(0.005 / 21)


def test_a_group_is_not_judged_before_it_has_its_answers_on_both_sides():
    asked = asked_for(minSamples=3000)
    whole = sliced(900, {"c07": 0.12})
    state = folded(initial(asked), asked, whole, 300)
    assert (judge(state, asked).findings[0].reason, judge(state, asked).findings[0].slices) == ("NotYet", ())
    assert judge(folded(state, asked, whole, 900), asked).findings[0].reason == "SliceWorse"


def test_the_first_groups_seen_have_a_place_and_later_ones_are_counted_together():
    asked = asked_for(maxValues=2)
    whole = sliced(600, {"z": 0.3}, values=["a", "b", "z"], begin={"z": 100})
    state = folded(initial(asked), asked, whole, 600)
    assert set(state.metrics["errors"].slices.values) == {"a", "b"}
    assert state.metrics["errors"].slices.failed == ("other",)
    assert judge(state, asked).findings[0].slices[0].value == "other"


def test_pieces_and_restarts_give_the_same_places_and_the_same_evidence():
    asked = asked_for(maxValues=5)
    begin = {value: 60.0 * number for number, value in enumerate(reversed(COUNTRIES))}
    whole = sliced(600, {"c15": 0.3}, begin=begin)
    at_once = folded(initial(asked), asked, whole, 600)
    state = initial(asked)
    for moment in (7, 31, 95, 240, 241, 500, 600):
        state = state_from_checkpoint(json.loads(json.dumps(state.checkpoint())), asked)
        state = folded(state, asked, whole, moment)
    assert judge(state, asked) == judge(at_once, asked)


def test_a_failed_group_is_remembered_when_its_evidence_can_no_longer_be_read():
    asked = asked_for()
    whole = sliced(900, {"c07": 0.12})
    old = {**folded(initial(asked), asked, whole, 900).checkpoint(), "v": 1}
    state = state_from_checkpoint(old, asked)
    assert judge(state, asked).findings[0].reason == "SliceWorse"
    again = judge(folded(state, asked, whole, 900), asked).findings[0]
    assert (again.reason, again.slices[0].value) == ("SliceWorse", "c07")


def test_a_group_never_rolls_back_for_a_goal():
    goal = {**SLICED, "role": "Goal", "gain": {"difference": 0.0}}
    asked = question(goal, analysis={"interval": "15s"})
    said = judge(folded(initial(asked), asked, sliced(900, {"c07": 0.12}), 900), asked).findings[0]
    assert said.reason != "SliceWorse"
    assert said.slices[0].value == "c07"


def test_twenty_groups_fit_into_status():
    asked = asked_for()
    state = folded(initial(asked), asked, sliced(600, {}), 600)
    assert len(json.dumps(state.checkpoint())) < 16_000


def test_evidence_that_is_too_large_for_a_status_leaves_only_what_failed(monkeypatch: pytest.MonkeyPatch):
    asked = asked_for()
    whole = sliced(900, {"c07": 0.12})
    state = folded(initial(asked), asked, whole, 900)
    monkeypatch.setattr("modelrollout.decisions.analysis.state.LARGEST", 4_000)
    assert len(json.dumps(state.checkpoint())) < 200
    restored = state_from_checkpoint(state.checkpoint(), asked)
    assert judge(restored, asked).findings[0].reason == "SliceWorse"
    monkeypatch.undo()
    assert folded(restored, asked, whole, 900).checkpoint() == state.checkpoint()


def test_groups_are_left_alone_after_the_promotion():
    asked = asked_for()
    whole = sliced(900, {"c07": 0.12})
    state = folded(initial(asked), asked, whole, 60)
    watching = replace(asked, watching=True, weight=1000)
    assert judge(folded(state, watching, whole, 900), watching).findings[0].reason != "SliceWorse"
