"""A simulated run as a recording, so that the operator's own path can be led through the very same traffic."""

from dataclasses import replace
from typing import Any

import numpy as np

from modelrollout.api import ModelRollout, ModelRolloutSpec
from modelrollout.rehearsal.recording import Recording
from modelrollout.rehearsal.simulation_plan import Plan, Traffic, plan_of
from modelrollout.rehearsal.streams import Data, Floats, Value
from modelrollout.rehearsal.streams_shares import ShareStream
from modelrollout.stats import CounterSeries
from tests.unit.decisions.world import a_spec

BASE = 1_790_000_000.0 // 3600 * 3600  # a whole number of strata of any width used here
BEFORE = 20  # strata in which stable answers alone


class TapedStream(ShareStream):
    """Keeps all that it draws for strata."""

    def __init__(self, metric: Any, stable: Value, candidate: Value) -> None:
        super().__init__(metric, stable, candidate)
        self.tape: list[Data] = []

    def draw(self, chance: np.random.Generator, candidate: Floats, stable: Floats, changed: Floats) -> Data:
        data = super().draw(chance, candidate, stable, changed)
        if stable.any():  # else it is the rest of a stratum at a run's end, or a probe
            self.tape.append(data)
        return data


def a_rollout(**more: Any) -> ModelRollout:
    """v8 on trial against v7; the dispersion is set, so that no history is needed."""
    spec = a_spec(target="v8", **{"analysis": {"dispersion": 1, "warmUp": "0s"}, **more})
    return ModelRollout.model_validate({"metadata": {"name": "fraud", "namespace": "risk"}, "spec": spec})


def a_plan(spec: ModelRolloutSpec, rate: float, **traffic: Any) -> Plan:
    """The plan with looks at whole intervals, as a replay has them."""
    return replace(plan_of(spec, Traffic(rate=rate, **traffic)), phase=0.0)


def recording_of(plan: Plan, streams: list[TapedStream], run: int, since: float) -> Recording:
    """What would have been scraped in one run that begins `since` seconds after the grid's beginning."""
    return Recording({one.metric.name: _counters(plan, one, run, since) for one in streams})


def _counters(plan: Plan, stream: TapedStream, run: int, since: float) -> dict[str, tuple[CounterSeries, ...]]:
    columns = {"events": 0, "total": 1}
    event = "good" if stream.metric.better == "Higher" else "bad"
    found: dict[str, list[CounterSeries]] = {event: [], "total": []}
    for name, column in columns.items():
        for version, side in (("v8", "candidate"), ("v7", "stable")):
            steps = [float(getattr(data, side)[column][run]) for data in stream.tape]
            times, values = _scraped(plan, steps, since if version == "v8" else None)
            found[event if name == "events" else "total"].append(CounterSeries(version, version, times, values))
    return {name: tuple(many) for name, many in found.items()}


def _scraped(plan: Plan, steps: list[float], begins: float | None) -> tuple[Floats, Floats]:
    """Cumulative values at every half stratum; a version that begins later is first scraped then, at 0."""
    width = plan.grid.width
    usual = [0.0] * BEFORE if begins is not None else [1000.0] * BEFORE
    ends = np.cumsum([0.0, *usual, *steps, *([0.0] * 4)])
    halves = np.floor((ends[:-1] + ends[1:]) / 2)
    values = np.insert(ends[1:], np.arange(len(halves)), halves)
    times = BASE - BEFORE * width + width / 2 * np.arange(1, len(values) + 1)
    if begins is None:
        return times, values
    later = times > BASE + begins
    return np.concatenate([[BASE + begins], times[later]]), np.concatenate([[0.0], values[later]])
