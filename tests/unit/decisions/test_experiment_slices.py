"""Where a candidate of an experiment is the better one: the chance of it, group by group."""

from dataclasses import replace

import numpy as np
import pytest

from modelrollout.api import parse_spec
from modelrollout.decisions.analysis.looking import initial
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.experiments.asking import Side, pairs_of
from modelrollout.decisions.experiments.pairs import fold_pairs, judge_pairs, name_of
from modelrollout.decisions.experiments.statements import experiment_metrics
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.questions import Question
from modelrollout.stats import CounterSeries
from modelrollout.stats.chances import chance_to_beat
from tests.unit.decisions.analysis_histories import T0, gathered, question
from tests.unit.decisions.experiment_world import ExperimentWorld

VERSIONS = ("v7", "v8", "v9")
CLICKS = {"BR": (0.10, 0.20, 0.10), "DE": (0.10, 0.10, 0.10), "JP": (0.20, 0.10, 0.20), "SM": (0.10, 0.20, 0.10)}
"""By country the share of answers that please, of each version: v8 is better in Brazil and worse in Japan."""


def goal(**slices) -> dict:
    return {
        "name": "clicks",
        "role": "Goal",
        "better": "Higher",
        "gain": {"difference": 0},
        "proportion": {"good": "clicks_total", "total": "requests_total"},
        "slices": {"label": "country", "minSamples": 200, **slices},
    }


def counters(seconds: float, events: str) -> CounterSamples:
    """A pod of each version; San Marino has few visitors."""
    times = np.round(np.arange(T0 - 60, T0 + seconds + 5, 5.0) + 0.3, 3)
    series: dict[str, list[CounterSeries]] = {events: [], "total": []}
    for number, (country, shares) in enumerate(CLICKS.items()):
        for place, version in enumerate(VERSIONS):
            rng = np.random.default_rng([3, number, place])
            answers = rng.poisson(0.2 if country == "SM" else 20, len(times))
            for name, rose in ((events, rng.binomial(answers, shares[place])), ("total", answers)):
                series[name].append(CounterSeries(version, version, times, np.cumsum(rose).astype(float), country))
    return CounterSamples({name: tuple(many) for name, many in series.items()})


def asked(metric: dict, **analysis) -> Question:
    base = question()
    versions = [
        {"name": name, "service": {"name": name, "port": 1}, "workload": {"kind": "Deployment", "name": name}}
        for name in VERSIONS
    ]
    spec = parse_spec(
        {
            "versions": versions,
            "candidates": ["v8", "v9"],
            "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
            "strategy": {"abTest": {}},
            "metrics": [metric],
            "analysis": {"interval": "15s", "warmUp": "0s", "dispersion": 1, **analysis},
        }
    )
    whole = replace(base, spec=spec)
    return replace(whole, pairs=pairs_of(whole, Side("v7", 334), [Side("v8", 333), Side("v9", 333)], 2))


def evidence(of: Question, seconds: float = 600, events: str = "good") -> Evidence:
    states = {name_of(pair): initial(pair) for pair in of.pairs}
    samples = {name: gathered(states[name], pair, counters(seconds, events), T0 + seconds) for name, pair in _named(of)}
    return judge_pairs(fold_pairs(states, of, samples, T0 + seconds), of)


def _named(of: Question) -> list[tuple[str, Question]]:
    return [(name_of(pair), pair) for pair in of.pairs]


def test_each_group_has_the_chance_that_the_candidate_is_better_there_and_the_worst_comes_first() -> None:
    of = asked(goal())
    run = ExperimentWorld().start().status.run
    lines = {(one.version, one.against): one for one in experiment_metrics(of.spec, run, evidence(of), [])}
    groups = {one.value: one for one in lines["v8", "v7"].slices}
    assert list(groups) == ["JP", "DE", "BR"], "San Marino has too few answers to be shown"
    assert (groups["JP"].chance, groups["BR"].chance) == ("0.0000", "1.0000")
    assert 0.001 < float(groups["DE"].chance) < 0.999
    equal = [float(one.chance) for one in lines["v9", "v7"].slices]
    assert all(0.001 < one < 0.999 for one in equal)
    assert lines["v8", "v9"].slices is None, "candidates are compared with each other as a whole"


def test_the_chance_of_a_group_is_that_of_its_own_answers_and_knows_how_they_scatter() -> None:
    (plain, scattered) = (
        {one.value: one for one in evidence(asked(goal(), dispersion=phi)).arms["v8"].findings[0].slices}
        for phi in (1, 4)
    )
    for one, phi in ((plain["DE"], 1), (scattered["DE"], 4)):
        counts = [
            (share * total / phi, total / phi)
            for share, total in ((one.candidate, one.candidate_count), (one.stable, one.stable_count))
        ]
        assert one.chance_higher == pytest.approx(chance_to_beat(*counts))
    assert abs(scattered["DE"].chance_higher - 0.5) < abs(plain["DE"].chance_higher - 0.5)


def test_a_goal_where_fewer_is_better_turns_the_chance_round() -> None:
    of = asked({**goal(), "better": "Lower", "proportion": {"bad": "clicks_total", "total": "requests_total"}})
    run = ExperimentWorld().start().status.run
    lines = experiment_metrics(of.spec, run, evidence(of, events="bad"), [])
    groups = {one.value: one.chance for one in lines[0].slices}
    assert list(groups) == ["BR", "DE", "JP"]
    assert (groups["BR"], groups["JP"]) == ("0.0000", "1.0000")


def test_a_mean_has_a_chance_in_each_group_where_its_spread_is_counted() -> None:
    metric = {
        "name": "spent",
        "role": "Goal",
        "better": "Higher",
        "gain": {"difference": 0},
        "mean": {"sum": "spent_sum", "count": "spent_count", "sumOfSquares": "spent_squares", "min": 0, "max": 100},
        "slices": {"label": "country", "minSamples": 50},
    }
    of = asked(metric)
    times = np.round(np.arange(T0 - 60, T0 + 605, 5.0) + 0.3, 3)
    series: dict[str, list[CounterSeries]] = {"sum": [], "count": [], "sumOfSquares": []}
    for country, means in {"BR": (10, 12, 10), "JP": (10, 8, 10)}.items():
        for place, version in enumerate(VERSIONS):
            rng = np.random.default_rng([5, place, ord(country[0])])
            spent = np.clip(rng.normal(means[place], 4, (len(times), 5)), 0, 100)
            columns = {
                "sum": spent.sum(axis=1),
                "count": np.full(len(times), 5.0),
                "sumOfSquares": (spent**2).sum(axis=1),
            }
            for name, rose in columns.items():
                series[name].append(CounterSeries(version, version, times, np.cumsum(rose), country))
    whole = CounterSamples({name: tuple(many) for name, many in series.items()})
    states = {name: initial(pair) for name, pair in _named(of)}
    samples = {name: gathered(states[name], pair, whole, T0 + 600) for name, pair in _named(of)}
    said = judge_pairs(fold_pairs(states, of, samples, T0 + 600), of)
    run = ExperimentWorld().start().status.run
    groups = {one.value: one.chance for one in experiment_metrics(of.spec, run, said, [])[0].slices}
    assert groups == {"JP": "0.0000", "BR": "1.0000"}
