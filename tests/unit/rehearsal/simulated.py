"""A simulated run as a recording, so that the operator's own path can be led through the very same traffic."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from modelrollout.api import Metric, ModelRollout, ModelRolloutSpec
from modelrollout.rehearsal.recording.recorded import Recording
from modelrollout.rehearsal.simulation.plan import Plan, Traffic, plan_of
from modelrollout.rehearsal.streams.kinds import stream_of
from modelrollout.rehearsal.streams.stream import Data, Floats, Side, Stream, Value
from modelrollout.stats import CounterSeries
from tests.unit.decisions.world import a_spec

BASE = 1_790_000_000.0 // 3600 * 3600  # a whole number of strata of any width used here
BEFORE = 20  # strata in which stable answers alone

Tape = list[Data]


def taped(metric: Metric, stable: Value, candidate: Value, runs: int) -> tuple[Stream, Tape]:
    """A stream, and what it will have drawn for strata."""
    tape: Tape = []

    class Taped(stream_of(metric)):  # type: ignore[misc]
        def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
            data: Data = super().draw(chance, candidate, stable, changed)
            # else it is a warm-up, the rest of a stratum at a run's end, or a look at the test's fields
            if stable.any() and len(stable) == runs:
                tape.append(data)
            return data

    return Taped(metric, stable, candidate), tape


def a_rollout(**more: Any) -> ModelRollout:
    """v8 on trial against v7; the dispersion is set, so that no history is needed."""
    spec = a_spec(target="v8", **{"analysis": {"dispersion": 1, "warmUp": "0s"}, **more})
    return ModelRollout.model_validate({"metadata": {"name": "fraud", "namespace": "risk"}, "spec": spec})


def a_plan(spec: ModelRolloutSpec, rate: float, **traffic: Any) -> Plan:
    """The plan with looks at whole intervals, as a replay has them."""
    return replace(plan_of(spec, Traffic(rate=rate, **traffic)), phase=0.0)


def recording_of(plan: Plan, tapes: Mapping[str, tuple[Stream, Tape]], run: int, since: float) -> Recording:
    """What would have been scraped in one run that begins `since` seconds after the grid's beginning."""
    return Recording({name: _counters(plan, *one, run, since) for name, one in tapes.items()})


def _counters(plan: Plan, stream: Stream, tape: Tape, run: int, since: float) -> dict[str, tuple[CounterSeries, ...]]:
    named = _COUNTERS[stream.metric.kind]
    found: dict[str, list[CounterSeries]] = {}
    for version, side in (("v8", "candidate"), ("v7", "stable")):
        if not getattr(tape[0], side):
            continue  # the metric looks at the other version alone
        strata = [named(stream.metric, tuple(one[run] for one in getattr(data, side))) for data in tape]
        for name in strata[0]:
            begins = since if version == "v8" else None
            late = stream.metric.label_delay if name in ("bad", "good", "sum") else None
            times, values = _scraped(plan, [one[name] for one in strata], begins)
            times = times + (late.total_seconds() if late is not None else 0.0)
            found.setdefault(name, []).append(CounterSeries(version, version, times, values))
    return {name: tuple(many) for name, many in found.items()}


def _scraped(plan: Plan, steps: list[float], begins: float | None) -> tuple[Floats, Floats]:
    """Cumulative values twice in a stratum; one that begins later is scraped then, too, and when it is warm.

    What it answers before that is not in it: it would not be counted.
    """
    width = plan.grid.width
    usual = [0.0] * BEFORE if begins is not None else [1000.0] * BEFORE
    ends = np.cumsum([0.0, *usual, *steps, *([0.0] * 4)])
    values = np.repeat(ends, 2)[1:-1]  # what a stratum brings, it brings in its second half
    times = BASE - BEFORE * width + width / 2 * np.arange(1, len(values) + 1)
    if begins is None:
        return times, values
    warm = BASE + begins + plan.spec.analysis.warm_up.total_seconds() + 1e-3  # such times have few digits to spare
    cold, later = np.unique([BASE + begins, *times[(times > BASE + begins) & (times <= warm)], warm]), times > warm
    return np.concatenate([cold, times[later]]), np.concatenate([np.zeros(len(cold)), values[later]])


def _of_share(metric: Metric, side: Side) -> dict[str, float]:
    events = "good" if metric.better == "Higher" else "bad"
    return {events: float(side[0]), "total": float(side[1])}


def _of_latency(metric: Metric, side: Side) -> dict[str, float]:
    slow, total = map(float, side)
    return {"0.25": total - slow, "+Inf": total}


def _of_rate(metric: Metric, side: Side) -> dict[str, float]:
    return {"events": float(side[0]), "exposure": float(side[1])}


def _of_agreement(metric: Metric, side: Side) -> dict[str, float]:
    return {"agreed": float(side[0]), "total": float(side[1])}


def _of_mean(metric: Metric, side: Side) -> dict[str, float]:
    return {name: float(one) for name, one in zip(("sum", "count", "sumOfSquares"), side, strict=True)}


def _of_buckets(metric: Metric, side: Side) -> dict[str, float]:
    bounds = [f"{number / 10:g}" for number in range(1, len(side[0]))]
    return dict(zip([*bounds, "+Inf"], map(float, np.cumsum(side[0])), strict=True))


_COUNTERS: dict[str, Callable[[Metric, Side], dict[str, float]]] = {
    "proportion": _of_share,
    "latency": _of_latency,
    "rate": _of_rate,
    "mean": _of_mean,
    "agreement": _of_agreement,
    "distribution": _of_buckets,
}
