"""Writes samples.jsonl: half an hour of a fraud model on two pods a version, scraped every 15 seconds.

v8 gets a tenth of the traffic from the beginning. It is as good as v7 for ten minutes; then a cache fills up, and every
twelfth answer is an error. From a checkout: python examples/backtest/generate.py > examples/backtest/samples.jsonl
"""

import json
import sys

import numpy as np

FIRST = 1_763_694_000  # 2025-11-21T03:00:00Z
SCRAPE, MINUTES = 15, 30
PODS = {"v7-a": 18.0, "v7-b": 18.0, "v8-a": 2.0, "v8-b": 2.0}  # requests a second
ERRORS, BROKEN, BREAKS_AT = 0.01, 0.08, 600
BOUNDS = ("0.1", "0.25", "0.5", "+Inf")
FASTER = (0.62, 0.95, 0.995, 1.0)


def main() -> None:
    """Print a line for each metric, pod and scrape."""
    rng = np.random.default_rng(20251121)
    bad, total = dict.fromkeys(PODS, 0), dict.fromkeys(PODS, 0)
    buckets = {pod: np.zeros(len(BOUNDS), dtype=int) for pod in PODS}
    for elapsed in range(0, MINUTES * 60 + 1, SCRAPE):
        for place, (pod, rate) in enumerate(PODS.items()):
            version = pod.partition("-")[0]
            broken = version == "v8" and elapsed > BREAKS_AT
            answers = int(rng.poisson(rate * SCRAPE)) if elapsed else 0
            total[pod] += answers
            bad[pod] += int(rng.binomial(answers, BROKEN if broken else ERRORS))
            slower = rng.multinomial(answers, np.diff((0.0, *FASTER)))
            buckets[pod] += np.cumsum(slower)
            scrape = {"t": FIRST + elapsed + place, "version": version, "series": f"fraud-{pod}"}
            say("errors", scrape, {"bad": bad[pod], "total": total[pod]})
            say("slow", scrape, {"buckets": dict(zip(BOUNDS, buckets[pod].tolist(), strict=True))})


def say(metric: str, scrape: dict[str, object], counters: dict[str, object]) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps({"t": scrape["t"], "metric": metric, **scrape, "counters": counters}) + "\n")


if __name__ == "__main__":
    main()
