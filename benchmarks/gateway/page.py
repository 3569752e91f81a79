"""What docs/shadow.md and docs/gateway.md say of users, written from the results."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dev import paths

RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "gateway.json"

WORDS = {
    "none": "nobody gets copies",
    "answers": "a shadow that answers",
    "fails": "one that answers every copy with 500",
    "dead": "one without a pod",
    "hangs": "one that takes every copy and never answers",
}
WHEN = {
    "nothing is written": "before anything was written",
    "copies come": "when copies came",
    "the split begins": "when the split began",
    "a candidate is taken out": "when a candidate was taken out",
    "all are back": "when all went back",
    "copies go": "when copies went",
}
_PLACE = re.compile(r"(<!-- from benchmarks/results/gateway.json -->\n).*?(<!-- end -->)", re.DOTALL)


def shadows_table(results: dict[str, Any]) -> str:
    """The figures of shadows side by side; empty before they have been measured."""
    shadows = results.get("shadows")
    if shadows is None:
        return ""
    first = shadows["measured"][0]
    rounds, cores = len(first["p50_of_rounds"]), results["machine"]["cores"]
    told = (
        f"{first['rate']:g} requests a second, all of them copied; each row in {rounds} rounds, in turn with the"
        f" others, on {cores} cores (`{shadows['command']}`). In brackets the least and the most of the rounds."
    )
    lines = [told, "", "| copies go to | requests of users | failed | p50, ms | p99, ms |", "|---|---|---|---|---|"]
    for one in shadows["measured"]:
        p50, p99 = (
            f"{one[key]:.2f} ({min(one[f'{key}_of_rounds']):.2f} to {max(one[f'{key}_of_rounds']):.2f})"
            for key in ("p50", "p99")
        )
        lines.append(f"| {WORDS[one['shadow']]} | {one['requests']:,} | {one['failed']:,} | {p50} | {p99} |")
    return "\n".join(lines)


def sticky_paragraph(results: dict[str, Any]) -> str:
    """What sticky users lost, in words; empty before it has been measured."""
    sticky = results.get("sticky")
    if sticky is None:
        return ""
    first, cores = sticky["measured"][0], results["machine"]["cores"]
    rounds, command = f"{first['rounds']} rounds of each on one cluster, in turn", sticky["command"]
    told = [f"{first['rate']:g} requests a second, in {rounds}, on {cores} cores (`{command}`)."]
    for one in sticky["measured"]:
        told.append(f"Written {one['pace']}, {one['failed'] or 'none'} of {one['requests']:,} requests failed")
        if one["failures"]:
            told[-1] += f": {_counted(one, 'phase', WHEN.__getitem__)}. They heard {_counted(one, 'heard', _quoted)}"
        told[-1] += "."
    astray = sum(one["astray"] for one in sticky["measured"])
    told.append(f"Of {first['users']} users in every round {astray or 'none'} met a version that was not theirs.")
    return " ".join(told)


PAGES: Mapping[Path, Callable[[dict[str, Any]], str]] = {
    paths.CHECKOUT / "docs" / "shadow.md": shadows_table,
    paths.CHECKOUT / "docs" / "gateway.md": sticky_paragraph,
}
"""What each page is told."""


def written(page: str, told: str) -> str:
    """The page with this in its place."""
    return _PLACE.sub(lambda found: f"{found[1]}{told}{told and chr(10)}{found[2]}", page)


def write(results: dict[str, Any]) -> None:
    """Bring the pages up to date."""
    for page, tell in PAGES.items():
        page.write_text(written(page.read_text(), tell(results)))


def _counted(one: dict[str, Any], key: str, words: Callable[[str], str]) -> str:
    counts = Counter[str]()
    for group in one["failures"]:
        counts[group[key]] += group["count"]
    ordered: Iterable[str] = WHEN if key == "phase" else (each for each, _ in counts.most_common())
    return ", ".join(f"{counts[each]} {words(each)}" for each in ordered if counts[each])


def _quoted(heard: str) -> str:
    return f"`{heard}`"
