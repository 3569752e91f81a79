"""`python -m benchmarks.gateway`: what pins are worth, on a running cluster, into benchmarks/results/gateway.json.

The cluster must have the demo's images: `python -m dev.demo --keep` brings one up, and so do the end-to-end tests.
"""

import json
from dataclasses import asdict

import click

from benchmarks.gateway.flips import Ground
from benchmarks.operator.figures import load, machine
from dev import paths
from dev.cluster import Cluster
from dev.progress import say

RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "gateway.json"


@click.command()
@click.option("--name", default=paths.DEFAULT_NAME, show_default=True, help="Which cluster.")
@click.option("--times", default=3, show_default=True, help="How often each is measured, in turn.")
def main(name: str, times: int) -> None:
    """Switch all traffic twenty times under load, without and with pins, and write what it cost."""
    ground, before, measured = Ground(Cluster.running(name)), load(), []
    try:
        for _ in range(times):
            for pinned in (False, True):
                measured.append(asdict(ground.measure(pinned=pinned)))
                say(json.dumps(measured[-1]))
    finally:
        ground.remove()
    document = {"machine": machine(), "load": {"before": before, "after": load()}, "flips": measured}
    RESULTS.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
