import numpy as np
import pytest

from modelrollout.stats.bandit import TOP_TWO, top_two, towards, with_floor
from modelrollout.stats.chances import chance_of_larger_mean, chances_of_largest_mean, chances_to_be_best
from modelrollout.stats.fixed_horizon import Sample


@pytest.mark.slow
def test_shares_are_those_with_which_top_two_draws_would_come_out() -> None:
    chances, rng = np.array([0.6, 0.3, 0.1]), np.random.default_rng(7)
    counts = np.zeros(3)
    for _ in range(40_000):
        first = rng.choice(3, p=chances)
        taken = first
        if rng.random() >= TOP_TWO:
            # drawing until another arm is best is drawing among the others
            others = np.where(np.arange(3) == first, 0, chances)
            taken = rng.choice(3, p=others / others.sum())
        counts[taken] += 1
    assert top_two(chances) == pytest.approx(counts / counts.sum(), abs=0.01)


def test_a_certain_leader_gets_its_part_and_its_rivals_the_rest_in_proportion() -> None:
    assert top_two([1, 0, 0]) == pytest.approx([TOP_TWO, (1 - TOP_TWO) / 2, (1 - TOP_TWO) / 2], abs=1e-4)
    assert top_two([0.5, 0.5]) == pytest.approx([0.5, 0.5])
    assert top_two([1 / 3] * 3) == pytest.approx([1 / 3] * 3)


def test_every_arm_keeps_its_floor() -> None:
    shares = with_floor([1, 0, 0], 0.05)
    assert shares == pytest.approx([0.9, 0.05, 0.05])
    assert shares.sum() == pytest.approx(1)


def test_weights_move_straight_towards_what_is_wanted_and_no_further_than_they_may() -> None:
    assert towards([334, 333, 333], [0.05, 0.05, 0.9], 100) == (284, 283, 433)
    assert towards([50, 50, 900], [0.05, 0.05, 0.9], 100) == (50, 50, 900)
    assert towards([500, 500], [0.2, 0.8], 1000) == (200, 800)


@pytest.mark.parametrize("seed", range(20))
def test_weights_keep_their_sum_and_their_floors_wherever_they_go(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights: tuple[int, ...] = (250, 250, 250, 250)
    for _ in range(50):
        weights = towards(weights, with_floor(top_two(rng.dirichlet([1, 1, 1, 1])), 0.05), 37)
        assert sum(weights) == 1000
        assert min(weights) >= 50


def test_the_chance_of_the_larger_mean_is_the_normal_one_and_that_of_two_arms_agrees_with_it() -> None:
    one, other = Sample(10.0, 2.0, 100), Sample(9.5, 3.0, 80)
    assert chance_of_larger_mean(one, other) == pytest.approx(0.8998, abs=0.0005)
    assert chances_of_largest_mean([one, other])[0] == pytest.approx(chance_of_larger_mean(one, other), abs=1e-6)


def test_chances_of_the_largest_of_three_means_agree_with_draws() -> None:
    sides, rng = [Sample(1.0, 1.0, 50), Sample(1.1, 1.0, 60), Sample(0.9, 2.0, 40)], np.random.default_rng(3)
    draws = np.array([rng.normal(one.mean, one.deviation / one.size**0.5, 200_000) for one in sides])
    found = np.bincount(draws.argmax(axis=0), minlength=3) / 200_000
    assert chances_of_largest_mean(sides) == pytest.approx(found, abs=0.005)


def test_what_makes_no_sense_is_refused() -> None:
    for chances in ([1.0], [0.5, 0.6], [-0.1, 1.1]):
        with pytest.raises(ValueError, match="chances"):
            top_two(chances)
    with pytest.raises(ValueError, match="floors"):
        with_floor([0.5, 0.5], 0.6)
    with pytest.raises(ValueError, match="variance"):
        chances_of_largest_mean([Sample(1.0, 0.0, 5), Sample(1.0, 1.0, 5)])


def test_users_lose_less_by_a_bandit_than_by_equal_shares() -> None:
    rates, rng = np.array([0.10, 0.12]), np.random.default_rng(11)
    good, total, weights, lost = np.zeros(2), np.zeros(2), (500, 500), 0.0
    for _ in range(60):
        answers = rng.multinomial(1200, np.array(weights) / 1000)
        good, total = good + rng.binomial(answers, rates), total + answers
        lost += float(((rates.max() - rates) * answers).sum())
        weights = towards(weights, with_floor(top_two(chances_to_be_best(good, total)), 0.05), 100)
    equal = 60 * 600 * 0.02
    assert lost < 0.75 * equal
