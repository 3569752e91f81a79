"""`python -m benchmarks.operator`: measure, and write benchmarks/results/operator.json and docs/benchmarks.md."""

import asyncio
import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import click

from benchmarks.operator import imports, scenarios
from benchmarks.operator.figures import load, machine
from benchmarks.operator.page import page
from benchmarks.operator.stage import ground
from dev import paths, programs
from dev.progress import say

SEED = 3
RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "operator.json"
PAGE = paths.CHECKOUT / "docs" / "benchmarks.md"


async def measure(plan: scenarios.Plan) -> scenarios.Results:
    """Everything, in order."""
    results = scenarios.Results()
    nothing, command_line = imports.measure(plan.imports)
    results.add("import of the command line", "ms", median(command_line.clock) - median(nothing.clock), goal=150.0)
    results.add(
        "the same in processor time", "ms", median(command_line.processor) - median(nothing.processor), goal=150.0
    )
    async with ground(SEED) as there:
        for scenario in (scenarios.one, scenarios.many, *((scenarios.crowd,) if plan.crowd else ())):
            try:
                await scenario(there, plan, results)
            except (RuntimeError, TimeoutError) as error:
                # What was measured so far stands, and so does that the rest could not be.
                say(f"✗ {scenario.__name__}: {error}")
                results.failures.append(f"{scenario.__name__}: {error!s:.300}")
    return results


def written(results: dict[str, Any], file: Path, document: Path | None) -> None:
    """Keep the results; keys in order, so that a rerun shows as a small difference."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    if document is not None:
        document.write_text(page(results))


@click.command()
@click.option(
    "--quick", is_flag=True, help="Fewer rollouts: two minutes, and nothing is written unless --into is given."
)
@click.option("--into", type=click.Path(path_type=Path), help="Write the JSON there, and no page.")
def main(*, quick: bool, into: Path | None) -> None:
    """Measure the operator on an API server and a Prometheus of its own."""
    began, before = time.monotonic(), load()
    results = asyncio.run(measure(scenarios.QUICK if quick else scenarios.Plan()))
    document = {
        "command": "make bench",
        "machine": machine(),
        "kubernetes": programs.KUBERNETES.removeprefix("v"),
        "load": {"before": before, "after": load()},
        "interval": scenarios.INTERVAL,
        "seconds": round(time.monotonic() - began),
        "figures": [one.document() for one in results.figures],
        "requests": results.requests,
        "failures": results.failures,
    }
    if into is not None or not quick:
        written(document, into or RESULTS, None if into else PAGE)
    missed = [one.name for one in results.figures if one.met is False]
    say(f"{document['seconds']} s; goals missed: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
