"""Holm's step-down: how often a family of comparisons rejects one that has no fault, and what it says is needed."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrollout.stats import Proportion, holm

ALPHA = 0.05
NEVER = 1e-12

evidence = st.lists(st.one_of(st.floats(0, 12), st.just(math.nan)), min_size=1, max_size=8)


def one_by_one(peaks, alpha, family):
    """The procedure as Holm words it: the smallest p-value against alpha/m, the next against alpha/(m-1), ..."""
    p = [1.0 if math.isnan(peak) else math.exp(-peak) for peak in peaks]
    rejected = [False] * len(p)
    for step, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        if p[i] > alpha / (family - step) * (1 + 1e-12):
            break
        rejected[i] = True
    return rejected


@given(evidence, st.integers(0, 5))
def test_it_rejects_what_holms_procedure_rejects(peaks, more):
    found = holm(peaks, ALPHA, planned=len(peaks) + more)
    assert found.rejected.tolist() == one_by_one(peaks, ALPHA, len(peaks) + more)


@given(evidence, st.data())
def test_a_comparison_that_reaches_what_it_needs_is_rejected_and_one_short_of_it_is_not(peaks, data):
    found = holm(peaks, ALPHA)
    still_open = np.flatnonzero(~found.rejected)
    if not len(still_open):
        return
    chosen = data.draw(st.sampled_from(still_open.tolist()))
    for change, expected in ((1e-9, True), (-1e-9, False)):
        moved = [*peaks]
        moved[chosen] = float(found.needed[chosen]) + change
        assert bool(holm(moved, ALPHA).rejected[chosen]) == expected


@given(evidence, st.lists(st.floats(0, 5), min_size=8, max_size=8))
def test_what_is_rejected_stays_so_and_nothing_is_asked_for_that_was_not_before(peaks, later):
    before = holm(peaks, ALPHA)
    after = holm(np.nan_to_num(peaks) + later[: len(peaks)], ALPHA)
    assert (after.rejected | ~before.rejected).all()
    assert after.needed[~after.rejected].max(initial=0) <= before.needed.max()


def test_every_family_along_the_last_axis_is_judged_by_itself():
    families = np.random.default_rng(4).exponential(3.0, size=(5, 4, 6))
    together = holm(families, ALPHA)
    for at in np.ndindex(5, 4):
        alone = holm(families[at], ALPHA)
        assert together.rejected[at].tolist() == alone.rejected.tolist()
        assert together.needed[at].tolist() == alone.needed.tolist()


@pytest.mark.parametrize("faulty", range(4))
def test_independent_comparisons_reject_a_good_one_with_a_chance_of_at_most_alpha(faulty):
    # p-values that lie on the procedure's own levels, each reached with exactly the chance it names
    size = 4
    levels = ALPHA / np.arange(size, 0, -1)
    chances = np.diff(np.concatenate([[0.0], levels, [1.0]]))
    outcomes = np.append(levels, 1.0)
    tables = np.array(list(itertools.product(range(size + 1), repeat=size - faulty)))
    peaks = np.full((len(tables), size), -math.log(NEVER))
    peaks[:, faulty:] = -np.log(outcomes[tables])
    wrong = holm(peaks, ALPHA).rejected[:, faulty:].any(axis=1)
    assert wrong @ chances[tables].prod(axis=1) <= ALPHA + 1e-12


def test_the_chance_is_used_up_where_only_one_of_the_good_ones_is_ever_unlucky_at_a_time():
    size = 5
    unlucky = np.where(np.eye(size, dtype=bool), -math.log(ALPHA / size), 0.0)  # each with probability alpha / size
    wrong = holm(unlucky + 1e-12, ALPHA).rejected.any(axis=1)
    assert wrong.sum() * ALPHA / size == pytest.approx(ALPHA)


def test_ten_equal_metrics_looked_at_after_every_stratum_are_hardly_ever_rejected():
    rng = np.random.default_rng(12)
    comparison = Proportion(margin_ratio=1.5, floor=None)
    rejected = np.zeros(100, dtype=bool)
    for _ in range(30):
        bad = rng.binomial(200, 0.05, size=(2, 100, 10))
        comparison.update((bad[0], 200), (bad[1], 200))
        rejected |= holm(comparison.peak_log_e_fail, 0.05).rejected.any(axis=1)
    assert rejected.mean() <= 0.05 + 2 * math.sqrt(0.05 / 100)


def test_the_evidence_needed_falls_as_others_fail():
    needed = holm([20.0, 1.0, 0.0], 0.01).needed
    assert needed.tolist() == pytest.approx([math.log(300), math.log(200), math.log(200)])


def test_an_empty_family_rejects_nothing():
    assert not holm([], 0.01).rejected.size


@pytest.mark.parametrize(("alpha", "planned"), [(0.0, None), (1.0, None), (0.01, 2)])
def test_a_share_or_a_plan_that_cannot_be_is_refused(alpha, planned):
    with pytest.raises(ValueError, match=r"between|planned"):
        holm([1.0, 2.0, 3.0], alpha, planned=planned)
