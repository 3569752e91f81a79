"""Weights of any sum, as thousandths."""

from collections.abc import Mapping
from typing import TypeVar

from modelrollout.api import TOTAL_WEIGHT

_Name = TypeVar("_Name", str, int)


def thousandths(weights: Mapping[_Name, int]) -> dict[_Name, int]:
    """The same proportions as whole thousandths that sum to exactly 1000; empty when nobody has a weight.

    Rounds by the largest remainder (Hamilton's method; on a tie the first by name), except that whoever has a weight
    keeps at least one thousandth: a version that gets any traffic must never look like one that gets none.
    """
    total = sum(weights.values())
    if total <= 0:
        return {}
    result: dict[_Name, int] = {}
    rest: dict[_Name, int] = {}
    for name, weight in weights.items():
        whole, remainder = divmod(weight * TOTAL_WEIGHT, total)
        lifted = weight > 0 and whole == 0
        result[name], rest[name] = (1, 0) if lifted else (whole, remainder)
    missing = TOTAL_WEIGHT - sum(result.values())
    for name in sorted(weights, key=lambda name: (-rest[name], name))[: max(missing, 0)]:
        result[name] += 1
    for _ in range(-missing):
        # What the smallest were given is taken from the largest, where it matters least.
        result[max(sorted(result), key=lambda name: result[name])] -= 1
    return result
