"""How a bandit shares out the traffic: towards the arms that are likely to be the best, slowly, and never all of it.

Top-two Thompson sampling draws the arm that is best in a draw from the posterior; in some of the draws (here a quarter)
it goes on drawing until another arm is best, and takes that. So the runner-up gets traffic enough to be told from the
leader, while plain Thompson sampling starves it and then cannot decide.

A gateway splits by weights and not by draws. The weights here are the probabilities with which the draws would come
out, so nothing is drawn: the same evidence always gives the same weights, and a decision can be read off its record.

Source: D. Russo, "Simple Bayesian algorithms for best-arm identification", Operations Research 68 (2020) 1625-1647.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from modelrollout.stats.comparison import Floats

TOP_TWO = 0.75
"""Share of the draws in which the leader itself is taken.

One half tells the best arm fastest, and gives two arms equal shares for ever; three quarters cost a third more answers
and halve what two arms lose by each.
"""


def top_two(chances: ArrayLike, *, leader: float = TOP_TWO) -> Floats:
    """With which probability top-two Thompson sampling takes each arm.

    Args:
        chances: of each arm to be the best, shape (K,), sum 1.
        leader: share of the draws in which the arm that is best in the first draw is taken.

    Returns:
        Shape (K,), sum 1: p_i (leader + (1 - leader) sum over j != i of p_j / (1 - p_j)).

    Raises:
        ValueError: fewer than two arms, or chances that are none.
    """
    p = np.asarray(chances, dtype=np.float64)
    if p.ndim != 1 or len(p) < 2 or not (p >= 0).all() or not math.isclose(float(p.sum()), 1.0, abs_tol=1e-6):
        raise ValueError("chances of two or more arms are needed, which sum to 1")
    # One arm may be all but certain: the limit of the formula is then its rivals in proportion to each other.
    p = np.clip(p, 1e-12, 1.0)
    p = p / p.sum()
    odds = p / np.maximum(1 - p, 1e-300)
    rest = odds.sum() - odds
    drawn = p * (leader + (1 - leader) * rest)
    result: Floats = drawn / drawn.sum()
    return result


def with_floor(shares: ArrayLike, floor: float) -> Floats:
    """The shares with at least `floor` for every arm: what is above the floors is shared out as `shares` say.

    Args:
        shares: of each arm, sum 1.
        floor: at most 1/K.

    Raises:
        ValueError: floors that sum to more than everything.
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if floor < 0 or floor * len(wanted) > 1 + 1e-9:
        raise ValueError(f"{len(wanted)} floors of {floor:g} are more than everything")
    result: Floats = floor + (1 - floor * len(wanted)) * wanted
    return result


def towards(present: Sequence[int], wanted: ArrayLike, most: float) -> tuple[int, ...]:
    """Whole weights, of the same sum as the present ones, on the way from these to the wanted shares.

    The way is straight, so the weights keep their sum and whatever both ends have: floors, too.

    Args:
        present: weights now.
        wanted: shares, sum 1.
        most: by how much no weight may change at once, in the unit of the weights.
    """
    total = sum(present)
    now = np.asarray(present, dtype=np.float64)
    way = np.asarray(wanted, dtype=np.float64) * total - now
    longest = float(np.abs(way).max(initial=0.0))
    part = 1.0 if longest <= most else most / longest
    return _rounded(now + part * way, total)


def _rounded(weights: Floats, total: int) -> tuple[int, ...]:
    """Whole numbers of that sum, by the largest remainders; of equal ones the first."""
    whole = np.floor(weights + 1e-9).astype(int)
    order = np.argsort(-(weights - whole), kind="stable")
    for index in order[: total - int(whole.sum())]:
        whole[index] += 1
    return tuple(int(one) for one in whole)
