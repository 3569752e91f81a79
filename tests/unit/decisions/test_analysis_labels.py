"""Outcomes that become known late, or for one version more than for the other."""

from dataclasses import replace

import numpy as np

from modelrollout.decisions.analysis.looking import initial, judge
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import T0, question
from tests.unit.decisions.kind_histories import looked

DELAY = 600
OUTCOMES = {"bad": "wrong_total", "total": "answers_total"}


def asked_for(*, delay: bool = False, requests: bool = False):
    metric = {
        "name": "wrong",
        "better": "Lower",
        "proportion": {**OUTCOMES, **({"requests": "all_total"} if requests else {})},
        **({"labelDelay": f"{DELAY}s"} if delay else {}),
    }
    return question(metric, analysis={"interval": "15s"}, weight=100)


def answers(seconds: float, *, wrong: float = 0.02, jump: float | None = None, seed: int = 1) -> CounterSamples:
    """v8 gets a tenth of 40 answers a second, and from `jump` on half; outcomes are counted `DELAY` later."""
    rng = np.random.default_rng(seed)
    times = np.round(np.arange(T0 - 900, T0 + seconds + 5, 5.0) + 0.3, 3)
    weight = np.where(times >= T0 + (np.inf if jump is None else jump), 0.5, np.where(times >= T0, 0.1, 0.0))
    bad, total = [], []
    for version, share, level in (("v7", 1 - weight, 0.02), ("v8", weight, wrong)):
        given = rng.poisson(40 * 5 * share)
        known = rng.binomial(given, level)
        late = np.concatenate([np.zeros(DELAY // 5, dtype=int), known])[: len(times)]
        total.append(CounterSeries(version, version, times, np.cumsum(given).astype(float)))
        bad.append(CounterSeries(version, version, times, np.cumsum(late).astype(float)))
    return CounterSamples({"bad": tuple(bad), "total": tuple(total)})


def test_late_outcomes_are_held_against_the_answers_they_belong_to():
    whole = answers(2400, jump=1200)
    by_arrival, by_cohort = asked_for(), asked_for(delay=True)
    naive = judge(looked(initial(by_arrival), by_arrival, whole, 2400), by_arrival).findings[0]
    said = judge(looked(initial(by_cohort), by_cohort, whole, 2400), by_cohort).findings[0]
    assert naive.effect < 0.8  # the candidate's answers grew before their outcomes could
    assert 0.8 < said.effect < 1.25
    assert (said.verdict, said.fresh) == ("Pass", True)


def test_a_bad_candidate_is_found_once_its_outcomes_are_known():
    asked, whole = asked_for(delay=True), answers(2400, wrong=0.06)
    state = looked(initial(asked), asked, whole, DELAY)
    assert judge(state, asked).findings[0].candidate_count == 0
    assert judge(looked(state, asked, whole, 1000, 1400, 2000), asked).findings[0].verdict == "Fail"


def restarted(whole: CounterSamples, at: float) -> CounterSamples:
    """The same with a process of v8 that began anew at that moment."""

    def cut(one: CounterSeries) -> CounterSeries:
        first = int(np.searchsorted(one.times, at))
        lost = np.where(np.arange(len(one.values)) < first, 0.0, one.values[first - 1])
        return replace(one, values=one.values - lost) if one.version == "v8" else one

    return CounterSamples({name: tuple(map(cut, many)) for name, many in whole.counters.items()})


def test_a_process_that_restarts_counts_no_answer_and_no_late_outcome_twice():
    asked, whole = asked_for(delay=True), answers(2400)
    plain, cut = (
        judge(looked(initial(asked), asked, one, 2400), asked).findings[0]
        for one in (whole, restarted(whole, T0 + 1500))
    )
    assert (cut.candidate, cut.candidate_count) == (plain.candidate, plain.candidate_count)


def labelled(seconds: float, *, of_candidate: float, right: float = 0.9, hidden: float = 0.0) -> CounterSamples:
    """All answers, those with a label (80 % of stable's), and the wrong ones among them.

    That share of v8's answers is wrong beside those, and gets no label.
    """
    rng = np.random.default_rng(4)
    times = np.round(np.arange(T0 - 60, T0 + seconds + 5, 5.0) + 0.3, 3)
    counters: dict[str, list[CounterSeries]] = {"bad": [], "total": [], "requests": []}
    for version, coverage in (("v7", 0.8), ("v8", of_candidate)):
        given = rng.poisson(100, len(times))
        known = rng.binomial(given - rng.binomial(given, hidden if version == "v8" else 0.0), coverage)
        rose = {"requests": given, "total": known, "bad": rng.binomial(known, 1 - right)}
        for name, amounts in rose.items():
            counters[name].append(CounterSeries(version, version, times, np.cumsum(amounts).astype(float)))
    return CounterSamples({name: tuple(many) for name, many in counters.items()})


def test_labels_that_cover_one_version_more_allow_no_conclusion():
    asked = replace(asked_for(requests=True), weight=500)
    said = judge(looked(initial(asked), asked, labelled(900, of_candidate=0.6), 900), asked).findings[0]
    assert (said.verdict, said.reason, said.fresh) == ("Inconclusive", "LabelBias", False)
    assert "have a label" in said.message
    assert "of v7" in said.message


def test_nothing_fails_on_labels_that_were_found_to_be_biased():
    asked = replace(asked_for(requests=True), weight=500)
    biased, worse = labelled(300, of_candidate=0.4), labelled(1500, of_candidate=0.4, right=0.5)
    state = looked(initial(asked), asked, biased, 300)
    before = judge(state, asked).findings[0]
    said = judge(looked(state, asked, worse, 1500), asked).findings[0]
    assert (before.reason, said.reason) == ("LabelBias", "LabelBias")
    assert said.candidate_count == before.candidate_count


def test_labels_that_cover_both_alike_are_a_fair_sample():
    asked = replace(asked_for(requests=True), weight=500)
    evidence = judge(looked(initial(asked), asked, labelled(1800, of_candidate=0.8), 1800), asked)
    assert evidence.findings[0].verdict == "Pass"
    assert not evidence.traffic_lost


def test_a_candidate_whose_wrong_answers_get_no_label_does_not_pass_before_that_can_be_told():
    asked = replace(asked_for(requests=True), weight=500)
    # 4 % are wrong instead of 2 %, and of half of them nobody is told
    whole = labelled(1800, of_candidate=0.8, right=0.98, hidden=0.02)
    state, reasons = initial(asked), []
    for moment in range(60, 1801, 60):
        state = looked(state, asked, whole, moment)
        reasons.append(judge(state, asked).findings[0].reason)
    assert "Proven" not in reasons
    assert "LabelsMissing" in reasons
    assert reasons[-1] in ("LabelBias", "LabelsMissing")
