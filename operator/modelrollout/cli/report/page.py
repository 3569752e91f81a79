"""The report as one HTML page with its pictures inside: nothing is loaded, so it can be mailed and kept."""

import math
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from modelrollout.cli.figures import chance
from modelrollout.cli.report.document import Effect, Pair, Report

WIDTH, ROW, CHARACTER, GAP = 760, 34, 7.2, 14
"""Of a picture, in its own units: whole width, height of a pair, width of a character of its texts (which a browser is
told to keep), and what lies between texts and lines."""

_LONGEST = 30
"""Characters of a text that a picture has room for; names of versions have up to 63, and are cut."""


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
    environment.filters |= {"chance": chance, "numbers": numbers}
    template = environment.get_template("page.html")
    return template.render(report=report, pictures=pictures(report), width=WIDTH, character=CHARACTER)


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
    labels = [_cut(f"{pair.version} against {pair.against}") for pair in pairs]
    told = [numbers(pair.effect) for pair in pairs]
    left, right = (CHARACTER * max(map(len, texts)) + GAP for texts in (labels, told))
    room = WIDTH - left - right

    def place(value: float | None, otherwise: float) -> float:
        inside = otherwise if value is None or not math.isfinite(value) else min(max(value, lowest), highest)
        return round(left + room * (inside - lowest) / (highest - lowest), 1)

    bars = tuple(
        Bar(
            label=labels[number],
            y=ROW * number + ROW // 2,
            low=place(pair.effect.low, lowest),
            high=place(pair.effect.high, highest),
            estimate=place(pair.effect.estimate, nothing),
            numbers=told[number],
            verdict=pair.verdict,
        )
        for number, pair in enumerate(pairs)
        if pair.effect is not None
    )
    better = "higher" if first.better == "Higher" else "lower"
    caption = f"{kind} of the first version to the second; {better} values of {first.metric} are better"
    return Picture(first.metric, first.role, caption, ROW * len(pairs), place(nothing, nothing), bars)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def numbers(effect: Effect | None) -> str:
    """An effect with its interval, empty without one."""
    if effect is None:
        return ""
    interval = "" if effect.low is None or effect.high is None else f" [{effect.low:.3g}, {effect.high:.3g}]"
    return f"{effect.estimate:.3g}{interval}"
