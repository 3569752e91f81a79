"""The table in docs/shadow.md that says what a shadow costs users, written from the results."""

import re
from typing import Any

from dev import paths

RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "gateway.json"
PAGE = paths.CHECKOUT / "docs" / "shadow.md"

WORDS = {
    "none": "nobody gets copies",
    "answers": "a shadow that answers",
    "fails": "one that answers every copy with 500",
    "dead": "one without a pod",
    "hangs": "one that takes every copy and never answers",
}
_PLACE = re.compile(r"(<!-- from benchmarks/results/gateway.json -->\n).*?(<!-- end -->)", re.DOTALL)


def table(results: dict[str, Any]) -> str:
    """The figures side by side; empty before they have been measured."""
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


def written(page: str, results: dict[str, Any]) -> str:
    """The page with the table in its place."""
    told = table(results)
    return _PLACE.sub(lambda found: f"{found[1]}{told}{told and chr(10)}{found[2]}", page)


def write(results: dict[str, Any]) -> None:
    """Bring the page up to date."""
    PAGE.write_text(written(PAGE.read_text(), results))
