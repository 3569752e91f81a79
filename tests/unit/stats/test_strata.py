import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.stats import CounterSeries, close_strata, stratum_width

WIDTH, SETTLE = 4.0, 2.0


def counter(version, series, times, values):
    return CounterSeries(version, series, np.array(times, dtype=float), np.array(values, dtype=float))


def fold(events, total, **options):
    chosen = {"candidate": "v2", "stable": "v1", "width": WIDTH, "settle": SETTLE, **options}
    return close_strata({"bad": events, "total": total}, reference="total", **chosen)


def steady(version, series, start, end, per_second, value=0.0, every=1.0):
    times = np.arange(start, end + 0.5, every)
    return counter(version, series, times, value + per_second * (times - start))


def between(series, after, until):
    """What a query for samples in (after, until] returns."""
    chosen = [(s, (s.times > after) & (s.times <= until)) for s in series]
    return [CounterSeries(s.version, s.series, s.times[k], s.values[k]) for s, k in chosen if k.any()]


def joined(parts):
    times = {n: np.concatenate([getattr(p, n) for p in parts]).tolist() for n in ("starts", "ends")}
    columns = [(side, name) for side in ("candidate", "stable") for name in ("bad", "total")]
    return {**times, **{c: np.concatenate([getattr(p, c[0])[c[1]] for p in parts]).tolist() for c in columns}}


@st.composite
def scraped(draw, restarts=True):
    """Counters of a few processes of both versions: they come and go, restart, and miss scrapes."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    events, total = [], []
    for version in ("v1", "v2"):
        for i in range(rng.integers(1, 4)):
            first, last = sorted(rng.integers(0, 80, 2))
            times = np.arange(first, last + 1) + rng.uniform(0, 0.9)
            answers = rng.poisson(6, len(times)).astype(float)
            bad = rng.binomial(answers.astype(int), 0.2).astype(float)
            cut = rng.integers(0, len(times)) if restarts and rng.random() < 0.5 else None
            counted = []
            for steps in (bad, answers):
                values = np.cumsum(steps) + 100
                if cut is not None:
                    values[cut:] = np.cumsum(steps[cut:])
                counted.append(values)
            kept = rng.random(len(times)) > 0.2
            if rng.random() < 0.3:
                kept &= (times < 30) | (times > 45)
            shown = kept & (counted[0] > (100 if rng.random() < 0.5 else -1))
            if shown.any():
                events.append(CounterSeries(version, f"{version}-{i}", times[shown], counted[0][shown]))
            if kept.any():
                total.append(CounterSeries(version, f"{version}-{i}", times[kept], counted[1][kept]))
    return events, total


@pytest.mark.slow
@given(scraped(), st.lists(st.integers(5, 95), min_size=1, max_size=5))
@settings(max_examples=200)
def test_folding_on_from_checkpoints_with_one_width_of_overlap_equals_one_fold(data, looks):
    events, total = data
    whole = fold(events, total, since=0.0, until=100.0)
    parts, checkpoint = [], 0.0
    for until in [*sorted(looks), 100.0]:
        got = [between(s, checkpoint - WIDTH, until) for s in (events, total)]
        parts.append(fold(*got, since=checkpoint, until=float(until)))
        checkpoint = parts[-1].checkpoint
    assert joined(parts) == joined([whole])
    assert sum(p.lost for p in parts) == whole.lost
    assert checkpoint == whole.checkpoint


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=50)
def test_it_does_not_matter_how_a_versions_answers_are_split_over_processes(seed, processes):
    rng = np.random.default_rng(seed)
    times = np.arange(0, 41) + 0.5
    shares = rng.multinomial(50, np.ones(processes) / processes, size=len(times)).T
    bad = rng.binomial(shares, 0.3)
    stable = [steady("v1", "v1-0", 0.5, 40.5, 7)]
    one = fold(
        [counter("v2", "a", times, np.cumsum(bad.sum(axis=0)))],
        [counter("v2", "a", times, np.cumsum(shares.sum(axis=0))), *stable],
    )
    many = fold(
        [counter("v2", f"p{i}", times, np.cumsum(row) + 11 * i) for i, row in enumerate(bad)],
        [counter("v2", f"p{i}", times, np.cumsum(row) + 900 * i) for i, row in enumerate(shares)] + stable,
    )
    assert joined([one]) == joined([many])


def both(**options):
    total = [steady("v1", "a", 0, 20, 10, 5000), steady("v2", "b", 0, 20, 2, 700)]
    events = [steady("v1", "a", 0, 20, 1, 300), steady("v2", "b", 0, 20, 0.5, 9)]
    return fold(events, total, **options)


def test_strata_lie_on_a_fixed_grid_and_hold_increases_not_levels():
    strata = both()
    assert strata.starts.tolist() == [0.0, 4.0, 8.0, 12.0]
    assert strata.ends.tolist() == [4.0, 8.0, 12.0, 16.0]
    assert strata.stable["total"].tolist() == [40.0] * 4
    assert strata.stable["bad"].tolist() == [4.0] * 4
    assert strata.candidate["total"].tolist() == [8.0] * 4
    assert strata.candidate["bad"].sum() == 8
    assert (strata.lost, strata.checkpoint) == (0, 16.0)
    assert len(strata) == 4


def test_a_stratum_closes_only_when_it_has_settled():
    assert both(until=17.9).checkpoint == 12.0
    assert both(until=18.0).checkpoint == 16.0


def test_without_a_horizon_the_newest_sample_tells_the_time():
    assert both(settle=4.0).checkpoint == 16.0
    assert both(settle=4.1).checkpoint == 12.0


def test_a_counter_reset_loses_nothing_that_was_seen():
    total = [counter("v2", "b", range(9), [90, 92, 94, 96, 1, 3, 5, 7, 9]), steady("v1", "a", 0, 8, 10)]
    strata = fold([], total, settle=0)
    assert strata.candidate["total"].tolist() == [7.0, 8.0]


def test_a_reset_seen_in_one_counter_is_a_reset_of_all_counters_of_the_process():
    total = [counter("v2", "b", range(5), [90, 92, 94, 3, 9]), steady("v1", "a", 0, 4, 10)]
    events = [counter("v2", "b", range(5), [2, 2, 2, 3, 4])]
    assert fold(events, total, settle=0).candidate["bad"].tolist() == [4.0]


def test_the_first_scrape_of_a_process_is_no_increase():
    total = [counter("v2", "b", range(5), [1000, 1001, 1002, 1003, 1004]), steady("v1", "a", 0, 4, 10)]
    assert fold([], total, settle=0).candidate["total"].tolist() == [4.0]


def test_a_counter_that_appears_in_a_known_process_began_at_zero():
    total = [steady("v2", "b", 0, 4, 10, 1000), steady("v1", "a", 0, 4, 10)]
    events = [counter("v2", "b", [2, 3, 4], [5, 5, 6])]
    assert fold(events, total, settle=0).candidate["bad"].tolist() == [6.0]


def test_counters_of_one_process_are_added_up():
    total = [steady("v2", "b", 0, 4, 10), steady("v2", "b", 0, 4, 2), steady("v1", "a", 0, 4, 10)]
    assert fold([], total, settle=0).candidate["total"].tolist() == [48.0]


def test_what_a_process_counted_while_nobody_scraped_is_left_out_of_both_sides():
    times = [0, 1, 2, 3, 4, 17, 18, 19, 20]
    total = [
        counter("v2", "b", times, [10 * t for t in times]),
        steady("v2", "c", 0, 20, 1),
        steady("v1", "a", 0, 20, 1),
    ]
    events = [counter("v2", "b", times, times)]
    strata = fold(events, total, settle=0)
    assert strata.candidate["total"].tolist() == [44.0, 4.0, 4.0, 4.0, 34.0]
    assert strata.candidate["bad"].tolist() == [4.0, 0.0, 0.0, 0.0, 3.0]


def test_a_stratum_one_version_has_no_scrape_in_is_lost_for_both():
    total = [steady("v1", "a", 0, 20, 10), *between([steady("v2", "b", 0, 20, 2)], 3.5, 12)]
    strata = fold([], total, since=0.0)
    assert strata.starts.tolist() == [4.0, 8.0]
    assert strata.lost == 2
    assert strata.checkpoint == 16.0


def test_a_version_nobody_asks_yet_has_data_without_answers():
    total = [steady("v1", "a", 0, 20, 10), steady("v2", "b", 0, 20, 0, 55)]
    strata = fold([], total)
    assert strata.lost == 0
    assert strata.candidate["total"].tolist() == [0.0] * 4


def test_the_first_seconds_of_a_process_are_left_out():
    total = [steady("v1", "a", 0, 20, 10), steady("v2", "b", 0, 20, 2)]
    strata = fold([], total, warm_up=5.0, started={"b": 1.0}, settle=0)
    assert strata.candidate["total"].tolist() == [4.0, 8.0, 8.0, 8.0]
    assert strata.lost == 1


def test_a_numerator_that_was_never_there_is_reported():
    total = [steady("v1", "a", 0, 20, 10), steady("v2", "b", 0, 20, 2)]
    strata = fold([steady("v1", "a", 0, 20, 1)], total)
    assert strata.stable_seen == {"bad", "total"}
    assert strata.candidate_seen == {"total"}
    assert strata.candidate["bad"].tolist() == [0.0] * 4
    assert (strata.candidate_newest, strata.stable_newest) == (20.0, 20.0)


def test_fractions_are_carried_on_instead_of_rounded_away():
    total = [steady("v1", "a", 0, 40, 10), steady("v2", "b", 0, 40, 2)]
    events = [steady("v2", "b", 0, 40, 0.1)]
    strata = fold(events, total, settle=0)
    assert strata.candidate["bad"].sum() == 4
    assert (strata.candidate["bad"] == np.rint(strata.candidate["bad"])).all()


def kinds(**options):
    chosen = {"reference": "count", "candidate": "v2", "stable": "v1", "width": WIDTH, "settle": 0.0, **options}
    return lambda counters: close_strata(counters, **chosen)


def test_any_number_of_counters_is_read_at_the_reference_counters_scrapes():
    counters = {
        "count": [steady("v1", "a", 0, 8, 10), steady("v2", "b", 0, 8, 2)],
        "sum": [steady("v1", "a", 0, 8, 2.5), steady("v2", "b", 0.5, 8.5, 0.25)],
        "squares": [steady("v1", "a", 0, 8, 7)],
    }
    strata = kinds(sums={"sum", "squares"})(counters)
    assert strata.stable["sum"].tolist() == [10.0, 10.0]
    assert strata.candidate["sum"].tolist() == [0.75, 1.0]
    assert strata.candidate["squares"].tolist() == [0.0, 0.0]
    assert strata.candidate_seen == {"count", "sum"}


def test_a_sum_may_fall_without_being_reset_and_is_reset_with_the_counts():
    counts = [counter("v2", "b", range(9), [10, 11, 12, 13, 14, 1, 2, 3, 4]), steady("v1", "a", 0, 8, 1)]
    sums = [counter("v2", "b", range(9), [5, 4, 3.5, 3, 2, -1, -2, -3, -4])]
    strata = kinds(sums={"sum"})({"count": counts, "sum": sums})
    assert strata.candidate["count"].tolist() == [4.0, 4.0]
    assert strata.candidate["sum"].tolist() == [-3.0, -4.0]


def test_a_sum_whose_series_ends_counts_up_to_its_last_scrape():
    counts = [steady("v2", "b", 0, 16, 1), steady("v1", "a", 0, 16, 1)]
    strata = kinds(sums={"sum"})({"count": counts, "sum": [steady("v2", "b", 0, 6, 0.5)]})
    assert strata.candidate["sum"].sum() == 3.0


def test_measured_exposure_is_not_rounded_and_tells_a_reset():
    hours = [counter("v2", "b", range(9), [1.25, 1.5, 1.75, 2, 2.25, 0.25, 0.5, 0.75, 1]), steady("v1", "a", 0, 8, 0.5)]
    strata = kinds(reference="hours", measured={"hours"})({"hours": hours})
    assert strata.candidate["hours"].tolist() == [1.0, 1.0]
    assert strata.stable["hours"].tolist() == [2.0, 2.0]


def test_slices_add_up_to_all_requests_and_are_told_apart():
    def of(value, version, per_second):
        return replace(steady(version, version, 0, 8, per_second), slice=value)

    total = [of("fr", "v1", 5), of("de", "v1", 3), of("fr", "v2", 2), of("", "v2", 1)]
    strata = kinds()({"count": total, "bad": [of("fr", "v2", 1)]})
    assert strata.candidate["count"].tolist() == [12.0, 12.0]
    assert set(strata.slices) == {"de", "fr"}
    assert strata.slices["fr"].candidate["count"].tolist() == [8.0, 8.0]
    assert strata.slices["fr"].candidate["bad"].tolist() == [4.0, 4.0]
    assert strata.slices["de"].candidate["count"].tolist() == [0.0, 0.0]
    assert strata.slices["de"].stable["count"].tolist() == [12.0, 12.0]


def test_strata_in_which_stable_is_alone_are_lost_and_known():
    total = [steady("v1", "a", 0, 20, 10), *between([steady("v2", "b", 0, 20, 2)], 3.5, 12)]
    strata = fold([], total, since=0.0)
    assert strata.alone_starts.tolist() == [0.0, 12.0]
    assert strata.alone.tolist() == [40.0, 40.0]


def test_nothing_at_all_folds_to_nothing():
    strata = fold([], [])
    assert len(strata) == 0
    assert (strata.checkpoint, strata.lost) == (None, 0)
    assert strata.candidate_newest is None


def test_time_that_passes_without_any_sample_counts_as_lost():
    strata = fold([], [], since=8.0, until=30.0)
    assert (len(strata), strata.lost, strata.checkpoint) == (0, 5, 28.0)


@pytest.mark.parametrize(("interval", "every", "expected"), [(15.0, 5.0, 15.0), (1.0, 1.0, 2.0), (15.0, 10.0, 20.0)])
def test_a_stratum_is_at_least_two_scrapes_wide(interval, every, expected):
    assert stratum_width(interval, [steady("v1", "a", 0, 100, 1, every=every)]) == expected


def test_without_samples_the_width_is_the_interval():
    assert stratum_width(15.0, []) == 15.0


def test_a_width_of_nothing_is_refused():
    with pytest.raises(ValueError, match="width"):
        both(width=0.0)


def test_checkpoints_stay_on_the_grid_for_widths_that_are_no_binary_fraction():
    total = [steady("v1", "a", 1.7e9, 1.7e9 + 60, 10), steady("v2", "b", 1.7e9, 1.7e9 + 60, 2)]
    checkpoint, seen = 1.7e9, 0
    for until in range(10, 60, 7):
        strata = fold([], total, width=2.1, since=checkpoint, until=1.7e9 + until)
        seen += len(strata) + strata.lost
        checkpoint = strata.checkpoint
    assert seen == math.floor((checkpoint - 1.7e9) / 2.1 + 1e-6)
