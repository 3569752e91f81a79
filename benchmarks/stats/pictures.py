"""Plain SVG pictures: bars with intervals, and shares over exposures."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, ROW = 860, 300, 60, 15
_FONT = 'font-family="Helvetica, Arial, sans-serif" font-size="12"'


@dataclass(frozen=True, slots=True)
class Bar:
    """A value with its interval; None draws the words instead of a bar."""

    label: str
    value: float
    low: float
    high: float
    colour: str


def bars(
    title: str,
    groups: Sequence[tuple[str, Sequence[Bar]]],
    ticks: Sequence[float],
    unit: str,
    *,
    line: float | None = None,
) -> str:
    """Horizontal bars on a logarithmic scale, one group a scenario; `line` marks the goal.

    Args:
        title: above the picture.
        groups: title and bars of each.
        ticks: marks of the scale, rising; the first and the last are its ends.
        unit: after each mark.
        line: a value that is marked.
    """
    at = _scale(ticks[0], ticks[-1])
    parts, y = [], 44.0
    for name, group in groups:
        parts.append(f'<text x="{LEFT - 10}" y="{y + 11}" text-anchor="end" font-weight="bold">{escape(name)}</text>')
        for bar in group:
            y += ROW
            end = at(bar.value)
            size = f'width="{max(0.0, end - LEFT):.1f}" height="{ROW - 5}"'
            parts += [
                f'<text x="{LEFT - 10}" y="{y + 11}" text-anchor="end" fill="#444">{escape(bar.label)}</text>',
                f'<rect x="{LEFT}" y="{y + 2}" {size} fill="{bar.colour}"/>',
                f'<path d="M{at(bar.low):.1f} {y + 7}H{at(bar.high):.1f}" stroke="#111" stroke-width="1.2"/>',
            ]
        y += ROW + 8
    marks = "".join(
        f'<path d="M{at(tick):.1f} 36V{y:.0f}" stroke="#ddd"/>'
        f'<text x="{at(tick):.1f}" y="{y + 16:.0f}" text-anchor="middle">{tick:g}{unit}</text>'
        for tick in ticks
    )
    if line is not None:
        marks += f'<path d="M{at(line):.1f} 36V{y:.0f}" stroke="#c00" stroke-dasharray="4 3"/>'
    return _picture(title, y + 28, marks + "".join(parts))


def courses(title: str, lines: Mapping[str, tuple[Sequence[float | None], str]], ticks: Sequence[float]) -> str:
    """Share of runs rolled back (upwards) over the candidate's answers (to the right, logarithmic).

    Args:
        title: above the picture.
        lines: by label: answers after which 5, 10, ... 100 % were rolled back, and the colour.
        ticks: marks of the scale to the right.
    """
    left, top, height = 60, 40, 300
    across = _scale(ticks[0], ticks[-1], left, WIDTH - 260)
    parts = [
        f'<path d="M{across(tick):.1f} {top}V{top + height}" stroke="#ddd"/>'
        f'<text x="{across(tick):.1f}" y="{top + height + 16}" text-anchor="middle">{tick:g}</text>'
        for tick in ticks
    ]
    for share in (0, 25, 50, 75, 100):
        y = top + height * (1 - share / 100)
        parts.append(f'<path d="M{left} {y:.1f}H{WIDTH - 260}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{share} %</text>')
    for number, (label, (values, colour)) in enumerate(lines.items()):
        points = [
            f"{across(max(value, ticks[0])):.1f} {top + height * (1 - (i + 1) / len(values)):.1f}"
            for i, value in enumerate(values)
            if value is not None
        ]
        if points:
            parts.append(f'<path d="M{"L".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = top + 12 + 20 * number
        parts.append(f'<path d="M{WIDTH - 246} {y - 4}h18" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{WIDTH - 222}" y="{y}">{escape(label)}</text>')
    return _picture(title, top + height + 28, "".join(parts))


def _scale(low: float, high: float, left: float = LEFT, right: float = WIDTH - RIGHT) -> Callable[[float], float]:
    span = math.log(high / low)
    return lambda value: left + (right - left) * math.log(min(max(value, low), high) / low) / span


def _picture(title: str, height: float, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}"'
        f' height="{height:.0f}" {_FONT}><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="16" y="22" font-size="15" font-weight="bold">{escape(title)}</text>{body}</svg>\n'
    )
