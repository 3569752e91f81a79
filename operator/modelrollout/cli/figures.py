"""Figures as people read them: shares, spans of time, counts, bars; pure text."""

import re
from datetime import datetime, timedelta

from modelrollout.api.status import Run

SHARES = frozenset({"proportion", "latency", "quantile", "agreement", "paired"})
"""Kinds of metrics whose values are shares."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


def share(weight: int | None) -> str:
    """Thousandths as a percentage: 5%, 12.5%, a dash when unknown."""
    return "-" if weight is None else f"{weight / 10:g}%"


def shares(weight: int, run: Run | None) -> str:
    """What a candidate gets: 5%, 5% and copies of 20%, copies of 20%, 100% in beta."""
    if run is not None and run.audience:
        return f"{share(weight)} in {', '.join(run.audience)}"
    mirror = run.mirror if run is not None else 0
    if not mirror:
        return share(weight)
    return f"{share(weight)} and copies of {share(mirror)}" if weight else f"copies of {share(mirror)}"


def chance(found: float) -> str:
    """A chance as a percentage; one that rounds to nothing or to certainty is said to lie below or above."""
    if 0 <= found < 0.001:
        return "< 0.1%"
    return "> 99.9%" if found > 0.999 else f"{100 * found:.1f}%"


def bar(weight: int | None, width: int) -> str:
    """Thousandths as a bar of `width` cells, in eighths of a cell; never empty for a weight above 0."""
    if not weight:
        return " " * width
    eighths = max(1, round(weight * width * 8 / 1000))
    full, rest = divmod(min(eighths, width * 8), 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def span(duration: timedelta | float) -> str:
    """A span of time in its two largest units: 45s, 1m12s, 3h5m, 2d4h."""
    seconds = round(duration.total_seconds() if isinstance(duration, timedelta) else duration)
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    units = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    parts = []
    for unit, size in units:
        number, seconds = divmod(seconds, size)
        parts.append((number, unit))
    first = next((place for place, (number, _) in enumerate(parts) if number), len(parts) - 1)
    return sign + "".join(
        f"{number}{unit}" for number, unit in parts[first : first + 2] if number or unit == "s" == parts[first][1]
    )


def ago(moment: datetime, now: datetime) -> str:
    """How long before `now` a moment was."""
    return "just now" if now - moment < timedelta(seconds=1) else f"{span(now - moment)} ago"


def count(number: int | None) -> str:
    """A count in at most five characters: 950, 4.1k, 78k, 1.2M."""
    if number is None:
        return "-"
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            value = number / limit
            return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    return str(number)


def towards(evidence: str | None) -> str:
    """Evidence, of which 1 is decisive, as a percentage from 0% to 100%; a dash when there is none."""
    if evidence is None:
        return "-"
    try:
        return f"{min(1.0, max(0.0, float(evidence))):.0%}"
    except ValueError:
        return evidence


def value(text: str | None, kind: str) -> str:
    """A metric's value: a share as a percentage, anything else as it is; a dash when there is none."""
    if text is None:
        return "-"
    try:
        return f"{float(text) * 100:.3g}%" if kind in SHARES else text
    except ValueError:
        return text


_EFFECT = re.compile(r"(ratio|difference) (\S+?)(?: \[(\S+), (\S+)\])?")


def effect(text: str | None, kind: str) -> str:
    """An effect with its interval, short: x1.05 [0.71, 1.6], or -0.08pp [-0.4, 0.3] for a difference of shares."""
    found = _EFFECT.fullmatch(text or "")
    if found is None:
        return text or "-"
    form, numbers = found[1], found.groups()[1:]
    try:
        values = [None if number is None else float(number) for number in numbers]
    except ValueError:
        return text or "-"
    points = form == "difference" and kind in SHARES
    point, low, high = (None if one is None else f"{one * (100 if points else 1):.3g}" for one in values)
    short = f"x{point}" if form == "ratio" else f"{point}{'pp' if points else ''}"
    return short if low is None or high is None else f"{short} [{low}, {high}]"
