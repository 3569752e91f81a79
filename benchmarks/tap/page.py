"""The paragraph in docs/tap.md that says what a tap costs, written from the results."""

import json
import re
from typing import Any

from dev import paths

RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "tap.json"
PAGE = paths.CHECKOUT / "docs" / "tap.md"
_PLACE = re.compile(r"(<!-- from benchmarks/results/tap.json -->\n).*?(\n<!-- end -->)", re.DOTALL)


def paragraph(results: dict[str, Any]) -> str:
    """The figures in words."""
    alone, tapped, added = results["alone"], results["tapped"], results["added"]
    return " ".join(
        [
            f"At {results['rate']:g} requests a second, p50 and p99 were {alone['p50']:.2f} and {alone['p99']:.2f} ms",
            f"for the server alone, {tapped['p50']:.2f} and {tapped['p99']:.2f} ms behind a tap:",
            f"it added {added['p50']:.2f} and {added['p99']:.2f} ms.",
            f"Both were asked in turn, {results['requests']:,} requests each, on",
            f"{results['machine']['cores']} cores (`{results['command']}`). The tap took {results['cpu']:.0%}",
            f"of a core and {results['memory_mib']:.0f} MiB; of {results['events']:,} events",
            f"{results['dropped'] or 'none'} {'was' if results['dropped'] < 2 else 'were'} dropped.",
        ]
    )


def written(page: str, results: dict[str, Any]) -> str:
    """The page with the paragraph in its place."""
    return _PLACE.sub(lambda found: found[1] + paragraph(results) + found[2], page)


def write(results: dict[str, Any]) -> None:
    """Keep the results, and bring the page up to date."""
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    PAGE.write_text(written(PAGE.read_text(), results))
