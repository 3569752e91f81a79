"""`python -m benchmarks.gateway`: what pins, shadows and sticky users cost those who ask, on a running cluster.

The figures go into benchmarks/results/gateway.json, and those of shadows and of sticky users into docs/shadow.md and
docs/gateway.md; what is not measured again stays there.

The cluster must have the demo's images and CRDs: `python -m dev.demo --keep` brings one up, and so do the end-to-end
tests.
"""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import click

from benchmarks.gateway.flips import Ground
from benchmarks.gateway.page import RESULTS, write
from benchmarks.gateway.shadows import SHADOWS, Stage, summed
from benchmarks.gateway.steering import Pace
from benchmarks.gateway.sticky import USERS, Experiments
from benchmarks.gateway.tally import Round, grouped
from benchmarks.gateway.tally import summed as all_rounds
from benchmarks.operator.figures import load, machine
from dev import paths
from dev.cluster import Cluster
from dev.progress import say
from modelrollout.kube.client import Client
from modelrollout.kube.connect import connect

Measure = Callable[[Cluster, int], list[dict[str, Any]]]
"""Measures one of the parts so often, and says what there is to tell of it."""


@click.command()
@click.option("--name", default=paths.DEFAULT_NAME, show_default=True, help="Which cluster.")
@click.option("--times", default=3, show_default=True, help="How often each is measured, in turn.")
@click.option("--rate", default=300.0, show_default=True, help="Requests a second of sticky users.")
@click.option("--only", type=click.Choice(["flips", "shadows", "sticky"]), help="Measure one of them alone.")
def main(name: str, times: int, rate: float, only: str | None) -> None:
    """Switch all traffic under load, without and with pins; copy requests; and keep users on one version."""
    cluster, document = Cluster.running(name), json.loads(RESULTS.read_text())
    parts: dict[str, tuple[Measure, str]] = {
        "flips": (_flips, ""),
        "shadows": (_shadows, ""),
        "sticky": (partial(_sticky, rate), f" --rate {rate:g}"),
    }
    for part, (measure, more) in parts.items():
        if only in (None, part):
            before, measured = load(), measure(cluster, times)
            document[part] = {
                "command": f"python -m benchmarks.gateway --times {times}{more} --only {part}",
                "load": {"before": before, "after": load()},
                "measured": measured,
            }
    document["machine"] = machine()
    RESULTS.write_text(json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
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


def _sticky(rate: float, cluster: Cluster, times: int) -> list[dict[str, Any]]:
    rounds = asyncio.run(_experiments(cluster, times, rate))
    return [_told(asdict(all_rounds([one for one in rounds if one.pace is pace], rate, USERS))) for pace in Pace]


async def _experiments(cluster: Cluster, times: int, rate: float) -> list[Round]:
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig)
    client, rounds = Client(await connect(agent="benchmark")), list[Round]()
    experiments = Experiments(cluster, client, rate)
    try:
        await experiments.prepare()
        for pace in list(Pace) * times:
            rounds.append(await experiments.measure(pace))
            _say(rounds, 2 * times)
    finally:
        experiments.remove()
        await client.close()
    return rounds


def _say(rounds: list[Round], of: int) -> None:
    last = rounds[-1]
    say(
        f"round {len(rounds)} of {of}, {last.pace}: {len(last.failures)} of {last.requests:,} requests failed, "
        f"{last.writes} writes, {last.astray} of {USERS} users astray"
    )
    for group in grouped(last.failures):
        say(f"  {json.dumps(asdict(group), ensure_ascii=False)}")


def _told(figures: dict[str, Any]) -> dict[str, Any]:
    say(json.dumps(figures))
    return figures


if __name__ == "__main__":
    main()
