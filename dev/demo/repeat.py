"""`python -m dev.demo.repeat --runs 20`: the demo's two rollouts again and again, each time with other users.

One cluster for all. Every run starts from the same place (version 1 serves, no rollout yet) with another seed of the
users' draws, and must end as the demo does: version 2 promoted, version 3 taken back at a small weight.
"""

import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import click

from dev import paths
from dev.cluster import Cluster
from dev.demo import stage, story, table
from dev.demo.outcome import wrong
from dev.errors import DevError
from dev.progress import say
from dev.up import cluster_for_tests

RESULTS = paths.CHECKOUT / "benchmarks" / "results" / "demo.json"


@dataclass(frozen=True, slots=True)
class Told:
    """One seed's two rollouts.

    Attributes:
        seed: of the users' draws.
        promoted_after: seconds from the change of target to version 2's last step passed.
        back_after: seconds from the first bad answer of version 3 to its weight 0, None when users saw none.
        top_weight: the greatest weight version 3 had, in percent.
        bad: bad answers that users got of version 3.
        answers: all its answers.
        wrong: what did not end as it should, in sentences.
    """

    seed: int
    promoted_after: float
    back_after: float | None
    top_weight: float
    bad: int
    answers: int
    wrong: tuple[str, ...]


def one(cluster: stage.Cluster, seed: int) -> Told:
    """Both rollouts with one seed of users."""
    stage.begin_again(cluster, seed)
    better = story.tell(cluster, "v2")
    worse = story.tell(cluster, "v3")
    seen = stage.users(cluster, "v3", worse.asked_at, worse.done_at + 1)
    full = next((at for at, weight in better.weights if weight == 1000), better.done_at)
    return Told(
        seed=seed,
        promoted_after=round(full - better.asked_at, 1),
        back_after=None if (seconds := table.seconds_to_zero(worse, seen)) is None else round(seconds, 1),
        top_weight=worse.top_weight / 10,
        bad=seen.bad,
        answers=seen.answers,
        wrong=tuple(wrong(better, worse)),
    )


def summary(told: Sequence[Told]) -> dict[str, object]:
    """All runs as JSON, and how they spread."""

    def spread(values: list[float]) -> dict[str, float]:
        ordered = sorted(values)
        high = ordered[math.ceil(0.95 * len(ordered)) - 1]
        return {"p50": round(statistics.median(ordered), 1), "p95": round(high, 1), "max": round(ordered[-1], 1)}

    return {
        "runs": len(told),
        "right": sum(not each.wrong for each in told),
        "seconds to promotion": spread([each.promoted_after for each in told]),
        "seconds from the first bad answer to weight 0": spread(
            [x.back_after for x in told if x.back_after is not None]
        ),
        "bad answers that users got": spread([float(each.bad) for each in told]),
        "each": [
            {
                "seed": each.seed,
                "promotedAfter": each.promoted_after,
                "backAfter": each.back_after,
                "topWeight": each.top_weight,
                "bad": each.bad,
                "answers": each.answers,
                "wrong": list(each.wrong),
            }
            for each in told
        ],
    }


@click.command()
@click.option("--runs", default=20, show_default=True, help="How often.")
@click.option("--seed", default=1, show_default=True, help="Of the first run; the next ones count up.")
@click.option("--cluster", "running", default="", help="Name of a cluster that is up already, and is left up.")
@click.option("--into", type=click.Path(path_type=Path), default=RESULTS, help="Where the figures go.")
def repeat(runs: int, seed: int, running: str, into: Path) -> None:
    """Run the demo's two rollouts with several seeds; exit code 1 if any of them ended wrong."""
    told: list[Told] = []
    with nullcontext(Cluster.running(running)) if running else cluster_for_tests("repeat") as cluster:
        stage.set_up(cluster)
        for each in range(seed, seed + runs):
            began = time.monotonic()
            print(f"\nSeed {each} ({len(told) + 1} of {runs})\n", flush=True)
            told.append(one(cluster, each))
            said = "; ".join(told[-1].wrong) or "right"
            print(f"\nseed {each}: {said}, {time.monotonic() - began:.0f} s", flush=True)
            into.write_text(json.dumps(summary(told), indent=1) + "\n")
    right = sum(not each.wrong for each in told)
    print(f"\n{right} of {runs} runs ended right; the figures are in {into.name}")
    sys.exit(0 if right == runs else 1)


def main() -> None:
    """Run the command line; an error that a person can mend is one sentence and exit code 1."""
    try:
        repeat()
    except (DevError, TimeoutError) as error:
        say(f"error: {error}")
        sys.exit(1)


if __name__ == "__main__":
    main()
