"""Values as people read them."""


def percent(share: float | None) -> str:
    """A share: three digits that count, and "unknown" without data."""
    if share is None:
        return "unknown"
    return f"{100 * share:.3g} %" if abs(share) < 0.9995 else f"{100 * share:.5g} %"


def plain(value: float | None) -> str:
    """A number in a unit of its own; "unknown" without data."""
    return "unknown" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def finite(value: object) -> float | None:
    """The number, None where it is none (not a number, infinite)."""
    number = float(str(value))
    return number if abs(number) < float("inf") else None
