"""Histogram buckets: the same bound is written in several ways, and only bounds that exist can be asked for."""

import math
from collections.abc import Iterable
from decimal import Decimal

from modelrollout.decisions.kinds.bounds import number_of


def bound_pattern(bound: Decimal) -> str:
    """Regular expression for every way in which exporters write that number in `le` (0.25, 0.250, 2.5e-01)."""
    whole, _, fraction = f"{bound.normalize():f}".partition(".")
    plain = f"{whole}[.]{fraction}0*" if fraction else f"{whole}([.]0*)?"
    mantissa = bound.normalize().as_tuple()
    digits = "".join(map(str, mantissa.digits))
    exponent = bound.normalize().adjusted()
    tail = f"[.]{digits[1:]}0*" if len(digits) > 1 else "([.]0*)?"
    sign = "-" if exponent < 0 else "[+]?"
    return f"{plain}|{digits[0]}{tail}[eE]{sign}0*{abs(exponent)}"


def nearest(texts: Iterable[str], bound: Decimal) -> tuple[float | None, float | None]:
    """Of the bounds there are, the next smaller and the next larger one; None where there is none."""
    values = sorted({value for text in texts if (value := number_of(text)) is not None and math.isfinite(value)})
    below = [value for value in values if value < float(bound)]
    above = [value for value in values if value > float(bound)]
    return (below[-1] if below else None), (above[0] if above else None)
