"""Histogram buckets: the same bound is written in several ways, and only bounds that exist can be asked for."""

import math
from collections.abc import Iterable
from decimal import Decimal

from modelrollout.api import HistogramUnit, LatencyMetric


def bound_of(metric: LatencyMetric) -> Decimal:
    """The bound above which a request is slow, in the unit of the histogram."""
    micros = metric.above.days * 86_400_000_000 + metric.above.seconds * 1_000_000 + metric.above.microseconds
    return Decimal(micros) / (1_000 if metric.unit is HistogramUnit.MILLISECONDS else 1_000_000)


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


def is_bound(text: str, bound: Decimal) -> bool:
    """Whether a value of `le` is that number."""
    value = _number(text)
    return value is not None and math.isclose(value, float(bound), rel_tol=1e-9)


def nearest(texts: Iterable[str], bound: Decimal) -> tuple[float | None, float | None]:
    """Of the bounds there are, the next smaller and the next larger one; None where there is none."""
    values = sorted({value for text in texts if (value := _number(text)) is not None and math.isfinite(value)})
    below = [value for value in values if value < float(bound)]
    above = [value for value in values if value > float(bound)]
    return (below[-1] if below else None), (above[0] if above else None)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
