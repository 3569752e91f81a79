"""An explanation drawn for a terminal: plain text with colour where the terminal has it."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelrollout.api.status import Verdict
from modelrollout.cli.explain.explanation import Awaited, EndedRun, Explanation, Gathered, MetricAccount
from modelrollout.cli.explain.records import RecordedFinding, RecordLine
from modelrollout.cli.figures import ago, chance, effect, shares, span, towards, value
from modelrollout.cli.overview import MetricRow
from modelrollout.cli.render import VERDICTS, phase_mark
from modelrollout.decisions.expectation import Expectation, Outlook, in_words
from modelrollout.decisions.telling import without_numbers

_OUTLOOKS = {Outlook.EXPECTED: "", Outlook.UNKNOWN: "yellow", Outlook.NEVER: "red", Outlook.REACHED: "green"}

_EXPOSURES = {"mean": "values", "rate": "units of exposure"}
"""What is counted of a kind of metric where it is not answers."""


def explanation(told: Explanation, now: datetime) -> RenderableType:
    """The whole account: where it stands, the last decision, every metric, what is missing, the run before."""
    sections = [_header(told), _decision(told, now), *_metrics(told, now), _missing(told), _ended(told, now)]
    parts: list[RenderableType] = []
    for section in sections:
        if section is not None:
            parts += [Text(), section] if parts else [section]
    return Group(*parts)


def _header(told: Explanation) -> RenderableType:
    title = Text.assemble((f"{told.namespace}/{told.name}", "bold"), "  ", phase_mark(told.phase))
    if told.candidate and told.run and told.weight is not None:
        at = shares(told.weight, told.run)
        title.append(f"  step {told.run.step + 1}/{told.run.steps}  {told.candidate} at {at}")
    # The metrics below have the numbers, and fresher ones.
    lines = [Text(without_numbers(told.message))] if told.message else []
    lines += [Text(f"! {one.type}={one.status} {one.reason}: {one.message}", style="yellow") for one in told.problems]
    return Group(title, *lines)


def _plain_table() -> Table:
    return Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))


def _section(title: str | Text, *rows: tuple[str, RenderableType]) -> RenderableType:
    """A title and, indented below it, named texts that wrap beside their names."""
    table = _plain_table()
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows:
        table.add_row(f"  {name}", text)
    heading = Text(title, style="bold") if isinstance(title, str) else title
    return Group(heading, table) if rows else heading


def _decision(told: Explanation, now: datetime) -> RenderableType | None:
    run, line = told.run, told.decision
    if run is None:
        return None
    # The message above often ends with the reason.
    why: list[tuple[str, RenderableType]] = (
        [("why", Text(run.message))] if run.message and run.message not in told.message else []
    )
    if line is None:
        return _section("Last decision: none on record in this run", *why)
    rows = [("what", Text(line.sentence(run.target))), *why]
    rows += [("from", _recorded(one, told)) for one in line.findings]
    return _section(f"Last decision: {line.decision}, {ago(line.at, now)}", *rows)


def _recorded(one: RecordedFinding, told: Explanation) -> Text:
    kind = next((metric.row.kind for metric in told.metrics if metric.row.name == one.metric), "")
    candidate, stable = (None if x is None else f"{x:.4g}" for x in (one.candidate, one.stable))
    text = Text(f"{one.metric} {value(candidate, kind)} against {value(stable, kind)}")
    if one.effect is not None:
        interval = "" if one.low is None or one.high is None else f" [{one.low:.3g}, {one.high:.3g}]"
        text.append(f", {effect(f'{one.effect_kind} {one.effect:.3g}{interval}', kind)}")
    style = next((style for verdict, (_, style) in VERDICTS.items() if verdict == one.verdict), "")
    text.append(f": {_verdict(one.verdict, one.reason)}", style=style)
    return text


def _verdict(verdict: str, reason: str) -> str:
    plain = verdict in ("Pass", "Fail") or reason in ("", "NotYet")
    return verdict if plain else reason


def _metrics(told: Explanation, now: datetime) -> Iterator[RenderableType]:
    for one in told.metrics:
        row = one.row
        sign, style = VERDICTS[row.verdict]
        title = Text.assemble(
            (row.title, "bold"),
            (f"  {row.role.lower()}  ", "dim"),
            (f"{sign} {_verdict(row.verdict, row.reason)}", style),
        )
        yield _section(title, *_lines(one))
    if told.metrics and told.metrics_at is not None:
        how = "live, asked" if told.live else "as written"
        yield Text(f"Numbers {how} {ago(told.metrics_at, now)}.", style="dim")
    if told.unreachable:
        yield Text(f"! Prometheus cannot be asked: {told.unreachable}", style="yellow")


def _lines(one: MetricAccount) -> Iterator[tuple[str, RenderableType]]:
    row = one.row
    if row.candidate is not None or row.stable is not None:
        yield "seen", _seen(row)
    if row.effect is not None:
        yield "effect", Text(f"{effect(row.effect, row.kind)}, a 95% interval that holds whenever you look")
    if row.chance is not None:
        yield "better", Text(f"with a chance of {chance(float(row.chance))}; nothing is decided by it")
    if one.to_pass is not None and row.verdict is not Verdict.FAIL:
        yield "to pass", _evidence(one.to_pass, row)
    if one.to_fail is not None:
        yield "to fail", _evidence(one.to_fail, row)
    if row.alpha is not None:
        yield "allowed", Text(f"a good version may fail by it in at most {float(row.alpha) * 100:.3g}% of all runs")
    if row.dispersion is not None and (row.dispersion_assumed or row.dispersion != "1"):
        why = "assumed: stable's history is too short to measure it" if row.dispersion_assumed else "as stable scatters"
        yield "scatter", Text(f"evidence is divided by {row.dispersion}, {why}")
    if row.lost_strata:
        yield "left out", Text(f"{row.lost_strata} intervals that Prometheus did not have for both versions")
    if row.slices:
        yield "slices", _slices(row)
    if not one.decides:
        yield "decides", Text("nothing: it is a monitor")
    if row.verdict is not Verdict.PASS and row.reason not in ("", "NotYet", "Worse") and row.message:
        yield "why", Text(row.message)


def _seen(row: MetricRow) -> Text:
    def side(text: str | None, count: int | None) -> str:
        return value(text, row.kind) + ("" if count is None else f" of {count:,}")

    text = side(row.candidate, row.candidate_count)
    if row.stable is not None or row.stable_count:
        text += f" against {side(row.stable, row.stable_count)}"
    if row.limit is not None:
        text += f"; {'goal' if row.role == 'Goal' else 'limit'} {value(row.limit, row.kind)}"
    return Text(text)


def _evidence(gathered: Gathered, row: MetricRow) -> Text:
    if gathered.have is None or gathered.needed is None:
        text = f"{towards(str(gathered.share))} of the evidence"
    elif row.kind == "threshold":
        text = f"{round(gathered.have)} of {round(gathered.needed)} checks in a row"
    else:
        text = f"evidence {gathered.have:.1f} of {gathered.needed:.1f}"
    if gathered.expected is None or gathered.expected.outlook is Outlook.REACHED:
        return Text(text)
    return Text.assemble(f"{text}; ", _when(gathered.expected, _EXPOSURES.get(row.kind, "answers")))


def _when(expected: Expectation, exposures: str) -> tuple[str, str]:
    return in_words(expected, exposures), _OUTLOOKS[expected.outlook]


def _slices(row: MetricRow) -> Table:
    table = _plain_table()
    for one in row.slices or ():
        sign, style = VERDICTS[one.verdict]
        table.add_row(
            Text(one.value, style="bold"),
            f"{value(one.candidate, row.kind)} against {value(one.stable, row.kind)}",
            effect(one.effect, row.kind),
            *([] if row.chance is None else ["" if one.chance is None else f"better: {chance(float(one.chance))}"]),
            Text(f"{sign} {towards(one.evidence_fail)} to fail", style=style),
        )
    return table


def _missing(told: Explanation) -> RenderableType | None:
    if not told.missing:
        return None
    return _section("Still missing", *((one.what, _awaited(one)) for one in told.missing))


def _awaited(one: Awaited) -> Text:
    if one.expected is None:
        return Text(one.text)
    return Text.assemble(one.text, "; ", _when(one.expected, _EXPOSURES.get(one.kind or "", "answers")))


def _ended(told: Explanation, now: datetime) -> RenderableType | None:
    ended = told.ended
    if ended is None:
        return None
    present = told.run is not None and told.run.id == ended.run
    rows: list[tuple[str, RenderableType]] = [("why", Text(ended.message))] if ended.message and not present else []
    if ended.lines:
        rows.append(("record", _record(ended, ended.lines)))
    elif not told.record_read:
        rows.append(("record", Text(f"may not be read: get on ConfigMap {told.name}-decisions is needed")))
    took = span(ended.ended_at - ended.started_at)
    return _section(f"Last run that ended: {ended.run}, {ended.outcome} {ago(ended.ended_at, now)} after {took}", *rows)


def _record(ended: EndedRun, lines: tuple[RecordLine, ...]) -> Table:
    table = _plain_table()
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for one in lines:
        table.add_row(f"{one.at:%H:%M:%S}", one.sentence(ended.target))
    return table
