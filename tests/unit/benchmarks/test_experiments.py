"""The benchmark of experiments in small: it is the operator that decides, and the arithmetic is right."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from benchmarks.stats.experiments import judges, situations
from benchmarks.stats.experiments.campaign import figures, joined, perform, tasks
from benchmarks.stats.experiments.decisions import LOOK, START, Begun, Run, a_rollout, after
from benchmarks.stats.experiments.judges import JUDGES, LABELS, OURS, Endings, Ours, fixed_strata, played
from benchmarks.stats.experiments.page import losses, section, written
from benchmarks.stats.experiments.situations import ANSWERS, FEW, SITUATIONS, STRATA, Situation
from benchmarks.stats.page import PAGE
from benchmarks.stats.record import read
from modelrollout.api.status import RunState
from modelrollout.decisions.analysis.looking import initial
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.decisions.experiments.pairs import fold_pairs, judge_pairs, name_of
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.observed import RuleSeen
from modelrollout.decisions.plan import plan, question
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import gathered

SCRAPE = 150.0


class Watched:
    """A judge of one run whose draws and weights are kept."""

    def __init__(self, judge: Ours) -> None:
        """Nothing has been drawn."""
        self._judge = judge
        self.drawn: list[tuple[np.ndarray, np.ndarray]] = []
        self.said: list[dict] = []
        self.given = [judge.weights[:, 0].tolist()]
        self.ended: int | None = None

    @property
    def weights(self) -> np.ndarray:
        """Its own."""
        return self._judge.weights

    def look(self, good: np.ndarray, total: np.ndarray, strata: int) -> dict[int, int]:
        """As its own."""
        self.drawn.append((good[:, 0], total[:, 0]))
        ended = dict(self._judge.look(good, total, strata))
        self.given.append(self._judge.weights[:, 0].tolist())
        self.said.append(_told(self._judge.evidence(0)))
        self.ended = ended.get(0, self.ended)
        return ended


class Live:
    """The same experiment as the operator decides it: from counters, by questions, pairs and whole plans."""

    def __init__(self, rollout, names) -> None:
        """Begun, without data."""
        begun = Begun(rollout)
        self.names, self.rollout, self.spec, self.observed = names, begun.rollout, begun.spec, begun.observed
        self.drawn: list[tuple[np.ndarray, np.ndarray]] = []
        asked = question(self.rollout, "", self.spec, self.observed)
        self.states = {name_of(pair): initial(pair) for pair in asked.pairs}

    def evidence(self, at: float) -> Evidence:
        """What a look at that moment finds."""
        asked = question(self.rollout, "", self.spec, self.observed)
        counters = self.counters(at)
        samples = {name_of(pair): gathered(self.states[name_of(pair)], pair, counters, at) for pair in asked.pairs}
        self.states = fold_pairs(self.states, asked, samples, at)
        return judge_pairs(self.states, asked)

    def counters(self, at: float) -> CounterSamples:
        """Counters that rise, at the first scrape of a stratum, by what was drawn for it."""
        start, width = START.timestamp(), LOOK.total_seconds()
        times = np.arange(start - 2 * width, at + 1e-6, SCRAPE)
        stratum = np.clip(np.floor((times - start - 1e-6) / width).astype(int) + 1, 0, len(self.drawn))
        series = {"good": [], "total": []}
        for place, name in enumerate(self.names):
            for which, key in enumerate(("good", "total")):
                sums = np.cumsum([0.0, *(one[which][place] for one in self.drawn)])
                series[key].append(CounterSeries(name, f"{name}-a", times, sums[stratum] + 7))
        return CounterSamples({key: tuple(many) for key, many in series.items()})

    def look(self, good: np.ndarray, total: np.ndarray) -> Evidence:
        """The stratum has ended and settled: ask, decide, and carry out."""
        self.drawn.append((good, total))
        now = START + len(self.drawn) * LOOK + timedelta(seconds=SCRAPE + 5)
        found = self.evidence(now.timestamp())
        for _ in range(6):
            decision = plan(self.rollout, "", self.spec, self.observed, found, now)
            self.rollout = self.rollout.model_copy(update={"status": decision.status})
            if decision.traffic is None:
                break
            weights = {name: share for name, share in decision.traffic.weights.items() if share}
            route = replace(
                self.observed.route, rules=(RuleSeen(name="0", weights=weights),), owner=decision.traffic.owner
            )
            self.observed = replace(self.observed, route=route)
        return found

    @property
    def weights(self) -> list[int]:
        """As the route has them."""
        seen = self.observed.route.rules[0].weights
        return [seen.get(name, 0) for name in self.names]


def _told(evidence: Evidence) -> dict:
    """Verdict and numbers of every pair."""
    pairs = {(name, ""): of.findings[0] for name, of in evidence.arms.items()}
    pairs |= {(duel.first, duel.second): duel.finding for duel in evidence.duels}
    return {names: (one.verdict, one.candidate_count, one.stable_count, one.samples) for names, one in pairs.items()}


@pytest.mark.parametrize(
    ("name", "strategy", "seed"),
    [("3-close", "bandit", 4), ("5-ladder", "bandit", 4), ("3-clear", "abTest", 4), ("3-worse", "abTest", 4)],
)
def test_what_the_benchmark_decides_is_what_the_operator_decides_from_counters(name, strategy, seed) -> None:
    situation = SITUATIONS[name]
    fields = {"bandit": {"interval": "5m"}, "abTest": {}}[strategy]
    watched = Watched(Ours(situation, {strategy: fields}, 1))
    played(watched, situation, np.random.default_rng(seed), 1)
    until = {"until": {"duration": f"{STRATA * 5}m"}}
    live = Live(a_rollout(situation.names, {strategy: fields | until}), situation.names)
    assert live.weights == watched.given[0]
    for (good, total), weights, said in zip(watched.drawn, watched.given[1:], watched.said, strict=True):
        assert _told(live.look(good, total)) == said
        if live.rollout.status.run.state is RunState.TRIAL:
            assert live.weights == weights
    verdicts = {pair[0].value for said in watched.said for pair in said.values()}
    assert verdicts > {"Inconclusive"}, "something was proven"
    assert len({tuple(one) for one in watched.given}) > 3 or strategy == "abTest", "a bandit moves its weights"
    run = live.rollout.status.run
    assert watched.ended is not None
    assert (run.state is RunState.WATCHING) == (watched.ended > 0)
    if watched.ended:
        assert run.target == situation.names[watched.ended]


class Scripted:
    """A judge that ends its first run after two strata with the second version, and its second never."""

    def __init__(self) -> None:
        """A tenth for stable."""
        self.weights = np.array([[100, 100], [900, 900]])

    def look(self, good, total, strata):
        """As scripted."""
        assert (good <= total).all()
        return {0: 1} if strata == 2 else {}


def test_lost_good_answers_are_those_that_the_best_version_would_have_given_more() -> None:
    situation = Situation("a", "a", (0.5, 0.3))
    found = played(Scripted(), situation, np.random.default_rng(1), 2)
    assert found.winner.tolist() == [1, 0]
    assert found.answers == pytest.approx([2 * ANSWERS, STRATA * ANSWERS], rel=0.02)
    assert found.lost == pytest.approx(0.2 * 0.9 * found.answers, rel=0.02), "nine tenths lost a fifth each"
    assert found.lost_in_all[0] == pytest.approx(found.lost[0] + 0.2 * ANSWERS * (STRATA - 2)), (
        "the wrong one serves on"
    )
    assert found.lost_in_all[1] == found.lost[1]


def test_who_is_right_follows_from_the_true_shares() -> None:
    winners = Endings(np.array([0, 1, 2, 2]), *(np.ones(4) for _ in range(3)))
    best = figures(winners, Situation("a", "a", (0.1, 0.1, 0.2)))
    assert [best[key]["is"] for key in ("right", "wrong", "nobody")] == [50, 25, 25]
    for shares in ((0.1, 0.1, 0.1), (0.1, 0.2, 0.2), (0.2, 0.1, 0.15)):
        nobody = figures(winners, Situation("a", "a", shares))
        assert [nobody[key]["is"] for key in ("right", "wrong", "nobody")] == [25, 75, 25]


def test_a_fixed_horizon_is_as_long_as_its_effect_needs_and_no_longer_than_the_situation() -> None:
    spec = a_rollout(("v7", "v8"), {"abTest": {}}).spec
    # two-sided 5 %, 90 % power, 10 % against 11 %: 19,746 each by Fleiss
    assert fixed_strata(SITUATIONS["2-close"], spec) == -(-2 * 19_746 // ANSWERS)
    assert fixed_strata(replace(SITUATIONS["2-close"], planned=0.1001), spec) == STRATA


def test_the_fixed_horizon_decides_at_its_end_and_never_before(monkeypatch) -> None:
    monkeypatch.setattr(judges, "STRATA", 12)
    situation = SITUATIONS["2-clear"]
    judge = JUDGES["fixed"](situation, 4)
    found = played(judge, situation, np.random.default_rng(2), 4)
    strata = fixed_strata(situation, a_rollout(situation.names, {"abTest": {}}).spec)
    assert found.answers == pytest.approx([strata * ANSWERS] * 4, rel=0.05)


def test_a_run_without_evidence_goes_on_and_ends_without_a_winner() -> None:
    run = Run(Begun(a_rollout(("v7", "v8", "v9"), {"abTest": {"until": {"duration": "10m"}}})))
    nothing = Evidence(run=run.id, step=0)
    run.look(nothing, after(1))
    assert (run.over, run.weights) == (False, (334, 333, 333))
    run.look(nothing, after(2))
    assert (run.winner, run.reason) == (None, "DeadlinePassed")


def test_thompson_sampling_leaves_a_loser_and_believes_95_percent() -> None:
    judge = judges.Thompson(SITUATIONS["2-clear"], 2)
    good, total = np.array([[100.0, 100.0], [115.0, 200.0]]), np.full((2, 2), 1000.0)
    assert judge.look(good, total, 1) == {1: 1}
    assert judge.weights[:, 0].tolist() == pytest.approx([139, 861], abs=5), "z is 1.085"


def test_chunks_of_the_same_seed_are_the_same_and_joined_in_order(monkeypatch) -> None:
    monkeypatch.setattr(judges, "STRATA", 3)
    monkeypatch.setattr(situations, "STRATA", 3)
    todo = [task for task in tasks(["2-clear"], 60, 5) if task.judge == "split"]
    assert [task.runs for task in todo] == [50, 10]
    assert sum(task.runs for task in tasks(["5-equal"], 1000, 5)) == FEW * len(JUDGES)
    small = replace(todo[1], runs=4)
    first, again = perform(small)[1], perform(small)[1]
    assert first.answers.tolist() == again.answers.tolist()
    assert perform(replace(small, seed=6))[1].answers.tolist() != first.answers.tolist()
    assert joined([first, again]).answers.tolist() == [*first.answers, *first.answers]


def _share(value: float) -> dict[str, float]:
    return {"is": value, "low": 0.9 * value, "high": 1.1 * value, "median": value}


def _found(wrong: float, answers: float) -> dict:
    figures = {key: _share(100.0) for key in ("right", "nobody", "lost", "lost_in_all")}
    return {"runs": 9, **figures, "wrong": _share(wrong), "answers": _share(answers)}


def test_the_page_shows_every_judge_and_every_loss_and_no_loss_to_a_liar() -> None:
    judged = {"bandit": _found(1, 1000), "split": _found(1, 500), "fixed": _found(1, 950), "thompson": _found(30, 10)}
    found = {"2-close": {"title": "two", "shares": [0.1, 0.11], "judges": judged}}
    assert [(one.rival, one.measure) for one in losses(found)] == [("split", "answers")], "fixed is within chance"
    text = section({"command": "c", "runs": 9, "seed": 1, "situations": found})
    assert f"| 2-close | {LABELS['split']} | answers until the decision | 500 | 1,000 |" in text
    assert all(f"**{LABELS[judge]}**" in text for judge in OURS)
    assert "3 promises" in text
    assert "| 2-close | 100 (100) | 100 (100) | 1,000 (1,000) | 500 (500) |" in text
    assert f"{LABELS['thompson']} in 2-close: 30 [27 to 33] %" in text


def test_the_page_has_the_figures_of_the_results() -> None:
    results, page = read("experiments"), PAGE.read_text()
    assert written(page, results) == page
    assert list(results["situations"]) == sorted(SITUATIONS)
    assert written(page, results | {"runs": results["runs"] + 1}) != page
