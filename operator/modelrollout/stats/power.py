"""How many exposures a fixed-horizon experiment needs in each arm.

Planning figures for a test that looks once. The sequential tests of this room need more for the same certainty where
the effect is as planned, and fewer where it is larger.
"""

import math

from scipy.special import ndtri


def exposures_for_proportions(
    baseline: float,
    candidate: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    pooled: bool = True,
    allocation: float = 1.0,
) -> float:
    """Exposures per arm at which two proportions are told apart with this power.

    Args:
        baseline: the baseline's proportion.
        candidate: the candidate's proportion to be found.
        power: chance to find it.
        alpha: chance of a false finding.
        sides: 2 for a difference in either direction, 1 for one.
        pooled: whether the test estimates the variance from both arms together (as the two-proportion z test does).
        allocation: exposures of the candidate for each of the baseline.

    Returns:
        Exposures of the baseline, not rounded; the candidate's are `allocation` times that.

    Raises:
        ValueError: equal proportions, or a value out of range.

    Source: J. L. Fleiss, B. Levin, M. C. Paik, "Statistical Methods for Rates and Proportions", 3rd ed., section 4.2.
    """
    if not (0 < baseline < 1 and 0 < candidate < 1) or baseline == candidate:
        raise ValueError("two different proportions between 0 and 1 are needed")
    certain, powerful = _quantiles(power, alpha, sides, allocation)
    spread = baseline * (1 - baseline) + candidate * (1 - candidate) / allocation
    mean = (baseline + allocation * candidate) / (1 + allocation)
    null = mean * (1 - mean) * (1 + 1 / allocation) if pooled else spread
    return ((certain * math.sqrt(null) + powerful * math.sqrt(spread)) / (candidate - baseline)) ** 2


def exposures_for_means(
    difference: float,
    deviation: float,
    *,
    candidate_deviation: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    sides: int = 2,
    allocation: float = 1.0,
) -> float:
    """Exposures per arm at which two means are told apart with this power (normal approximation).

    Args:
        difference: of the means, in the quantity's unit; not 0.
        deviation: standard deviation of the baseline, in the same unit.
        candidate_deviation: of the candidate; default the same.
        power: chance to find it.
        alpha: chance of a false finding.
        sides: 2 for a difference in either direction, 1 for one.
        allocation: exposures of the candidate for each of the baseline.

    Returns:
        Exposures of the baseline, not rounded; the candidate's are `allocation` times that.

    Raises:
        ValueError: no difference, or a value out of range.

    Source: J. L. Fleiss, B. Levin, M. C. Paik, as above; S.-C. Chow, J. Shao, H. Wang, "Sample Size Calculations in
    Clinical Research", 2nd ed., section 3.2.
    """
    other = deviation if candidate_deviation is None else candidate_deviation
    if not (math.isfinite(difference) and difference and deviation > 0 and other > 0):
        raise ValueError("a difference other than 0 and standard deviations above 0 are needed")
    certain, powerful = _quantiles(power, alpha, sides, allocation)
    return (certain + powerful) ** 2 * (deviation**2 + other**2 / allocation) / difference**2


def exposures_for_non_inferiority(
    proportion: float,
    margin: float,
    *,
    candidate: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    allocation: float = 1.0,
) -> float:
    """Exposures per arm at which a candidate's share of bad answers is shown to lie below baseline plus margin.

    Args:
        proportion: the baseline's share of bad answers.
        margin: how much worse may be promoted, as a difference of shares, above 0.
        candidate: the candidate's true share; default the same as the baseline's.
        power: chance to show it.
        alpha: chance that a candidate at the margin is taken for better; one side.
        allocation: exposures of the candidate for each of the baseline.

    Returns:
        Exposures of the baseline, not rounded; the candidate's are `allocation` times that.

    Raises:
        ValueError: a candidate at or beyond the margin, or a value out of range.

    Source: S.-C. Chow, J. Shao, H. Wang, "Sample Size Calculations in Clinical Research", 2nd ed., section 4.2.
    """
    other = proportion if candidate is None else candidate
    if not (0 < proportion < 1 and 0 < other < 1 and margin > 0):
        raise ValueError("shares lie between 0 and 1, and the margin above 0")
    if proportion + margin - other < 1e-9:
        raise ValueError("a candidate at or beyond the margin cannot be shown to lie below it")
    certain, powerful = _quantiles(power, alpha, 1, allocation)
    spread = proportion * (1 - proportion) + other * (1 - other) / allocation
    return (certain + powerful) ** 2 * spread / (proportion + margin - other) ** 2


def _quantiles(power: float, alpha: float, sides: int, allocation: float) -> tuple[float, float]:
    if sides not in (1, 2) or not (0 < alpha < power < 1 and allocation > 0):
        raise ValueError("sides is 1 or 2, alpha lies below the power, both between 0 and 1, allocation above 0")
    return float(ndtri(1 - alpha / sides)), float(ndtri(power))
