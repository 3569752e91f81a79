"""An overview drawn for a terminal: plain text with colour where the terminal has it."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelrollout.api.status import GateState, RunState, Verdict
from modelrollout.cli.figures import ago, bar, count, effect, share, shares, span, towards, value
from modelrollout.cli.overview import Countdown, MetricRow, Overview, StepRow, StepState, VersionRow

_BAR = 20
_PHASES = {
    "Progressing": ("▶", "blue"),
    "Promoting": ("▶", "cyan"),
    "Watching": ("◉", "cyan"),
    "Completed": ("✔", "green"),
    "Queued": ("…", "yellow"),
    "Paused": ("‖", "yellow"),
    "Holding": ("!", "yellow"),
    "AwaitingApproval": ("?", "magenta"),
    "RollingBack": ("◀", "red"),
    "RolledBack": ("✖", "red"),
    "Invalid": ("✖", "red"),
}
VERDICTS = {
    Verdict.PASS: ("✔", "green"),
    Verdict.FAIL: ("✖", "bold red"),
    Verdict.INCONCLUSIVE: ("·", "yellow"),
    Verdict.ERROR: ("!", "bold yellow"),
}
_STEPS = {
    StepState.DONE: ("✔", "green"),
    StepState.PRESENT: ("▶", "bold"),
    StepState.STOPPED: ("✖", "red"),
    StepState.AHEAD: (" ", ""),
}
_GATES = {
    GateState.RUNNING: ("▶", "blue"),
    GateState.PASSED: ("✔", "green"),
    GateState.FAILED: ("✖", "bold red"),
}
_ROLES = {"stable": "green", "candidate": "blue", "rejected": "red"}


def phase_mark(phase: str) -> Text:
    """The phase with its sign, coloured."""
    sign, style = _PHASES.get(phase, ("…", "default"))
    return Text(f"{sign} {phase}", style=f"bold {style}")


def overview(seen: Overview, now: datetime, *, wide: bool = False) -> RenderableType:
    """The whole picture; `wide` adds revisions, counts, every metric's sentence and the history."""
    parts: list[RenderableType] = list(_header(seen, now))
    parts += [Text(), _versions(seen, wide=wide)]
    gates = _gates(seen, wide=wide)
    if gates is not None:
        parts += [Text(), gates]
    if seen.steps:
        parts += [Text(), _steps(seen, now)]
    if seen.metrics:
        parts += [Text(), _metrics(seen, wide=wide), *_sentences(seen.metrics, wide=wide)]
        parts += _age(seen, now)
    for section in (_rejected(seen, now), _commands(seen, now, wide=wide), _history(seen, now, wide=wide), _next(seen)):
        if section is not None:
            parts += [Text(), section]
    return Group(*parts)


def _header(seen: Overview, now: datetime) -> Iterator[Text]:
    title = Text.assemble((f"{seen.namespace}/{seen.name}", "bold"), "  ", phase_mark(seen.phase))
    if seen.run and seen.steps and seen.run.state is RunState.TRIAL:
        title.append(f"  step {seen.run.step + 1}/{len(seen.steps)}")
    if seen.candidate and seen.weight is not None:
        title.append(f"  {seen.candidate} at {shares(seen.weight, seen.run)}")
    if not any(row.state is StepState.PRESENT for row in seen.steps):
        title.append("".join(f"  {_countdown(one, now)}" for one in seen.countdowns))
    yield title
    if seen.phase == "Unseen":
        yield Text(
            "No operator has looked at it yet: is one running, and does it watch this namespace?", style="yellow"
        )
    if seen.message:
        yield Text(seen.message)
    if seen.hypothesis:
        yield Text.assemble(("Hypothesis: ", "dim"), seen.hypothesis)
    if seen.run and seen.run.ended_at is None:
        since = ago(seen.run.started_at, now)
        yield Text(f"Run {seen.run.id} began {since}", style="dim")
    if seen.unseen_edit:
        yield Text("! The last edit of the spec has not been seen by the operator yet.", style="yellow")
    if seen.unreadable:
        fields = ", ".join(sorted(seen.unreadable))
        yield Text(
            f"! Not shown, because this plugin does not know its form: {fields} (kubectl get mro -o yaml has it)"
        )
    for pause in seen.paused_by if seen.phase != "Paused" or len(seen.paused_by) > 1 else ():
        yield Text(f"‖ Paused by {pause}", style="yellow")
    for one in seen.problems:
        yield Text(
            f"! {one.type}={one.status} {one.reason}: {one.message}", style="red" if one.type == "Stalled" else "yellow"
        )


def _grid(*titles: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left", no_wrap=title not in ("ROLE", "NOTE"))
    return table


def _versions(seen: Overview, *, wide: bool) -> Table:
    known = any(row.ready is not None for row in seen.versions)
    titles = [
        "VERSION",
        "",
        "DESIRED",
        "OBSERVED",
        *(["READY"] if known else []),
        "ROLE",
        *(["REVISION", "MODEL"] if wide else []),
    ]
    table = _grid(*titles, right=("DESIRED", "OBSERVED", "READY"))
    for place, row in enumerate(seen.versions):
        branch = "└─ " if place == len(seen.versions) - 1 else "├─ "
        colour = next((_ROLES[role] for role in row.roles if role in _ROLES), "default")
        cells = [
            Text.assemble((branch, "dim"), (row.name, "bold")),
            _weights(row, colour),
            Text(share(row.desired)),
            _observed(row),
            *(
                [
                    Text(
                        "-" if row.ready is None else str(row.ready),
                        style="red" if row.ready == 0 and row.desired else "",
                    )
                ]
                if known
                else []
            ),
            Text(", ".join(row.roles), style=colour),
            *([Text(row.revision[:12]), Text(row.model)] if wide else []),
        ]
        table.add_row(*cells)
    return table


def _weights(row: VersionRow, colour: str) -> Text:
    return Text.assemble((bar(row.desired if row.observed is None else row.observed, _BAR), colour), ("▏", "dim"))


def _observed(row: VersionRow) -> Text:
    differs = row.observed is not None and row.desired is not None and row.observed != row.desired
    return Text(share(row.observed), style="bold yellow" if differs else "")


def _gates(seen: Overview, *, wide: bool) -> Table | None:
    """The gates of the run, as long as they are what it waits for, or one of them is why it ended."""
    if seen.run is None or not seen.run.gates or not (wide or seen.run.exposed_at is None):
        return None
    table = _grid("GATE", "STATE", "NOTE")
    for one in seen.run.gates:
        sign, style = _GATES[one.state]
        name = f"{one.name} {one.version}".rstrip()
        table.add_row(Text(name, style="bold"), Text(f"{sign} {one.state}", style=style), one.message)
    return table


def _steps(seen: Overview, now: datetime) -> Table:
    table = _grid("STEP", "WEIGHT", "HOLD", "SAMPLES", "NOTE", right=("WEIGHT", "HOLD", "SAMPLES"))
    for row in seen.steps:
        sign, style = _STEPS[row.state]
        present = row.state is StepState.PRESENT
        samples = (
            f"{count(seen.answers)}/{count(row.samples)}"
            if present and seen.answers is not None
            else count(row.samples)
        )
        note = Text("; ".join(_notes(row, seen, now)))
        table.add_row(
            Text(f"{sign} {row.number} {row.name}".rstrip()),
            share(row.weight),
            span(row.hold),
            samples,
            note,
            style=style,
        )
    return table


def _notes(row: StepRow, seen: Overview, now: datetime) -> Iterator[str]:
    if row.state is StepState.PRESENT:
        yield from (_countdown(one, now) for one in seen.countdowns)
    if row.audience:
        yield f"only in {', '.join(row.audience)}"
    if row.mirror:
        yield f"copies of {share(row.mirror)} of the requests"
    if row.webhooks and row.state is not StepState.DONE:
        yield f"calls {', '.join(row.webhooks)}"
    if row.approval and row.state is not StepState.DONE:
        yield "needs approval"
    if row.needs_pass and row.state is not StepState.DONE:
        yield "needs Pass of every guardrail and goal"


def _countdown(one: Countdown, now: datetime) -> str:
    if one.ends is None or one.stands_still:
        return f"{one.what} stands still"
    return f"{one.what} {span(one.ends - now)} left" if one.ends > now else f"{one.what} over"


def _metrics(seen: Overview, *, wide: bool) -> Table:
    titles = ["METRIC", "CANDIDATE", "STABLE", "LIMIT", "EFFECT", "TO FAIL", "TO PASS", "VERDICT"]
    right = ("CANDIDATE", "STABLE", "LIMIT", "TO FAIL", "TO PASS", "ANSWERS")
    table = _grid(*titles, *(["ANSWERS"] if wide else []), right=right)
    for one in seen.metrics:
        sign, style = VERDICTS[one.verdict]
        plain = one.verdict in (Verdict.PASS, Verdict.FAIL) or one.reason in ("", "NotYet")
        verdict = f"{sign} {one.verdict}" if plain else f"{sign} {one.reason}"
        role = "" if one.role == "Guardrail" else f" {one.role.lower()}"
        answers = [f"{count(one.candidate_count)} / {count(one.stable_count)}"] if wide else []
        table.add_row(
            Text.assemble(one.title, (role, "dim")),
            *(value(text, one.kind) for text in (one.candidate, one.stable, one.limit)),
            effect(one.effect, one.kind),
            towards(one.evidence_fail),
            towards(one.evidence_pass),
            Text(verdict, style=style),
            *answers,
        )
    return table


def _sentences(metrics: tuple[MetricRow, ...], *, wide: bool) -> Iterator[Text]:
    for one in metrics:
        telling = one.verdict is not Verdict.PASS and one.reason not in ("", "NotYet")
        if one.message and (wide or telling):
            name = "" if one.message.startswith(one.name) and not one.version else f"{one.title}: "
            yield Text.assemble("  ", (name, VERDICTS[one.verdict][1]), one.message)


def _age(seen: Overview, now: datetime) -> Iterator[Text]:
    if seen.unreachable:
        yield Text(f"  Prometheus does not answer: {seen.unreachable}", style="yellow")
    if seen.metrics_at:
        source = "live, asked" if seen.live else "as written"
        yield Text(f"  {source} {ago(seen.metrics_at, now)}", style="dim")


def _rejected(seen: Overview, now: datetime) -> Table | None:
    if not seen.rejected:
        return None
    table = _grid("REJECTED", "REVISION", "WHEN", "NOTE")
    for one in reversed(seen.rejected[-3:]):
        table.add_row(one.version, one.revision[:12], ago(one.at, now), f"{one.reason} in {one.run}")
    return table


def _commands(seen: Overview, now: datetime, *, wide: bool) -> Table | None:
    if not seen.commands:
        return None
    table = _grid("COMMAND", "BY", "WHEN", "NOTE")
    for one in reversed(seen.commands if wide else seen.commands[-3:]):
        verb = Text(f"{'✔' if one.accepted else '✖'} {one.verb}", style="" if one.accepted else "red")
        note = one.message + (f" (“{one.reason}”)" if one.reason else "")
        table.add_row(verb, one.by, ago(one.at, now), note)
    return table


def _history(seen: Overview, now: datetime, *, wide: bool) -> Table | None:
    if not seen.history:
        return None
    table = _grid("RUN", "OUTCOME", "TOOK", "WHEN", "NOTE")
    for one in reversed(seen.history if wide else seen.history[-3:]):
        good = one.outcome in ("Promoted", "Forced")
        outcome = Text(one.outcome, style="green" if good else "red")
        table.add_row(
            one.run, outcome, span(one.ended_at - one.started_at), ago(one.ended_at, now), one.message or one.reason
        )
    return table


def _next(seen: Overview) -> Table | None:
    if not seen.next_verbs:
        return None
    table = _grid("YOU CAN", "TO")
    for verb, end in seen.next_verbs:
        table.add_row(f"kubectl modelrollout {verb} {seen.name} -n {seen.namespace}", end)
    return table
