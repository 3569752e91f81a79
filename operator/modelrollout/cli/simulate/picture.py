"""The result of a simulation drawn for people, within 80 columns."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelrollout.api import ModelRollout
from modelrollout.cli.figures import count, share, span
from modelrollout.cli.simulate.run import Asked, Done
from modelrollout.cli.simulate.sentences import asked_rate, notes, warnings
from modelrollout.rehearsal.power import SHARES, Power
from modelrollout.rehearsal.simulation.runs import Outcome
from modelrollout.rehearsal.simulation.summary import Chance, Spread
from modelrollout.rehearsal.streams.stream import Stream, Value

_SHARES = frozenset({"proportion", "latency", "quantile", "agreement", "paired"})
_OUTCOMES = {
    Outcome.PROMOTED: ("✔ promoted", "green"),
    Outcome.ROLLED_BACK: ("✖ rolled back", "red"),
    Outcome.NO_EVIDENCE: ("✖ no evidence in time", "red"),
    Outcome.HELD: ("! held for a person", "yellow"),
}
_STANDINGS = {"acceptable": "acceptable", "between": "inside the margin", "beyond": "not to be promoted"}


def picture(rollout: ModelRollout, asked: Asked, done: Done) -> RenderableType:
    """What becomes of the candidate, how often the policy errs, what cannot happen in time, what was assumed."""
    parts: list[RenderableType] = [*_header(rollout, done), Text()]
    if done.versions.streams:
        parts += [_values(done), Text()]
    parts += [_outcomes(done), Text(), _sizes(done), Text(), _steps(done)]
    if asked.errors:
        parts += [Text(), _errors(done)]
    if done.powers:
        parts += [Text(), _powers(done.powers)]
    said = [Text(f"! {one}", style="yellow") for one in warnings(asked, done)]
    parts += [Text(), *said] if said else []
    assumed = [Text(f"- {one}", style="dim") for one in notes(asked, done)]
    parts += [Text(), *assumed] if assumed else []
    return Group(*parts)


def _header(rollout: ModelRollout, done: Done) -> Iterator[Text]:
    name = "/".join(filter(None, (rollout.metadata.namespace, rollout.metadata.name)))
    runs = done.rehearsal.candidate.runs
    yield Text.assemble((name, "bold"), f"  {runs:,} simulated rollouts at {asked_rate(done)}")


def _table(*titles: str) -> Table:
    """The first column to the left, numbers to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, title in enumerate(titles):
        table.add_column(title, justify="left" if place == 0 else "right", no_wrap=place > 0)
    return table


def _values(done: Done) -> Table:
    table = _table("METRIC", "STABLE", "CANDIDATE", "MARGIN", "THE CANDIDATE IS")
    for one in done.versions.streams:
        stable = "-" if one.kind.one_sided else _value(one, one.stable)
        table.add_row(
            one.metric.name,
            stable,
            _value(one, one.candidate),
            _value(one, one.at_margin()),
            _STANDINGS[one.standing()],
        )
    return table


def _value(stream: Stream, value: Value) -> str:
    if stream.metric.kind in _SHARES:
        return f"{100 * value.level:.4g}%"
    return f"{value.level:.4g}"


def _outcomes(done: Done) -> Table:
    table = _table("OUTCOME", "CHANCE", "95% INTERVAL")
    wrong = {
        Outcome.PROMOTED: done.rehearsal.harmful,
        Outcome.ROLLED_BACK: done.rehearsal.harmless and done.versions.tested,
    }
    for outcome, chance in done.rehearsal.candidate.outcomes.items():
        text, style = _OUTCOMES[outcome]
        text += ", wrongly" if wrong.get(outcome) else ""
        table.add_row(Text(text, style=style if chance.share else "dim"), percent(chance.share), _interval(chance))
    for name, part in done.rehearsal.candidate.failed.items():
        if part:
            table.add_row(f"  because {name} failed", percent(part), "")
    return table


def _sizes(done: Done) -> Table:
    summary = done.rehearsal.candidate
    table = _table("UNTIL THE DECISION", "MEAN", "MEDIAN", "95% OF RUNS")
    table.add_row("time", *(span(one) for one in _three(summary.seconds)))
    table.add_row("answers of the candidate", *(_number(one) for one in _three(summary.answers)))
    for name, bad in summary.bad.items():
        table.add_row(f"{name}: bad answers to users", *(_number(one) for one in _three(bad.all)))
        if any(_three(bad.excess)):
            table.add_row("  more than stable gives", *(_number(one) for one in _three(bad.excess)))
    return table


def _three(spread: Spread) -> tuple[float, float, float]:
    return spread.mean, spread.median, spread.most


def _number(value: float) -> str:
    return count(round(value)) if value >= 0 else f"-{count(round(-value))}"


def _steps(done: Done) -> Table:
    table = _table("STEP", "WEIGHT", "REACHED", "TAKEN BACK", "LEFT AFTER", "WAITING AT THE DEADLINE FOR")
    for number, step in enumerate(done.rehearsal.candidate.steps, start=1):
        waiting = ", ".join(f"{name} {percent(part)}" for name, part in step.waiting.items())
        left = "-" if step.left is None else span(step.left)
        table.add_row(str(number), share(step.weight), percent(step.reached), percent(step.stopped), left, waiting)
    return table


def _errors(done: Done) -> Table:
    rehearsal, analysis = done.rehearsal, done.plan.spec.analysis
    table = _table("HOW OFTEN THE POLICY ERRS", "CHANCE", "95% INTERVAL", "ALLOWED")
    if rehearsal.wrong_rollback is not None:
        chance = rehearsal.wrong_rollback
        table.add_row("an equal one is taken back", *_chance(chance, analysis.false_rollback))
    for name, chance in rehearsal.wrong_promotion.items():
        table.add_row(f"one at the margin of {name} is promoted", *_chance(chance, analysis.false_promotion))
    return table


def _chance(chance: Chance, allowed: float) -> tuple[str, str, str]:
    return percent(chance.share), _interval(chance), percent(allowed)


def _interval(chance: Chance) -> str:
    return f"{percent(chance.low)} to {percent(chance.high)}"


def _powers(powers: tuple[Power, ...]) -> Table:
    parts = [f"{part:.0%}" for part in SHARES]
    titles = ["ANSWERS PER VERSION", "VERDICT", *parts, "MIDDLE", *(f"FIXED {part}" for part in parts)]
    table = _table(*titles)
    for one in powers:
        needed = [
            f">{_count(one.most)}" if number is None and one.verdict else _count(number)
            for number in one.needed.values()
        ]
        fixed = [_count(number) for number in one.fixed.values()]
        table.add_row(one.metric, one.verdict or "-", *needed, _count(one.expected), *fixed)
    return table


def _count(number: float | None) -> str:
    return "-" if number is None else count(round(number))


def percent(part: float) -> str:
    """A chance: one decimal below 10 and above 99 %, else none."""
    value = 100 * part
    return f"{round(value, 1):g}%" if value < 10 or value > 99 else f"{value:.0f}%"
