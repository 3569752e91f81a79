"""What is measured, one stage after the other."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from benchmarks.operator.figures import Figure, figure
from benchmarks.operator.models import NEW, OLD, canary
from benchmarks.operator.reaction import Recording, question
from benchmarks.operator.stage import OPERATOR, Ground, Stage, stage, until
from dev.progress import say

STEPS = (1, 5, 25, 50, 75)
MIB, SECONDS, REQUESTS = "MiB", "s", "requests"
INTERVAL = 5.0
"""Seconds between two analyses while reactions are measured."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes:
        many: rollouts of the main stage.
        alone: of these, how many are started one by one.
        idle: seconds for which nothing may happen.
        crowd: rollouts of the stage that is about memory and speed under load; 0 leaves it out.
        imports: how often each command is started for its time.
        hold: of each step. A step whose answers are not in when its hold ends writes its status once more.
    """

    many: int = 100
    alone: int = 20
    idle: float = 60.0
    crowd: int = 500
    imports: int = 21
    hold: str = "15s"


QUICK = Plan(many=20, alone=5, idle=10.0, crowd=0, imports=11, hold="4s")


@dataclass(slots=True)
class Results:
    """Figures in the order in which they were measured, counts that explain them, and what could not be measured."""

    figures: list[Figure] = field(default_factory=list)
    requests: dict[str, dict[str, float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, unit: str, *values: float, goal: float | None = None, judged: str = "max") -> None:
        """Note a figure, and say it."""
        new = figure(name, unit, values, goal=goal, judged=judged)
        self.figures.append(new)
        verdict = {True: "met", False: "MISSED", None: ""}[new.met]
        say(f"  {name}: p50 {new.p50:g}, p99 {new.p99:g}, max {new.max:g} {unit} (n={new.n}) {verdict}")


async def one(ground: Ground, plan: Plan, results: Results) -> None:
    """A single rollout, and a canary of it."""
    async with stage(ground, "one", 1, canary("2s", plan.hold, STEPS)) as at:
        results.add("memory, one rollout at rest", MIB, at.operator.memory().resident, goal=120.0)
        cpu = await _promoted(at, NEW)
        results.add("memory, one rollout, most ever in its canary", MIB, at.operator.memory().peak, goal=120.0)
        results.add("processor time of a canary, alone", SECONDS, cpu)


async def many(ground: Ground, plan: Plan, results: Results) -> None:
    """Many rollouts: at rest, one by one, all at once, and all going bad."""
    async with stage(ground, "many", plan.many, canary(f"{INTERVAL:g}s", plan.hold, STEPS)) as at:
        results.add(f"memory, {plan.many} rollouts at rest", MIB, at.operator.memory().resident)
        await _idle(at, plan, results)
        await _alone(at, plan, results)
        since = time.time()
        cpu = await _promoted(at, NEW)
        await _started(at, since, NEW, f"{plan.many} at once", 1.5, results)
        _requests(at, since, results)
        results.add(f"processor time of a canary, {plan.many} at once", SECONDS, cpu / plan.many, goal=0.15)
        results.add(f"memory, {plan.many} canaries, most ever", MIB, at.operator.memory().peak, goal=120.0)
        await _reaction(at, results)


async def crowd(ground: Ground, plan: Plan, results: Results) -> None:
    """More than one would start at once."""
    async with stage(ground, "crowd", plan.crowd, canary("10s", "10s", STEPS)) as at:
        results.add(f"memory, {plan.crowd} rollouts at rest", MIB, at.operator.memory().resident)
        since = time.time()
        await at.spread({name: {"target": NEW} for name in at.names})
        await at.witness.until("the second step", at.names, lambda name: at.witness.weights(name)[NEW] >= 50)
        await _started(at, since, NEW, f"{plan.crowd} at once", 5.0, results)
        results.add(f"memory, {plan.crowd} canaries, most ever", MIB, at.operator.memory().peak)


async def _promoted(at: Stage, version: str) -> float:
    """Have all promoted to that version; returns the processor time of it."""
    before = at.operator.cpu()
    await at.spread({name: {"target": version} for name in at.names})
    await at.all_in("Completed")
    wrong = [name for name in at.names if at.witness.status(name)["stable"] != version]
    if wrong:
        raise RuntimeError(f"{len(wrong)} were not promoted, such as {at.witness.status(wrong[0])}")
    return at.operator.cpu() - before


async def _started(at: Stage, since: float, version: str, which: str, goal: float, results: Results) -> None:
    asked = at.asked_at(since)
    took = [await at.first(name, asked[name], lambda weights: weights[version] > 0) - asked[name] for name in at.names]
    results.add(f"target patched → first weight, {which}", SECONDS, *took, goal=goal, judged="p99")


async def _idle(at: Stage, plan: Plan, results: Results) -> None:
    since, before = time.time(), at.operator.cpu()
    await asyncio.sleep(plan.idle)
    cost = at.ground.audit.by_model(at.namespace, OPERATOR, since=since)
    share = 60 / plan.idle
    total = [sum(cost.get(name, Counter()).values()) * share for name in at.names]
    results.add("requests of a rollout at rest, a minute", REQUESTS, *total, goal=0.0)
    apart = at.ground.audit.apart(at.namespace, OPERATOR, since=since)
    results.requests["at rest, all rollouts together, a minute"] = {
        kind: round(count * share, 1) for kind, count in sorted(apart.items())
    }
    results.add(
        f"processor time, {plan.many} rollouts at rest, a minute", SECONDS, (at.operator.cpu() - before) * share
    )


async def _alone(at: Stage, plan: Plan, results: Results) -> None:
    took = []
    for name in at.names[: plan.alone]:
        since = time.time()
        await at.spread({name: {"target": NEW}})
        await at.witness.until("a weight", [name], lambda name: at.witness.weights(name)[NEW] > 0)
        asked = at.asked_at(since)[name]
        took.append(await at.first(name, asked, lambda weights: weights[NEW] > 0) - asked)
        await at.spread({name: {"target": OLD}})
        await at.witness.until("all given back", [name], lambda name: at.witness.weights(name)[NEW] == 0)
    results.add("target patched → first weight, alone", SECONDS, *took, goal=1.5, judged="p99")
    await at.all_in("Withdrawn", names=at.names[: plan.alone])


def _requests(at: Stage, since: float, results: Results) -> None:
    cost = at.ground.audit.by_model(at.namespace, OPERATOR, since=since)
    each = [cost[name] for name in at.names]
    results.add("API requests of a canary of 5 steps", REQUESTS, *(one.total() for one in each), goal=30)
    status = [one["patch modelrollouts/status"] for one in each]
    results.add("of these, writes of status", REQUESTS, *status, goal=12)
    # Five steps and the promotion: six changes of weight.
    results.add("of these, patches of the route", REQUESTS, *(one["patch httproutes"] for one in each), goal=6)
    kinds = sorted({kind for one in each for kind in one})
    results.requests["of a canary, mean"] = {
        kind: round(sum(one[kind] for one in each) / len(each), 2) for kind in kinds
    }


async def _reaction(at: Stage, results: Results) -> None:
    """Start all again, the other way round and in one long step, and have each go bad at a moment of its own."""
    plan = canary(f"{INTERVAL:g}s", "1h", (50,))
    since = time.time()
    # Back to the version before would be one write at once; here it is to be tried like a new one.
    await at.spread({name: {"target": OLD, "revert": "Trial", **plan} for name in at.names})
    await at.witness.until("half the traffic", at.names, lambda name: at.witness.weights(name)[OLD] == 500)
    await _started(at, since, OLD, f"{len(at.names)} at once, second time", 1.5, results)
    for name in at.names:
        await until(partial(at.operator.judged, at.namespace, name), f"first evidence of {name}")
    bad: dict[str, float] = {}

    async def spoil(name: str, after: float) -> None:
        await asyncio.sleep(after)
        bad[name] = at.ground.traffic.spoil(at.namespace, name, OLD)

    await asyncio.gather(*(spoil(name, at.ground.chance.uniform(0, 2 * INTERVAL)) for name in at.names))
    await at.witness.until("all taken back", at.names, lambda name: at.witness.weights(name)[OLD] == 0)
    await at.all_in("RolledBack")
    recording = Recording(at.ground.prometheus.address)
    from_scrape, from_bad = [], []
    try:
        for name in at.names:
            gone = await at.first(name, bad[name], lambda weights: weights[OLD] == 0)
            scrape = await recording.sufficient(question(at.witness.rollouts[name], 500), bad[name])
            from_scrape.append(gone - scrape)
            from_bad.append(gone - bad[name])
    finally:
        recording.close()
    results.add("scrape that suffices → weight 0", SECONDS, *from_scrape, goal=INTERVAL + 1, judged="p99")
    results.add("counters turn bad → weight 0", SECONDS, *from_bad)
