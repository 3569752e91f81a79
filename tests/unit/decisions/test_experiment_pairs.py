"""An experiment judged pair by pair over recorded counters."""

import json
from dataclasses import replace

import pytest

from modelrollout.api import parse_spec
from modelrollout.decisions.analysis.looking import initial
from modelrollout.decisions.experiments.asking import Side, pairs_of
from modelrollout.decisions.experiments.pairs import fold_pairs, judge_pairs, name_of, restored
from modelrollout.decisions.questions import Question
from tests.unit.decisions.analysis_histories import T0, Pod, gathered, history, question

GOAL = {
    "name": "wrong",
    "role": "Goal",
    "better": "Lower",
    "gain": {"difference": 0},
    "proportion": {"bad": "wrong_total", "total": "requests_total"},
}
SIDES = [Side("v8", 300), Side("v9", 300)]


def asked(planned: int = 2, **fields) -> Question:
    base = question()
    versions = [
        {"name": name, "service": {"name": name, "port": 1}, "workload": {"kind": "Deployment", "name": name}}
        for name in ("v7", "v8", "v9")
    ]
    spec = parse_spec(
        {
            "versions": versions,
            "candidates": ["v8", "v9"],
            "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
            "strategy": {"abTest": {}},
            "metrics": [GOAL],
            "analysis": {"interval": "5s", "warmUp": "0s", "dispersion": 1},
        }
    )
    whole = replace(base, spec=spec, **fields)
    return replace(whole, pairs=pairs_of(whole, Side("v7", 400, "rev-v7"), SIDES, planned))


def folded(of: Question, counters, *moments: float, states=None):
    states = dict(states) if states else {name_of(pair): initial(pair) for pair in of.pairs}
    for moment in moments:
        samples = {name_of(pair): gathered(states[name_of(pair)], pair, counters, T0 + moment) for pair in of.pairs}
        states = fold_pairs(states, of, samples, T0 + moment)
    return states


def pods(v7: float = 0.1, v8: float = 0.1, v9: float = 0.1) -> list[Pod]:
    return [Pod("v7", "a", bad=v7), Pod("v8", "b", bad=v8), Pod("v9", "c", bad=v9)]


def test_every_candidate_is_asked_about_against_stable_and_against_the_others() -> None:
    of = asked()
    assert [name_of(pair) for pair in of.pairs] == ["v8/v7", "v9/v7", "v8/v9"]
    assert {pair.versions for pair in of.pairs} == {("v7", "v8", "v9")}
    assert [pair.weight for pair in of.pairs] == pytest.approx([3000 / 7, 3000 / 7, 500])
    assert [pair.spec.analysis.false_promotion for pair in of.pairs] == [0.025, 0.025, 0.025]


def test_the_best_of_three_is_told_from_both_others() -> None:
    said = judge_pairs(folded(asked(), history(pods(v9=0.03), 900), 300, 900), asked())
    assert said.arms["v9"].findings[0].verdict == "Pass"
    assert said.arms["v8"].findings[0].verdict == "Inconclusive"
    assert said.duels[0].finding.verdict == "Fail", "v8 is the worse one"
    assert said.findings == ()
    assert set(said.answers) == {"v7", "v8", "v9"}
    chance = said.arms["v9"].findings[0].chance_higher
    assert chance is not None
    assert chance < 0.001


def test_equal_versions_are_not_told_apart() -> None:
    said = judge_pairs(folded(asked(), history(pods(), 900), 300, 900), asked())
    verdicts = [one.findings[0].verdict for one in said.arms.values()] + [one.finding.verdict for one in said.duels]
    assert verdicts == ["Inconclusive"] * 3
    assert said.split is not None
    assert said.split.mismatch is True, "equal numbers of answers are not 400 to 300"


def test_it_goes_on_exactly_after_a_restart() -> None:
    of, counters = asked(), history(pods(v8=0.05), 600)
    through = folded(of, counters, 300, 600)
    stored = json.loads(json.dumps(judge_pairs(folded(of, counters, 300), of).checkpoint))
    again = folded(of, counters, 600, states=restored(stored, of))
    assert judge_pairs(again, of).checkpoint == judge_pairs(through, of).checkpoint


def test_a_checkpoint_of_another_run_is_not_taken_over() -> None:
    of, counters = asked(), history(pods(), 300)
    stored = judge_pairs(folded(of, counters, 300), of).checkpoint
    fresh = restored(stored, asked(run="another"))
    assert all(state.at is None and state.until is None for state in fresh.values())


def test_a_promoted_winner_is_judged_alone_by_the_evidence_it_has() -> None:
    of, counters = asked(), history(pods(v9=0.03), 900)
    states = folded(of, counters, 900)
    winner = replace(of, candidate="v9", watching=True)
    watched = replace(winner, pairs=pairs_of(winner, Side("v7", 0), [Side("v9", 1000)], 2))
    said = judge_pairs(folded(watched, counters, states={"v9/v7": states["v9/v7"]}), watched)
    assert (len(said.findings), said.arms) == (1, {})
    assert said.findings[0].candidate_count == states["v9/v7"].metrics["wrong"].test.exposures[0]
