"""The result of a backtest drawn for people."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelrollout.api import ModelRollout
from modelrollout.api.status import Verdict
from modelrollout.cli.backtest.moments import written
from modelrollout.cli.backtest.notes import notes
from modelrollout.cli.backtest.sources import Gathered
from modelrollout.cli.figures import count, effect, share, span, towards, value
from modelrollout.decisions.metric_status import metric_status
from modelrollout.rehearsal.replay.result import Ending, MetricReplay, Replay, StepReplay

_ENDINGS = {
    Ending.PROMOTED: ("✔", "green"),
    Ending.ROLLED_BACK: ("✖", "red"),
    Ending.REPORTED: ("✔", "green"),
    Ending.HELD: ("!", "yellow"),
}
_VERDICTS = {
    Verdict.PASS: ("✔", "green"),
    Verdict.FAIL: ("✖", "bold red"),
    Verdict.INCONCLUSIVE: ("·", "yellow"),
    Verdict.ERROR: ("!", "bold yellow"),
}


def picture(rollout: ModelRollout, samples: Gathered, done: Replay) -> RenderableType:
    """The outcome, what each metric said in each step, and what to know to read it."""
    parts: list[RenderableType] = [*_header(rollout, done), Text(), _steps(done)]
    if any(step.metrics for step in done.steps):
        parts += [Text(), _metrics(rollout, done)]
    if done.missing:
        parts += [Text(), Text("Missing when the data ended:"), *(Text(f"  {one}") for one in done.missing)]
    parts += [Text(), *(Text(one, style="dim") for one in notes(samples, done))]
    return Group(*parts)


def _header(rollout: ModelRollout, done: Replay) -> Iterator[Text]:
    sign, style = _ENDINGS[done.ending]
    name = "/".join(filter(None, (rollout.metadata.namespace, rollout.metadata.name)))
    yield Text.assemble(
        (name, "bold"),
        f"  {done.candidate} against {done.stable}  ",
        (f"{sign} {done.ending}", f"bold {style}"),
        f" {span(done.at - done.since)} after its first weight, at {written(done.at)}",
    )
    yield Text(f"{done.reason}: {done.message}")


def _table(titles: Sequence[str], right: frozenset[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left", no_wrap=True)
    return table


def _steps(done: Replay) -> Table:
    table = _table(("STEP", "WEIGHT", "FROM", "TO"), frozenset({"WEIGHT", "FROM", "TO"}))
    for step in done.steps:
        left = "-" if step.left is None else span(step.left - done.since)
        table.add_row(_name(step), share(step.weight), span(step.entered - done.since), left)
    return table


_RIGHT = frozenset({"CANDIDATE", "STABLE", "ANSWERS", "TO FAIL", "TO PASS", "SINCE"})


def _metrics(rollout: ModelRollout, done: Replay) -> Table:
    titles = ("STEP", "METRIC", "CANDIDATE", "STABLE", "EFFECT", "ANSWERS", "TO FAIL", "TO PASS", "VERDICT", "SINCE")
    table = _table(titles, _RIGHT)
    for step in done.steps:
        for row, one in enumerate(step.metrics):
            table.add_row("" if row else _name(step), *_cells(rollout, one, done))
    return table


def _name(step: StepReplay) -> str:
    return "watch" if step.number is None else str(step.number)


def _cells(rollout: ModelRollout, one: MetricReplay, done: Replay) -> tuple[str | Text, ...]:
    said = metric_status(one.finding)
    metric = rollout.spec.metric(one.finding.metric)
    kind = metric.kind if metric is not None else ""
    sign, style = _VERDICTS[said.verdict]
    telling = said.verdict in (Verdict.PASS, Verdict.FAIL) or said.reason in ("", "NotYet")
    role = "" if said.role == "Guardrail" else f" {said.role.lower()}"
    return (
        Text.assemble(said.name, (role, "dim")),
        value(said.candidate, kind),
        value(said.stable, kind),
        effect(said.effect, kind),
        f"{count(said.candidate_count)} / {count(said.stable_count)}",
        towards(said.evidence_fail),
        towards(said.evidence_pass),
        Text(f"{sign} {said.verdict if telling else said.reason}", style=style),
        span(one.since - done.since),
    )
