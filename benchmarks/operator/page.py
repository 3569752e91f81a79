"""Writes docs/benchmarks.md from the results."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEMO = Path(__file__).parents[1] / "results" / "demo.json"

_HEAD = """# Speed and size of the operator

How the statistical engine decides beside other judges is on [a page of its own](benchmarks-statistics.md).

Written by `{command}`; the same figures stand in `benchmarks/results/operator.json`. Do not edit it by hand.

A real kube-apiserver {kubernetes} with etcd, a real Prometheus that scrapes every second, and the operator as a process
of its own with its default settings. Times are those of the API server's audit log. There are no pods: a small server
on loopback exposes the counters of all models, whose rates follow the weights on the routes, and endpoints are written
by hand.

Measured on {machine} Load (processes that wanted to run, over 1, 5 and 15 minutes) was {before} before and {after}
after: more than there are cores means that other work slowed these figures down.

Each goal is about the number in bold. p50, p99 and max are values that were measured (nearest rank).

| figure | unit | goal | p50 | p99 | max | n | |
|---|---|---|---|---|---|---|---|
"""

_MEANING = """
## What the figures mean

- **scrape that suffices → weight 0**: from the first scrape with which everything scraped by then says Fail (found
  afterwards, by folding the recorded samples again) to the answer of the API server to the patch that takes the last
  weight away. Each rollout goes bad at a moment of its own, at a weight of 50 %, and asks every {interval:g} s at a
  moment of its own. A stratum is judged one scrape and a second after its end; that wait is part of the figure.
- **counters turn bad → weight 0**: the same from the first bad answer on; the stratum has to end before it is judged.
- **target patched → first weight**: from the API server's answer to the patch of `target` to its answer to the patch of
  the route. The candidate is ready.
- **requests**: those of the operator that name the rollout or one of its objects, from the patch of `target` to the end
  of the watch after the promotion. Watches, lists of whole kinds and the lease are counted apart. A status that nothing
  changes is written every five minutes for the sake of its numbers: steps of hours cost more than the short ones here.
- **memory**: resident set of the process (VmRSS, VmHWM), shared libraries included.
- **import of the command line**: median of a Python that imports it, less the median of one that does nothing.
"""


_AGAIN = """
## The demo, with other users each time

`python -m dev.demo.repeat --runs {runs}`: version 2 must be promoted and version 3 taken back at a small weight, each
time with another seed of the users' draws, 120 requests a second through the gateway. Right: {right} of {runs}.

| | p50 | p95 | max |
|---|---|---|---|
"""


def page(results: Mapping[str, Any]) -> str:
    """The page."""
    machine = results["machine"]
    described = f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']} GiB, Python {machine['python']}."
    load = {name: ", ".join(f"{one:g}" for one in results["load"][name]) for name in ("before", "after")}
    head = _HEAD.format(command=results["command"], kubernetes=results["kubernetes"], machine=described, **load)
    rows = "".join(f"{_row(one)}\n" for one in results["figures"])
    rows += "".join(f"\nNot measured to its end: {one}\n" for one in results["failures"])
    meaning = _MEANING.format(interval=results["interval"])
    return head + rows + meaning + _requests(results["requests"]) + _demo()


def _demo() -> str:
    """The demo with other users each time, as `python -m dev.demo.repeat` stored it; empty where it did not."""
    if not DEMO.exists():
        return ""
    told = json.loads(DEMO.read_text())
    spreads = {name: one for name, one in told.items() if isinstance(one, dict)}
    rows = "".join(f"| {name} | {one['p50']:g} | {one['p95']:g} | {one['max']:g} |\n" for name, one in spreads.items())
    return _AGAIN.format(runs=told["runs"], right=told["right"]) + rows


def _row(one: Mapping[str, Any]) -> str:
    goal = "" if one["goal"] is None else f"≤ {one['goal']:g}"
    numbers = [f"**{_short(one[key])}**" if goal and one["judged"] == key else _short(one[key])
               for key in ("p50", "p99", "max")]  # fmt: skip
    met = {True: "met", False: "**missed**", None: ""}[one["met"]]
    return " | ".join(["| " + one["name"], one["unit"], goal, *numbers, str(one["n"]), met]).rstrip() + " |"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _requests(counts: Mapping[str, Mapping[str, float]]) -> str:
    parts = []
    for title, kinds in counts.items():
        lines = "".join(f"| {kind} | {count:g} |\n" for kind, count in kinds.items())
        parts.append(f"\n## Requests {title}\n\n| request | count |\n|---|---|\n{lines}")
    return "".join(parts)
