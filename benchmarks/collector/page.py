"""The results as a page."""

from statistics import median
from typing import Any

GOAL = 2000

_TEXT = """\
# How much the collector takes

Written by `python -m benchmarks.collector`; the same figures stand in `benchmarks/results/collector.json`. Do not edit
it by hand.

The collector's own process, bound to one core, its file of SQLite on the machine's disk, and a real kube-apiserver from
which it knows the rollout. Senders on another core send requests and answers in the V2 protocol (30 features) as fast
as they are acknowledged; acknowledged means on disk. Meanwhile the collector compares, checks an invariant, counts by
country and keeps a histogram of what is due. SQLite alone takes rows of the same kind on the same core and disk, with
the same promises, in turn with it.

Measured on {cores} cores ({cpu}), {memory} GiB, Python {python}. Load was {before} before and {after} after: more than
there are cores means that other work slowed these figures down.
"""


def page(results: dict[str, Any]) -> str:
    """Markdown; every number is one of the results."""
    machine = results["machine"]
    before, after = results["load"]
    rows = [
        _row("events in batches of 100, 4 senders, a second", results["batches"], "rate", GOAL),
        _row("the same for each second of processor time", results["batches"], "rate_per_core", None),
        _row("single events, 32 senders, a second", results["singles"], "rate", GOAL),
        _row("the same for each second of processor time", results["singles"], "rate_per_core", None),
        _row("rows that SQLite alone takes, 100 in a transaction, a second", results["raw"], "rate", None),
    ]
    told = _TEXT.format(
        cores=machine["cores"],
        cpu=machine["cpu"],
        memory=machine["memory_gib"],
        python=machine["python"],
        before=", ".join(map(str, before)),
        after=", ".join(map(str, after)),
    )
    forms = (("batches", results["batches"]), ("single events", results["singles"]))
    reached = [form for form, rounds in forms if median(one["rate"] for one in rounds) >= GOAL]
    goal = f"The goal is reached by {' and by '.join(reached) or 'neither form'}. Each message is a request of HTTP; "
    goal += "the tap sends batches, the logger of KServe single events."
    counted = f"All {results['counted']:,} exchanges were counted, each once."
    lines = ["| figure | goal | median | least | most |", "|---|---|---|---|---|", *rows, ""]
    return "\n".join([told, *lines, goal, "", f"{counted} Most memory ever: {results['memory_mib']} MiB.", ""])


def _row(name: str, rounds: list[dict[str, Any]], rate: str, goal: int | None) -> str:
    values = [one[rate] for one in rounds]
    told = "" if goal is None else f"≥ {goal:,}, {'met' if median(values) >= goal else '**missed**'}"
    return f"| {name} | {told} | {round(median(values)):,} | {min(values):,} | {max(values):,} |"
