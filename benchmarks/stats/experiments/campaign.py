"""Plays situations under every judge, on several processes, and puts the figures together."""

import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from typing import Any

import numpy as np

from benchmarks.stats.experiments.judges import JUDGES, Endings, played
from benchmarks.stats.experiments.situations import SITUATIONS, Situation
from benchmarks.stats.summary import mean, share

CHUNK = 50
"""Runs played at once."""


@dataclass(frozen=True, slots=True)
class Task:
    """Some of the runs of one situation under one judge."""

    situation: str
    judge: str
    chunk: int
    runs: int
    seed: int


def tasks(names: Sequence[str], runs: int, seed: int) -> list[Task]:
    """All chunks."""
    return [
        Task(name, judge, chunk, min(CHUNK, most - chunk * CHUNK), seed)
        for name in names
        for most in [min(runs, SITUATIONS[name].most_runs)]
        for judge in JUDGES
        for chunk in range(-(-most // CHUNK))
    ]


def perform(task: Task) -> tuple[Task, Endings, float]:
    """One chunk; its randomness depends on seed, situation, judge and chunk alone."""
    begin = time.process_time()
    words = [zlib.crc32(word.encode()) for word in (task.situation, task.judge)]
    rng = np.random.default_rng(np.random.SeedSequence([task.seed, *words, task.chunk]))
    situation = SITUATIONS[task.situation]
    endings = played(JUDGES[task.judge](situation, task.runs), situation, rng, task.runs)
    return task, endings, time.process_time() - begin


def results(names: Sequence[str], runs: int, seed: int, jobs: int) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Name, figures and processor seconds of each situation, in their order."""
    parts: dict[str, dict[str, list[Endings]]] = {name: {judge: [] for judge in JUDGES} for name in names}
    todo = tasks(names, runs, seed)
    last, seconds = {task.situation: task for task in todo}, 0.0
    for task, endings, took in _performed(todo, jobs):
        parts[task.situation][task.judge].append(endings)
        seconds += took
        if last[task.situation] == task:
            situation = SITUATIONS[task.situation]
            judges = {judge: figures(joined(many), situation) for judge, many in parts.pop(task.situation).items()}
            told = {"title": situation.title, "shares": list(situation.shares), "judges": judges}
            yield task.situation, told, seconds
            seconds = 0.0


def _performed(todo: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Endings, float]]:
    if jobs == 1:
        yield from map(perform, todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(perform, todo)


def joined(parts: Sequence[Endings]) -> Endings:
    """The runs of several chunks, one after the other."""
    return Endings(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Endings)))


def figures(endings: Endings, situation: Situation) -> dict[str, Any]:
    """Shares of right, wrong and no winners, and the means of what it took."""
    best = situation.best or 0
    return {
        "runs": len(endings.winner),
        "right": share(endings.winner == best),
        "wrong": share((endings.winner != best) & (endings.winner > 0)),
        "nobody": share(endings.winner == 0),
        "answers": mean(endings.answers),
        "lost": mean(endings.lost),
        "lost_in_all": mean(endings.lost_in_all),
    }
