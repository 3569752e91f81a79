"""The demo's last word: for each rollout its steps, verdicts and numbers, and what users got of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from dev.demo.stage import Users
from dev.demo.story import Story


def show(stories: Sequence[tuple[Story, Sequence[Mapping[str, Any]], Users]]) -> None:
    """Print the table of steps, then the table of what users got."""
    console = Console(width=None if Console().is_terminal else 120)
    steps = Table(title="What was decided", title_justify="left", show_lines=True)
    for column in ("rollout", "step", "weight", "decision", "verdicts: candidate against stable"):
        steps.add_column(column)
    for story, lines, _ in stories:
        for row in _rows(story, lines):
            steps.add_row(*row)
    console.print(steps)
    got = Table(title="What users got", title_justify="left")
    for column in (
        "rollout",
        "outcome",
        "took",
        "most weight",
        "its answers",
        "bad of them",
        "by country",
        "first bad → weight 0",
    ):
        got.add_column(column)
    for story, _, users in stories:
        back = f"{seconds:.1f} s" if (seconds := seconds_to_zero(story, users)) is not None else "-"
        got.add_row(
            f"to {story.version}",
            story.outcome,
            f"{story.done_at - story.asked_at:.0f} s",
            f"{story.top_weight / 10:g} %",
            str(users.answers),
            f"{users.bad} ({users.failed} failed)",
            ", ".join(f"{name} {of['bad']}/{of['answers']}" for name, of in sorted(users.countries.items())),
            back,
        )
    console.print(got)


def seconds_to_zero(story: Story, users: Users) -> float | None:
    """Seconds from the first bad answer a user got of the version to its weight 0; None when it kept its traffic."""
    if story.withdrawn_at is None or users.first_bad is None:
        return None
    return story.withdrawn_at - users.first_bad


def _rows(story: Story, lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str, str, str]]:
    for line in lines:
        findings = "\n".join(_finding(one) for one in line["findings"])
        where = f"{line['step']}/{line['steps']}"
        yield f"to {story.version}", where, f"{line['weight'] / 10:g} %", line["decision"], findings or "-"


def _finding(one: Mapping[str, Any]) -> str:
    def share(name: str) -> str:
        return f"{one[name] * 100:.2f} %" if one.get(name) is not None else "-"

    against = f"{share('candidate')} against {share('stable')}"
    counts = f" of {one['candidate_count']}/{one['stable_count']}" if one.get("candidate_count") is not None else ""
    return f"{one['metric']}: {one['verdict']}  {against}{counts}, limit {share('limit')}"
