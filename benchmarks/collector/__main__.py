"""`python -m benchmarks.collector`: how many events a second, beside what SQLite itself can take on the same disk.

Writes benchmarks/results/collector.json and docs/benchmarks-collector.md.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks.collector.load import Sent, drive
from benchmarks.collector.page import page
from benchmarks.collector.raw import Raw, insert
from benchmarks.operator.figures import load, machine
from dev import paths, programs
from dev.collector import collector
from dev.commands import run
from dev.controlplane import ControlPlane
from dev.progress import say

RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "collector.json"
PAGE = paths.CHECKOUT / "docs" / "benchmarks-collector.md"
ROLLOUT = {
    "apiVersion": "modelrollout.io/v1alpha1",
    "kind": "ModelRollout",
    "metadata": {"name": "fraud", "namespace": "default"},
    "spec": {
        "versions": [
            {
                "name": name,
                "service": {"name": f"fraud-{name}", "port": 8080},
                "workload": {"kind": "Deployment", "name": f"fraud-{name}"},
            }
            for name in ("v7", "v8")
        ],
        "target": "v7",
        "traffic": {"gatewayAPI": {"httpRoute": "fraud"}},
        "strategy": {"canary": {"weights": [5, 50]}},
        "telemetry": {
            "prediction": "outputs[0].data[0]",
            "slices": [{"name": "country", "header": "x-country"}],
            "invariants": [{"name": "probability", "path": "outputs[1].data", "min": 0, "max": 1}],
            "score": {"path": "outputs[1].data[0]", "buckets": [0.1, 0.5, 0.9]},
        },
    },
}


def measure(seconds: float, rounds: int) -> dict[str, Any]:
    """Rounds of batches, single events and raw inserts in turn, so that what else the machine does hits all alike."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    batches: list[Sent] = []
    singles: list[Sent] = []
    raws: list[Raw] = []
    with tempfile.TemporaryDirectory() as name, ControlPlane("bench-collector") as plane:
        folder = Path(name)
        kubectl = str(programs.path_of(programs.KUBECTL))
        run([kubectl, "apply", "--server-side", "-f", str(paths.CHECKOUT / "crds")], plane.kubeconfig)
        run([kubectl, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], plane.kubeconfig)
        run([kubectl, "apply", "-f", "-"], plane.kubeconfig, json.dumps(ROLLOUT))
        store, log = f"sqlite:///{folder / 'collector.db'}", folder / "log"
        with collector(plane.kubeconfig, store, log, {"RATE": "1000000"}, core=cores[0]) as running:
            for number in range(rounds):
                batches.append(drive(running, seconds, f"b{number}", batch=100, senders=4))
                singles.append(drive(running, seconds, f"s{number}", batch=1, senders=32))
                raws.append(insert(folder / f"raw-{number}.db", seconds, cores[0]))
                say(f"round {number + 1} of {rounds}")
            sent = sum(one.events for one in (*batches, *singles))
            # Each request and its answer are one exchange, and each is counted once.
            running.until("model_requests_total", sent / 2, seconds=600)
            memory = running.memory_mib()
    return {
        "batches": [one.document() for one in batches],
        "singles": [one.document() for one in singles],
        "raw": [one.document() for one in raws],
        "memory_mib": round(memory, 1),
        "counted": sent // 2,
    }


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Length of each measurement.")
@click.option("--rounds", default=3, show_default=True, help="How often each is measured.")
@click.option("--into", type=click.Path(path_type=Path), help="Write the JSON there, and no page.")
def main(*, seconds: float, rounds: int, into: Path | None) -> None:
    """Measure the collector on an API server of its own."""
    before = load()
    document = measure(seconds, rounds) | {"machine": machine() | {"cores": os.cpu_count()}, "load": [before, load()]}
    file = into or RESULTS
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    if into is None:
        PAGE.write_text(page(document))
    say(f"written to {file}")


if __name__ == "__main__":
    main()
