"""Bounds of histogram buckets: one number, written in several ways."""

import math
from datetime import timedelta
from decimal import Decimal

from modelrollout.api import HistogramUnit

INFINITE = "+Inf"
"""Bound of the bucket that every request falls into."""


def bound_of(above: timedelta, unit: HistogramUnit) -> Decimal:
    """A duration in the unit of a histogram."""
    micros = above.days * 86_400_000_000 + above.seconds * 1_000_000 + above.microseconds
    return Decimal(micros) / (1_000 if unit is HistogramUnit.MILLISECONDS else 1_000_000)


def number_of(text: str) -> float | None:
    """The bound that a value of `le` stands for, None where it stands for none."""
    try:
        return float(text)
    except ValueError:
        return None


def is_bound(text: str, bound: Decimal) -> bool:
    """Whether a value of `le` is that number."""
    value = number_of(text)
    return value is not None and math.isclose(value, float(bound), rel_tol=1e-9)
