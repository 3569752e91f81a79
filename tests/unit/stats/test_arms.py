import json

import numpy as np
import pytest
from scipy.special import betaincc

from modelrollout.stats import Proportion, UnknownState
from modelrollout.stats.arms import Arms
from modelrollout.stats.chances import chance_to_beat, chance_to_beat_flat, chances_to_be_best

BUTTON = {"now": (378, 3662), "a": (462, 3568), "b": (440, 3479), "c": (395, 3504)}


def race(names="now a b c", **options):
    def duel(level):
        return Proportion("Higher", gain_difference=0, alpha=level, beta=1e-300)

    return Arms(names.split(), baseline="now", duel=duel, **options)


def test_the_chances_to_beat_the_baseline_of_the_button_text():
    arms = [BUTTON[name] for name in "abc"]
    assert [round(100 * chance_to_beat(arm, BUTTON["now"]), 1) for arm in arms] == [100.0, 99.9, 90.2]
    flat = [100 * chance_to_beat_flat(arm, BUTTON["now"]) for arm in arms]
    assert [round(flat[0], 2), round(flat[1], 2), round(flat[2], 1)] == [99.98, 99.90, 90.3]
    events, totals = np.array(arms).T
    assert chance_to_beat((events, totals), BUTTON["now"]) == pytest.approx([0.99975, 0.99896, 0.90247], abs=1e-5)


def test_the_chances_to_be_the_best_of_the_button_text():
    best = chances_to_be_best(*np.array([BUTTON[name] for name in ("a", "b", "c", "now")]).T)
    assert best == pytest.approx([0.645, 0.351, 0.004, 0.00002], abs=0.0006)
    assert best[3] == pytest.approx(0.00002, abs=2e-6)
    assert best.sum() == pytest.approx(1)


def test_chances_of_arms_without_data_and_of_very_unequal_size():
    assert chances_to_be_best([0, 0, 0], [0, 0, 0]) == pytest.approx([1 / 3] * 3)
    # against an arm that is nearly a point: the Beta distribution's own tail
    assert chance_to_beat_flat((3, 10), (3e6, 1e7)) == pytest.approx(betaincc(4, 8, 0.3), abs=1e-4)
    assert chances_to_be_best([0, 10**7], [10**7, 10**7]) == pytest.approx([0, 1])
    assert np.isnan(chance_to_beat((0, 0), (1, 2)))


def test_chances_agree_with_a_plain_sum_over_a_fine_grid():
    grid = (np.arange(100_000) + 0.5) / 100_000
    densities = [12 * grid**2 * (1 - grid), 6 * grid * (1 - grid)]  # 2 of 3, and 1 of 2
    below = np.cumsum(densities[1]) / 100_000
    assert chances_to_be_best([2, 1], [3, 2])[0] == pytest.approx((densities[0] * below).mean(), abs=1e-4)


def test_the_first_two_of_the_button_text_are_not_told_apart():
    arms = race(alpha=0.05)
    arms.update(BUTTON)
    assert arms.winner is None
    assert {"a", "b"} <= set(arms.in_race)
    assert arms.beats("a", "now")
    assert not arms.beats("a", "b")
    assert "now" not in arms.in_race


def test_an_arm_that_beats_all_others_wins():
    arms = race()
    for _ in range(10):
        arms.update({"now": (50, 500), "a": (100, 500), "b": (55, 500), "c": (60, 500)})
    assert arms.winner == "a"
    assert arms.in_race == ("a",)
    assert arms.duel("now", "a").effect == pytest.approx(-0.1)


def test_a_baseline_that_is_best_wins_nothing_but_stays_alone_in_the_race():
    arms = race("now a")
    for _ in range(10):
        arms.update({"now": (100, 500), "a": (50, 500)})
    assert (arms.winner, arms.in_race) == (None, ("now",))


def test_among_equal_arms_there_is_hardly_ever_a_winner_and_the_best_hardly_ever_leaves():
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(25):
        arms = race("now a b", alpha=0.1)
        for _ in range(5):
            arms.update({name: (rng.binomial(400, 0.1), 400) for name in arms.names})
        wrong += len(arms.in_race) < 3
    assert wrong <= 25 * 0.1 + 4


def test_arms_go_on_exactly_from_their_state():
    through, broken = race(), race()
    for i in range(4):
        broken = Arms.from_state(json.loads(json.dumps(broken.state())), restore=Proportion.from_state)
        for arms in (through, broken):
            arms.update({name: (40 + i * k, 400) for k, name in enumerate(arms.names)})
    through.raise_dispersion(2.0)
    broken.raise_dispersion(2.0)
    assert broken.state() == through.state()
    assert (broken.winner, broken.in_race) == (through.winner, through.in_race)


def test_an_arm_without_data_stays_in_the_race():
    arms = race("now a b")
    for _ in range(10):
        arms.update({"now": (50, 500), "a": (100, 500)})
    assert arms.winner is None
    assert set(arms.in_race) == {"a", "b"}


def test_arms_that_make_no_sense_are_refused():
    for names in ("now", "a b", "now a a"):
        with pytest.raises(ValueError, match="baseline"):
            race(names)
    with pytest.raises(ValueError, match="alpha"):
        race(alpha=1)
    with pytest.raises(ValueError, match="no arm z"):
        race().update({"z": (1, 2)})
    for damaged in ({"v": 2}, {"v": 1, "kind": "Arms"}):
        with pytest.raises(UnknownState):
            Arms.from_state(damaged, restore=Proportion.from_state)
    for events, totals in (([1], [2]), ([3, 1], [2, 2])):
        with pytest.raises(ValueError, match="events"):
            chances_to_be_best(events, totals)
