"""What every sequential comparison shows, whatever it compares."""

import numpy as np
import pytest

from modelrollout.stats import AgainstLimit, Comparison, OneSided, Proportion, TwoSided
from modelrollout.stats.proportion import Counts


def shows(comparison: Comparison) -> tuple[object, ...]:
    return comparison.estimates, comparison.exposures, comparison.step_estimates, comparison.step_exposures


def fed(comparison: TwoSided[Counts], *strata: tuple[Counts, Counts]) -> None:
    for candidate, stable in strata:
        comparison.update(candidate, stable)


@pytest.mark.parametrize(("better", "kind"), [("Lower", "ratio"), ("Higher", "difference")])
def test_estimates_are_the_events_own_shares_of_the_run_and_of_the_step(better: str, kind: str) -> None:
    comparison = Proportion(better, **{f"margin_{kind}": 0.9 if kind == "difference" else 2.0})  # type: ignore[arg-type]
    assert comparison.effect_kind == kind
    fed(comparison, ((10, 100), (30, 200)))
    comparison.restart()
    assert np.isnan(comparison.step_estimates).all()
    fed(comparison, ((5, 20), (6, 40)))
    assert shows(comparison) == (
        pytest.approx((15 / 120, 36 / 240)),
        (120, 240),
        pytest.approx((5 / 20, 6 / 40)),
        (20, 40),
    )


def test_the_interval_at_95_percent_is_what_low_and_high_show_and_a_surer_one_is_wider() -> None:
    comparison = Proportion(margin_ratio=1.5)
    fed(comparison, ((30, 1000), (20, 1000)))
    usual, surer = comparison.interval(0.95), comparison.interval(0.999)
    assert (usual.estimate, usual.low, usual.high) == (comparison.effect, comparison.low, comparison.high)
    assert surer.low < usual.low < usual.high < surer.high


def test_a_version_alone_shows_its_share_and_no_stable() -> None:
    test: OneSided[Counts] = AgainstLimit("Higher", limit=0.9)
    test.update((95, 100))
    test.restart()
    test.update((16, 20))
    assert test.effect_kind == "share"
    assert shows(test) == ((pytest.approx(111 / 120), None), (120, None), (pytest.approx(0.8), None), (20, None))
    assert test.low < test.effect < test.high


@pytest.mark.parametrize("better", ["Lower", "Higher"])
def test_the_interval_of_a_share_alone_holds_the_truth_at_every_look(better: str) -> None:
    rng = np.random.default_rng(9)
    test = AgainstLimit(better, limit=0.5)  # type: ignore[arg-type]
    missed = np.zeros(400, dtype=bool)
    for _ in range(40):
        test.update((rng.binomial(25, 0.1, 400), 25))
        missed |= (np.asarray(test.low) > 0.1) | (np.asarray(test.high) < 0.1)
    assert missed.mean() <= 0.05
    assert (np.asarray(test.high) - np.asarray(test.low)).max() < 0.1


def test_without_answers_a_share_may_be_anything() -> None:
    assert AgainstLimit(limit=0.5).interval()[1:] == (0.0, 1.0)
