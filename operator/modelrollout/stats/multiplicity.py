"""Many comparisons in one run: which of them fail when none of the good ones may, but for a chance of alpha."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats.comparison import Floats


@dataclass(frozen=True, slots=True)
class StepDown:
    """The outcome of a step-down over a family of comparisons; arrays of the shape of the evidence.

    Attributes:
        rejected: which comparisons fail.
        needed: log evidence each one has to reach at present to fail; for those that failed, what they were held to.
            It falls as others fail, and never rises.
    """

    rejected: NDArray[np.bool_]
    needed: Floats


def holm(peak_log_e: ArrayLike, alpha: float, *, planned: int | None = None) -> StepDown:
    """Holm's step-down on p-values that may be looked at at any time.

    The inverse of an e-process's running maximum is a p-value at every time, however the looks are chosen, and falls
    only; so what is rejected stays rejected while dispersions stay as they are, and the chance that any comparison
    without a fault is ever rejected is at most alpha, however the comparisons depend on each other.

    Args:
        peak_log_e: running maxima of log e-processes (`Comparison.peak_log_e_fail`), the family along the last axis;
            leading axes are families of their own. NaN counts as no evidence.
        alpha: chance of any false rejection in the family: the share of the run's alpha that it was given.
        planned: how many comparisons the family may come to have, fixed before the first; default: those given. Slices
            that appear only later must be counted here from the start.

    Returns:
        What is rejected, and the evidence each comparison needs.

    Raises:
        ValueError: an alpha that is not between 0 and 1, or more comparisons than planned.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979) 65-70; the
    p-value: G. Shafer, A. Shen, N. Vereshchagin, V. Vovk, "Test martingales, Bayes factors and p-values",
    arXiv:0912.4269.
    """
    evidence = np.nan_to_num(np.asarray(peak_log_e, dtype=np.float64), nan=0.0, posinf=np.inf, neginf=0.0)
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    size = evidence.shape[-1]
    family = size if planned is None else planned
    if family < size:
        raise ValueError(f"the family was planned for {family} comparisons and has {size}")
    if not size:
        return StepDown(evidence.astype(bool), evidence)
    order = np.argsort(-evidence, axis=-1, kind="stable")
    ranked = np.take_along_axis(evidence, order, axis=-1)
    levels = np.log(np.arange(family, family - size, -1)) - math.log(alpha)
    passed = np.logical_and.accumulate(ranked >= levels, axis=-1)
    steps = passed.sum(axis=-1, keepdims=True)
    # past the last step all open ones are held to the level at which the procedure stopped
    held_to = levels[np.minimum(np.arange(size), np.minimum(steps, size - 1))]
    rejected, needed = np.empty(evidence.shape, dtype=bool), np.empty(evidence.shape)
    np.put_along_axis(rejected, order, passed, axis=-1)
    np.put_along_axis(needed, order, held_to, axis=-1)
    return StepDown(rejected, needed)
