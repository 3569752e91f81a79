"""`python -m benchmarks.tap`: measure, and write benchmarks/results/tap.json and the paragraph in docs/tap.md.

On a machine that does other work, `chrt -f 10` in front of it gives all four processes a real-time priority: else the
quantiles are those of the scheduler.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
import click

from benchmarks.operator.figures import figure, load, machine
from benchmarks.tap.load import measure
from benchmarks.tap.page import write
from benchmarks.tap.servers import READY, started
from dev.progress import say

GOAL_MS = 2.0
TAP = "import sys; from modelrollout.cli import main; sys.argv = ['modelrollout', 'tap']; main()"
SEED = 5


async def run(rate: float, requests: int) -> dict[str, Any]:
    """Both ways in turn."""
    ends = ("-m", "benchmarks.tap.servers")
    async with (
        started(*ends, "model", ready=READY) as (_, model),
        started(*ends, "collector", ready=READY) as (_, taker),
    ):
        variables = {
            "NAMESPACE": "n",
            "WORKLOAD": "m",
            "COLLECTOR": f"http://127.0.0.1:{taker}",
            "HOST": "127.0.0.1",
            "PORT": 0,
            "ADMIN_PORT": 15981,
            "SERVER_PORT": model,
            "HEADERS": "x-user",
            "BODIES": "both",
        }
        settings = {f"MODELROLLOUT_TAP_{name}": value for name, value in variables.items()}
        async with started("-c", TAP, ready="on port ", **settings) as (tap, tapped):
            before, busy, began = load(), _cpu(tap.pid), time.monotonic()
            alone, behind = await measure((model, tapped), rate, requests, SEED)
            busy = (_cpu(tap.pid) - busy) / (time.monotonic() - began)
            counted = await _counted(15981)
            memory = _memory(tap.pid)
    one = figure("alone", "ms", [1000 * each for each in alone])
    two = figure("behind a tap", "ms", [1000 * each for each in behind])
    return {
        "command": _command(),
        "machine": machine(),
        "load": {"before": before, "after": load()},
        "rate": rate,
        "requests": requests,
        "alone": one.document(),
        "tapped": two.document(),
        "added": {name: round(getattr(two, name) - getattr(one, name), 4) for name in ("p50", "p99")},
        "goal": {"added p99": GOAL_MS, "met": two.p99 - one.p99 <= GOAL_MS},
        "cpu": round(busy, 4),
        "memory_mib": round(memory, 1),
        "events": int(counted["modelrollout_tap_events_total"]),
        "dropped": int(
            sum(value for name, value in counted.items() if name.startswith("modelrollout_tap_dropped_total"))
        ),
    }


def _command() -> str:
    first_in = os.sched_getscheduler(0) == os.SCHED_FIFO
    before = f"chrt -f {os.sched_getparam(0).sched_priority} " if first_in else ""
    return f"{before}python -m benchmarks.tap"


async def _counted(port: int) -> dict[str, float]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def _cpu(process: int) -> float:
    """Processor seconds that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: int) -> float:
    """MiB that a process holds."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@click.command()
@click.option("--rate", default=200.0, show_default=True, help="Requests a second, of each kind.")
@click.option("--requests", default=6000, show_default=True, help="Requests of each kind.")
@click.option("--dry", is_flag=True, help="Print the results only.")
def main(rate: float, requests: int, *, dry: bool) -> None:
    """Ask a server alone and behind a tap, in turn, and say what the tap adds."""
    results = asyncio.run(run(rate, requests))
    for kind in ("alone", "tapped"):
        say(f"{kind}: p50 {results[kind]['p50']} ms, p99 {results[kind]['p99']} ms, max {results[kind]['max']} ms")
    say(f"added {results['added']} ms, goal met: {results['goal']['met']}")
    say(f"{results['cpu']:.1%} of a core, {results['memory_mib']} MiB")
    if not dry:
        write(results)


if __name__ == "__main__":
    main()
