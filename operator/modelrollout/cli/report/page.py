"""The report as one HTML page with its pictures inside: nothing is loaded, so it can be mailed and kept."""

import math
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from modelrollout.cli.report.document import Pair, Report

WIDTH, ROW, LEFT, RIGHT = 720, 34, 190, 150
"""Of a picture, in its own units: whole width, height of a pair, room for names and for numbers."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One pair in a picture: where its interval and its estimate lie, and how it is told."""

    label: str
    y: int
    low: float
    high: float
    estimate: float
    numbers: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Picture:
    """The pairs of one metric on one scale; `nothing` is where no effect lies, `caption` says what is drawn."""

    metric: str
    role: str
    caption: str
    height: int
    nothing: float
    bars: tuple[Bar, ...]


def page(report: Report) -> str:
    """The page. Every text is escaped: names, hypotheses and messages are other people's."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    template = environment.get_template("page.html")
    return template.render(report=report, pictures=pictures(report), width=WIDTH, left=LEFT, row=ROW)


def pictures(report: Report) -> tuple[Picture, ...]:
    """One for each metric with an effect, in the order of the report."""
    metrics = list(dict.fromkeys(pair.metric for pair in report.pairs if pair.effect is not None))
    return tuple(_picture([one for one in report.pairs if one.metric == name and one.effect]) for name in metrics)


def _picture(pairs: list[Pair]) -> Picture:
    first = pairs[0]
    kind = first.effect.kind if first.effect is not None else "difference"
    nothing = 1.0 if kind == "ratio" else 0.0
    ends = [nothing]
    for pair in pairs:
        if pair.effect is not None:
            known = (pair.effect.low, pair.effect.high, pair.effect.estimate)
            ends += [one for one in known if one is not None and math.isfinite(one)]
    lowest, highest = min(ends), max(ends)
    spread = (highest - lowest) or 1.0
    lowest, highest = lowest - 0.06 * spread, highest + 0.06 * spread
    room = WIDTH - LEFT - RIGHT

    def place(value: float | None, otherwise: float) -> float:
        inside = otherwise if value is None or not math.isfinite(value) else min(max(value, lowest), highest)
        return round(LEFT + room * (inside - lowest) / (highest - lowest), 1)

    bars = tuple(
        Bar(
            label=f"{pair.version} against {pair.against}",
            y=ROW * number + ROW // 2,
            low=place(pair.effect.low, lowest),
            high=place(pair.effect.high, highest),
            estimate=place(pair.effect.estimate, nothing),
            numbers=_numbers(pair),
            verdict=pair.verdict,
        )
        for number, pair in enumerate(pairs)
        if pair.effect is not None
    )
    better = "higher" if first.better == "Higher" else "lower"
    caption = f"{kind} of the first version to the second; {better} values of {first.metric} are better"
    return Picture(first.metric, first.role, caption, ROW * len(pairs), place(nothing, nothing), bars)


def _numbers(pair: Pair) -> str:
    if pair.effect is None:
        return ""
    low, high = pair.effect.low, pair.effect.high
    interval = "" if low is None or high is None else f" [{low:.3g}, {high:.3g}]"
    return f"{pair.effect.estimate:.3g}{interval}"
