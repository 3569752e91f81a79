"""Runs scenarios in chunks, on several processes, and puts the figures together."""

import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.stats.catalogue import SCENARIOS, Case
from benchmarks.stats.judges import KAYENTA_RUNS
from benchmarks.stats.outcomes import Outcome, joined
from benchmarks.stats.summary import summary

CHUNK = 500
"""Runs drawn at once; bounds memory to a few hundred MiB a process."""


@dataclass(frozen=True, slots=True)
class Task:
    """A chunk of one scenario's runs."""

    name: str
    chunk: int
    runs: int
    seed: int
    kayenta_runs: int


def tasks(names: Sequence[str], runs: int, seed: int) -> list[Task]:
    """All chunks, Kayenta's runs in the first one of each scenario."""
    return [
        Task(name, chunk, min(CHUNK, most - chunk * CHUNK), seed, min(KAYENTA_RUNS, most) if chunk == 0 else 0)
        for name in names
        for most in [min(runs, SCENARIOS[name].most_runs)]
        for chunk in range(-(-most // CHUNK))
    ]


def perform(task: Task) -> tuple[Task, dict[str, Outcome], float]:
    """One chunk; its randomness depends on seed, scenario and chunk alone."""
    begin = time.process_time()
    source = np.random.SeedSequence([task.seed, zlib.crc32(task.name.encode()), task.chunk])
    outcomes = SCENARIOS[task.name].outcomes(np.random.default_rng(source), task.runs, task.kayenta_runs)
    return task, dict(outcomes), time.process_time() - begin


def results(names: Sequence[str], runs: int, seed: int, jobs: int) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Name, figures and processor seconds of each scenario, in the order in which they end."""
    todo = tasks(names, runs, seed)
    left = {name: sum(task.name == name for task in todo) for name in names}
    parts: dict[str, list[tuple[int, Mapping[str, Outcome]]]] = {name: [] for name in names}
    seconds = dict.fromkeys(names, 0.0)
    for task, outcomes, took in _performed(todo, jobs):
        parts[task.name].append((task.chunk, outcomes))
        seconds[task.name] += took
        left[task.name] -= 1
        if not left[task.name]:
            ordered = [part for _, part in sorted(parts.pop(task.name), key=lambda one: one[0])]
            case = SCENARIOS[task.name]
            yield task.name, _described(case, summary(joined(ordered), case.yardstick)), seconds[task.name]


def _performed(todo: Sequence[Task], jobs: int) -> Iterator[tuple[Task, dict[str, Outcome], float]]:
    if jobs == 1:
        yield from map(perform, todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(perform, todo)


def _described(case: Case, judges: Mapping[str, Any]) -> dict[str, Any]:
    about = {key: getattr(case, key) for key in ("title", "truth", "ratio", "note", "bursty")}
    return {**about, "judges": dict(judges)}
