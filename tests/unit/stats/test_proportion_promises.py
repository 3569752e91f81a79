"""What holds for every history of a proportion: it is restored exactly, and without data it decides nothing."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.stats import AgainstLimit, CounterSeries, Proportion, close_strata

SHOWN = (
    "log_e_fail",
    "log_e_pass",
    "peak_log_e_fail",
    "effect",
    "step_effect",
    "low",
    "high",
    "estimates",
    "exposures",
    "step_estimates",
    "step_exposures",
    "verdict",
    "dispersion",
)

MAKERS = {
    "ratio": lambda: Proportion(margin_ratio=1.5, late_faults=True),
    "ratio without a floor": lambda: Proportion(acceptable_ratio=1.1, margin_ratio=3.0, floor=None, dispersion=1.3),
    "difference": lambda: Proportion(margin_difference=0.05, late_faults=True, dispersion=2.0),
    "gain": lambda: Proportion("Higher", gain_difference=0.01),
    "limit": lambda: AgainstLimit(limit=0.1, late_faults=True),
    "limit of good answers": lambda: AgainstLimit("Higher", limit=0.6, dispersion=1.7),
}

side = st.tuples(st.integers(0, 30), st.integers(0, 200)).map(lambda s: (min(s), s[1]))
moves = st.lists(
    st.one_of(
        st.tuples(st.just("update"), side, side),
        st.tuples(st.just("restart"), st.none(), st.none()),
        st.tuples(st.just("disperse"), st.floats(1, 4), st.none()),
    ),
    max_size=25,
)


def move(test, step, kind, one, other, shape):
    if kind == "restart":
        test.restart(at=250.0 * step)
    elif kind == "disperse":
        test.raise_dispersion(one)
    elif isinstance(test, AgainstLimit):
        test.update(tuple(np.full(shape, float(x)) if shape else x for x in one), start=250.0 * step)
    else:
        sides = [tuple(np.full(shape, float(x)) if shape else x for x in side) for side in (one, other)]
        test.update(*sides, start=250.0 * step)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@given(moves=moves, cut=st.integers(0, 25), shape=st.sampled_from([(), (3,), (2, 2)]))
@settings(max_examples=15)
def test_a_test_restored_at_any_point_shows_and_stores_what_it_would_have_without(name, moves, cut, shape):
    through, broken = MAKERS[name](), MAKERS[name]()
    for step, one in enumerate(moves):
        if step == cut:
            broken = type(broken).from_state(json.loads(json.dumps(broken.state())))
        for test in (through, broken):
            move(test, step, *one, shape)
    assert broken.state() == through.state()
    for quantity in SHOWN:
        assert repr(getattr(broken, quantity)) == repr(getattr(through, quantity))


def cumulative(counts, offset):
    """A counter's readings at the starts and ends of strata of 30 s."""
    return offset + np.concatenate([[0.0], np.cumsum(counts)])


@given(
    st.lists(st.tuples(side, side), min_size=1, max_size=8),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=20)
def test_evidence_does_not_depend_on_how_a_versions_answers_are_split_over_its_pods(strata, pods, seed):
    rng = np.random.default_rng(seed)
    times = 30.0 * np.arange(len(strata) + 1)

    def evidence(pods):
        counters = {"bad": [], "total": []}
        for version, column in (("v2", 0), ("v1", 1)):
            bad = np.array([rng.multinomial(s[column][0], np.full(pods, 1 / pods)) for s in strata])
            good = np.array([rng.multinomial(s[column][1] - s[column][0], np.full(pods, 1 / pods)) for s in strata])
            for pod in range(pods):
                for name, counts in (("bad", bad[:, pod]), ("total", bad[:, pod] + good[:, pod])):
                    readings = cumulative(counts, 1000.0 * pod)
                    counters[name].append(CounterSeries(version, f"{version}-{pod}", times, readings))
        closed = close_strata(
            counters, reference="total", candidate="v2", stable="v1", width=30.0, settle=0.0, since=0.0
        )
        test = Proportion(margin_ratio=1.5, late_faults=True)
        sides = [(side["bad"], side["total"]) for side in (closed.candidate, closed.stable)]
        for i, start in enumerate(closed.starts):
            test.update(*((bad[i], total[i]) for bad, total in sides), start=start)
        assert len(closed) == len(strata)
        return test.state()

    assert evidence(1) == evidence(pods)


nothing = st.sampled_from([(0, 0), (float("nan"), 100), (3, float("nan")), (float("nan"), float("nan")), (0, 0.0)])


@pytest.mark.parametrize("name", MAKERS)
@given(gaps=st.lists(st.tuples(nothing, side, st.booleans()), max_size=20))
@settings(max_examples=15)
def test_where_a_side_has_no_data_nothing_passes_and_nothing_fails(name, gaps):
    test = MAKERS[name]()
    for gap, other, of_candidate in gaps:
        if isinstance(test, AgainstLimit):
            test.update(gap)
        else:
            test.update(*((gap, other) if of_candidate else (other, gap)))
    assert test.verdict == "Inconclusive"
    assert (test.log_e_pass, test.peak_log_e_fail) == pytest.approx((0, 0), abs=1e-6)
    assert np.isnan(test.effect)


@pytest.mark.parametrize("name", MAKERS)
def test_no_comparisons_at_all_are_no_verdicts(name):
    test = MAKERS[name]()
    empty = (np.empty(0), np.empty(0))
    test.update(empty) if isinstance(test, AgainstLimit) else test.update(empty, empty)
    assert len(test.verdict) == len(test.low) == 0
