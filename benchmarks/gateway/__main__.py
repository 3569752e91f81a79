"""`python -m benchmarks.gateway`: what pins are worth and what a shadow costs users, on a running cluster.

The figures go into benchmarks/results/gateway.json, and those of shadows into docs/shadow.md; what is not measured
again stays there.

The cluster must have the demo's images: `python -m dev.demo --keep` brings one up, and so do the end-to-end tests.
"""

import json
from dataclasses import asdict
from typing import Any

import click

from benchmarks.gateway.flips import Ground
from benchmarks.gateway.page import RESULTS, write
from benchmarks.gateway.shadows import SHADOWS, Stage, summed
from benchmarks.operator.figures import load, machine
from dev import paths
from dev.cluster import Cluster
from dev.progress import say


@click.command()
@click.option("--name", default=paths.DEFAULT_NAME, show_default=True, help="Which cluster.")
@click.option("--times", default=3, show_default=True, help="How often each is measured, in turn.")
@click.option("--only", type=click.Choice(["flips", "shadows"]), help="Measure one of the two alone.")
def main(name: str, times: int, only: str | None) -> None:
    """Switch all traffic under load, without and with pins; then copy requests to versions that are well or not."""
    cluster, document = Cluster.running(name), json.loads(RESULTS.read_text())
    command = f"python -m benchmarks.gateway --times {times}"
    for part, measure in (("flips", _flips), ("shadows", _shadows)):
        if only in (None, part):
            before, measured = load(), measure(cluster, times)
            document[part] = {
                "command": f"{command} --only {part}",
                "load": {"before": before, "after": load()},
                "measured": measured,
            }
    document["machine"] = machine()
    RESULTS.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    if "shadows" in document:
        write(document)


def _flips(cluster: Cluster, times: int) -> list[dict[str, Any]]:
    ground = Ground(cluster)
    try:
        return [_told(asdict(ground.measure(pinned=pinned))) for _ in range(times) for pinned in (False, True)]
    finally:
        ground.remove()


def _shadows(cluster: Cluster, times: int) -> list[dict[str, Any]]:
    stage = Stage(cluster)
    try:
        rounds = [stage.measure(shadow) for _ in range(times) for shadow in SHADOWS]
    finally:
        stage.remove()
    return [_told(asdict(summed([one for one in rounds if one.shadow == shadow]))) for shadow in SHADOWS]


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    say(json.dumps(figures))
    return figures


if __name__ == "__main__":
    main()
