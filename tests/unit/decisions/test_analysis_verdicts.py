"""What the evidence says, and that silence never says anything."""

import math
from dataclasses import replace

import numpy as np
import pytest

from modelrollout.api import Margin
from modelrollout.decisions.analysis.looking import fold, initial, judge, state_from_checkpoint, wants_past
from modelrollout.decisions.analysis.samples import CounterSamples, Samples, Trouble, ValueSample
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import ERRORS, T0, Pod, folded, gathered, history, question


def pods(bad: float, stable: float = 0.01, **more) -> list[Pod]:
    return [Pod("v7", "a", bad=stable), Pod("v8", "b", bad=bad, **more)]


def finding(asked, whole, seconds: int = 300):
    return judge(folded(initial(asked), asked, whole, seconds), asked).findings[0]


def test_a_bad_candidate_fails_and_says_by_which_numbers():
    said = finding(question(), history(pods(0.06), 300))
    assert (said.verdict, said.reason) == ("Fail", "Worse")
    assert said.evidence_fail >= 1
    assert "of v7, limit" in said.message
    assert said.candidate == pytest.approx(0.06, abs=0.01)
    assert said.limit == pytest.approx(1.5 * said.stable)
    assert said.low > 1.5


def test_a_candidate_as_good_as_stable_passes_with_the_effect_and_its_interval():
    said = finding(question(), history(pods(0.01), 1500), 1500)
    assert (said.verdict, said.reason, said.inside_margin) == ("Pass", "Proven", True)
    assert said.low < 1 < said.high < 1.5


def test_a_service_without_errors_is_promoted_by_the_floor():
    said = finding(question(), history(pods(0, stable=0), 300))
    assert (said.verdict, said.inside_margin) == ("Pass", True)


def test_a_failure_stays_one_when_the_candidate_recovers_and_when_prometheus_is_gone():
    asked = question()
    whole = history(pods(0.3, bad_from={60: 0.0}), 400)
    state = folded(initial(asked), asked, whole, 60)
    assert judge(state, asked).findings[0].verdict == "Fail"
    state = folded(state, asked, whole, 400)
    state = fold(state, asked, Samples(T0 + 405, {"errors": Trouble("Unreachable", "gone")}, "gone"), T0 + 405)
    assert judge(state, asked).findings[0].verdict == "Fail"


def test_a_pass_is_taken_back_when_the_data_stop():
    asked = question()
    whole = history(pods(0, stable=0, end=T0 + 300), 400)
    state = folded(initial(asked), asked, whole, 300)
    assert judge(state, asked).findings[0].verdict == "Pass"
    said = judge(folded(state, asked, whole, 320), asked).findings[0]
    assert (said.verdict, said.reason, said.fresh) == ("Inconclusive", "Stale", False)
    assert "newest data of v8" in said.message


def test_a_fault_that_comes_late_is_found_soon_after_hours_of_good_answers():
    asked = question(analysis={"interval": "15s"})
    whole = history(pods(0.01, bad_from={7200: 0.03}), 7800, scrape=15.0)
    state = folded(initial(asked), asked, whole, 7200)
    assert judge(state, asked).findings[0].verdict != "Fail"
    assert judge(folded(state, asked, whole, 7700), asked).findings[0].verdict == "Fail"


@pytest.mark.parametrize("missing", ["v7", "v8"])
def test_a_side_without_any_series_is_no_data_and_no_verdict(missing: str):
    whole = history([one for one in pods(0.5) if one.version != missing], 300)
    said = finding(question(), whole)
    assert (said.verdict, said.reason, said.fresh) == ("Inconclusive", "NoData", False)
    assert missing in said.message


def test_nothing_gathered_yet_is_neither_pass_nor_fail():
    asked = question()
    said = judge(initial(asked), asked)
    assert said.findings[0].verdict == "Inconclusive"
    assert (said.until, said.answers, said.findings[0].fresh) == (None, {}, False)


def without_errors_of(version: str, whole: CounterSamples) -> CounterSamples:
    shown = tuple(one for one in whole.counters["bad"] if one.version != version)
    return replace(whole, counters={**whole.counters, "bad": shown})


def renamed(whole: CounterSamples, **names: str) -> CounterSamples:
    return CounterSamples({names.get(name, name): many for name, many in whole.counters.items()})


def test_errors_that_nobody_counts_on_the_candidate_are_no_good_news():
    said = finding(question(), without_errors_of("v8", history(pods(0.05), 300)))
    assert (said.verdict, said.reason, said.fresh) == ("Inconclusive", "NumeratorNeverSeen", False)


def test_errors_missing_where_hardly_any_are_expected_are_just_none():
    whole = without_errors_of("v8", history(pods(0, stable=0.0002), 400))
    assert finding(question(), whole, 400).verdict == "Pass"


def test_good_answers_missing_on_the_candidate_are_bad_news():
    metric = {**ERRORS, "better": "Higher", "proportion": {"good": "good_total", "total": "all_total"}}
    whole = without_errors_of("v8", history(pods(0.9, stable=0.9), 300))
    assert finding(question(metric), renamed(whole, bad="good")).verdict == "Fail"


def test_a_goal_that_is_not_reached_fails_and_one_that_is_passes():
    goal = {
        "name": "accuracy",
        "role": "Goal",
        "better": "Higher",
        "proportion": {"good": "good_total", "total": "all_total"},
        "gain": {"difference": 0.02},
    }
    asked = question(goal)
    for share, verdict, inside in ((0.9, "Pass", True), (0.78, "Fail", False)):
        said = finding(asked, renamed(history(pods(share, stable=0.8), 900), bad="good"), 900)
        assert (said.verdict, said.inside_margin) == (verdict, inside)
        assert said.limit == pytest.approx(said.stable + 0.02)


def test_guardrails_share_the_allowance_of_false_rollbacks():
    one, three = question(), question(*({**ERRORS, "name": name} for name in ("a", "b", "c")))
    alphas = [initial(asked).metrics[name].test.alpha for asked, name in ((one, "errors"), (three, "a"))]
    assert alphas == [0.01, pytest.approx(0.01 / 3)]


def test_the_steps_own_answers_and_margin_begin_anew_with_each_step():
    asked = question()
    whole = history(pods(0.01, bad_from={100: 0.02}), 200)
    state = folded(initial(asked), asked, whole, 100)
    second = replace(asked, step=1, step_since=T0 + 100)
    assert judge(state, second).answers == {}
    assert judge(state, second).findings[0].inside_margin is None
    evidence = judge(folded(state, second, whole, 200), second)
    assert evidence.answers["v8"] == pytest.approx(95 * 20, rel=0.1)
    assert evidence.findings[0].candidate_count > evidence.answers["v8"]
    assert evidence.findings[0].inside_margin is False


def test_a_step_that_begins_again_keeps_the_evidence_and_a_changed_baseline_voids_it():
    asked = question(baseline="r1")
    whole = history(pods(0.01), 200)
    state = folded(initial(asked), asked, whole, 100)
    again = replace(asked, step_since=T0 + 100)
    assert judge(folded(state, again, whole, 200), again).findings[0].candidate_count > 3500
    changed = replace(again, baseline="r2")
    evidence = judge(folded(state, changed, whole, 200), changed)
    assert evidence.findings[0].candidate_count == evidence.answers["v8"] < 2200


def test_lost_traffic_is_noticed_and_a_new_weight_is_given_time():
    asked = question(weight=500)
    whole = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=2)], 300)
    assert judge(folded(initial(asked), asked, whole, 60), asked).traffic_lost
    fits = question(weight=50)
    state = folded(initial(fits), fits, whole, 60)
    assert not judge(state, fits).traffic_lost
    more = replace(fits, weight=500, step=1, step_since=T0 + 60)
    assert not judge(folded(state, more, whole, 68), more).traffic_lost
    assert judge(folded(state, more, whole, 90), more).traffic_lost


def test_weights_that_the_route_does_not_carry_are_not_held_against_the_candidate_and_count_once_it_does():
    asked = question(weight=500, arrived=False)
    whole = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=2)], 300)
    state = folded(initial(asked), asked, whole, 120)
    assert not judge(state, asked).traffic_lost
    state = state_from_checkpoint(state.checkpoint(), asked)
    arrived = replace(asked, arrived=True)
    state = folded(state, arrived, whole, 128)
    assert not judge(state, arrived).traffic_lost
    assert judge(folded(state, arrived, whole, 150), arrived).traffic_lost


def test_pods_that_warm_up_are_left_out_of_the_comparison_but_have_answered():
    asked = question(analysis={"warmUp": "60s"})
    whole = history([Pod("v7", "a"), Pod("v8", "b"), Pod("v8", "new", bad=1.0, start=T0 + 20)], 80)
    evidence = judge(folded(initial(asked), asked, whole, 80), asked)
    assert evidence.findings[0].verdict != "Fail"
    assert evidence.findings[0].candidate < 0.05
    cold = question()
    assert judge(folded(initial(cold), cold, whole, 80), cold).findings[0].verdict == "Fail"


def test_scaling_out_with_a_warm_up_is_not_taken_for_lost_traffic():
    asked = question(analysis={"warmUp": "60s"})
    new = [Pod("v8", f"new-{number}", rate=5, start=T0 + 20) for number in range(8)]
    whole = history([Pod("v7", "a", rate=40), Pod("v8", "b", rate=5), *new], 80)
    state = folded(initial(asked), asked, whole, 20)
    later = replace(asked, step=1, step_since=T0 + 25)
    assert not judge(folded(state, later, whole, 80), later).traffic_lost


def promoted(bad: float):
    asked = question()
    whole = history([Pod("v7", "a", end=T0 + 300), Pod("v8", "b", bad_from={300: bad})], 700)
    state = folded(initial(asked), asked, whole, 300)
    watching = replace(asked, watching=True, weight=1000)
    return judge(folded(state, watching, whole, 700), watching), watching


def test_after_promotion_the_former_stable_versions_history_is_the_limit():
    evidence, _ = promoted(0.06)
    said = evidence.findings[0]
    assert (said.verdict, said.reason, said.fresh) == ("Fail", "Worse", True)
    assert said.limit > 1.5 * said.stable
    evidence, _ = promoted(0.01)
    assert evidence.findings[0].verdict != "Fail"
    assert not evidence.traffic_lost


def test_latency_counts_what_is_not_fast():
    slow = {"name": "slow", "better": "Lower", "latency": {"histogram": "h", "above": "250ms"}}
    asked = question(slow)
    whole = renamed(history(pods(0.9, stable=0.99), 300), bad="0.250", total="+Inf")
    said = finding(asked, whole)
    assert (said.verdict, said.candidate) == ("Fail", pytest.approx(0.1, abs=0.02))
    assert "above 250ms" in said.message


def test_limits_that_no_test_can_hold_are_an_error_and_not_a_crash():
    asked = question()
    metric = asked.spec.metrics[0].model_copy(update={"margin": Margin.model_construct(ratio=1.5, floor=0.5)})
    asked = replace(asked, spec=asked.spec.model_copy(update={"metrics": [metric]}))
    said = finding(asked, history(pods(0.01), 60), 60)
    assert (said.verdict, said.reason) == ("Error", "InvalidMetric")


def test_an_answer_of_another_kind_is_an_error():
    asked = question()
    state = fold(initial(asked), asked, Samples(T0 + 5, {"errors": ValueSample(1.0)}), T0 + 5)
    assert judge(state, asked).findings[0].verdict == "Error"


def before(*shares: float) -> CounterSamples:
    """Two and a half hours of three stable pods; in each five minutes one has the first share of errors."""
    rng = np.random.default_rng(3)
    times = T0 - 9000 + 60.0 * np.arange(150)
    blocks = (np.arange(150) // 5) % 3
    events, total = [], []
    for pod in range(3):
        answers = rng.poisson(1200, 150)
        wrong = rng.binomial(answers, np.where(blocks == pod, shares[0], shares[1]))
        events.append(CounterSeries("v7", str(pod), times, np.cumsum(wrong).astype(float)))
        total.append(CounterSeries("v7", str(pod), times, np.cumsum(answers).astype(float)))
    return CounterSamples({"bad": tuple(events), "total": tuple(total)})


@pytest.mark.parametrize(
    ("past", "low", "high"),
    [(None, 2, 2), (CounterSamples(), 2, 2), (before(0.02, 0.02), 1, 1.8), (before(0.04, 0.01), 5, 100)],
)
def test_the_dispersion_is_measured_before_the_run_or_assumed_and_then_kept(past, low, high):
    asked = question(analysis={"dispersion": "Auto"})
    whole = history(pods(0.01), 60)
    state = initial(asked)
    assert wants_past(state, asked, asked.spec.metrics[0])
    window = gathered(state, asked, whole, T0 + 30).metrics["errors"]
    state = fold(state, asked, Samples(T0 + 30, {"errors": replace(window, past=past)}), T0 + 30)
    assert not wants_past(state, asked, asked.spec.metrics[0])
    kept = folded(state_from_checkpoint(state.checkpoint(), asked), asked, whole, 60).metrics["errors"]
    assert low <= kept.test.dispersion == kept.dispersion <= high
    assert kept.strata > state.metrics["errors"].strata > 0
    assert kept.measured == (past is not None and bool(past.counters))


def checks(*values: float | None, **threshold):
    metric = {"name": "memory", "threshold": {"query": "x", "max": 0.9, "consecutive": 3, **threshold}}
    asked = question(metric)
    state = initial(asked)
    for number, value in enumerate(values, start=1):
        at = T0 + 5 * number
        state = fold(state, asked, Samples(at, {"memory": ValueSample(value)}), at)
        state = fold(
            state, asked, Samples(at + 1, {"memory": ValueSample(value)}), at + 1
        )  # the same interval: no check
    return judge(state, asked).findings[0]


@pytest.mark.parametrize(
    ("values", "verdict", "reason"),
    [
        ((0.5, 0.5), "Inconclusive", "NotYet"),
        ((0.5, 0.5, 0.9), "Pass", "WithinBounds"),
        ((0.95, 0.95), "Inconclusive", "NotYet"),
        ((0.95, 0.95, 0.95), "Fail", "OutsideBounds"),
        ((0.95, 0.95, 0.95, 0.1, 0.1, 0.1), "Fail", "OutsideBounds"),
        ((0.95, 0.95, 0.5, 0.95), "Inconclusive", "NotYet"),
        ((0.5, 0.5, 0.5, None), "Inconclusive", "NoData"),
        ((0.5, 0.5, None, 0.5), "Inconclusive", "NotYet"),
        ((math.inf, math.inf, math.inf), "Fail", "OutsideBounds"),
        ((None, None, None), "Inconclusive", "NoData"),
    ],
)
def test_a_threshold_needs_its_checks_in_a_row(values, verdict, reason):
    said = checks(*values)
    assert (said.verdict, said.reason) == (verdict, reason)


def test_a_threshold_shows_the_bound_that_matters():
    assert checks(0.1, min=0.2).limit == 0.2
    assert checks(0.95, min=0.2).limit == 0.9


@pytest.mark.slow
def test_an_equal_candidate_is_rolled_back_in_at_most_one_run_of_a_hundred():
    asked = question(analysis={"interval": "15s"})
    failed = 0
    for seed in range(150):
        whole = history(pods(0.02, stable=0.02), 600, scrape=15.0, seed=seed)
        failed += judge(folded(initial(asked), asked, whole, 600), asked).findings[0].verdict == "Fail"
    assert failed <= 5  # at 1 % six or more of 150 have a chance of 0.4 %


def test_a_weight_that_changes_while_the_baseline_moves_fools_nobody():
    def both(total, at):
        share = np.where(np.arange(len(total)) < at, 0.02, 0.06)
        return np.cumsum(np.rint(total * share))

    times = T0 - 20 + np.arange(0, 400) + 0.2
    candidate, stable = np.where(times < T0 + 150, 5, 250), np.where(times < T0 + 150, 250, 50)
    change = int(np.searchsorted(times, T0 + 150))
    series = [
        (version, counts, both(counts, change)) for version, counts in (("v8", candidate * 10), ("v7", stable * 10))
    ]
    whole = CounterSamples(
        {
            "bad": tuple(CounterSeries(version, version, times, bad) for version, _, bad in series),
            "total": tuple(
                CounterSeries(version, version, times, np.cumsum(total).astype(float)) for version, total, _ in series
            ),
        }
    )
    said = finding(question(), whole, 370)
    assert said.candidate > 2 * said.stable  # pooled over the run it looks far worse
    assert (said.verdict, said.effect) == ("Pass", pytest.approx(1, abs=0.1))


def hinted(asked, whole, seconds):
    """The finding where every answer came with a hint."""
    state = initial(asked)
    for second in range(5, seconds + 1, 5):
        found = gathered(state, asked, whole, T0 + second).metrics["errors"]
        samples = Samples(T0 + second, {"errors": replace(found, hint="the collector says why")})
        state = fold(state, asked, samples, T0 + second)
    return judge(state, asked).findings[0]


def test_a_finding_that_lacks_data_says_why_where_somebody_knows():
    said = hinted(question(), history(pods(0, rate=0), 60), 60)
    assert (said.verdict, said.reason) == ("Inconclusive", "TelemetryProblem")
    assert said.message.endswith("no answers judged yet; the collector says why")


def test_what_somebody_says_of_missing_data_changes_no_verdict():
    said = hinted(question(), history(pods(0.4), 300), 300)
    assert (said.verdict, said.reason) == ("Fail", "Worse")
    assert "collector" not in said.message
