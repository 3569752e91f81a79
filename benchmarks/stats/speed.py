"""Time of one update: a single comparison, and a thousand at once. `python -m benchmarks.stats.speed`."""

import itertools
import time

import numpy as np

from benchmarks.stats.record import write
from modelrollout.stats import Proportion

CASES = {
    "ratio": {"margin_ratio": 1.5},
    "ratio, late faults": {"margin_ratio": 1.5, "late_faults": True},
    "difference": {"margin_difference": 0.02},
}
STRATA = ((100, 0.02), (5000, 0.02), (20000, 0.05), (20000, 0.4), (200000, 0.02))  # answers a side, share of bad ones


def milliseconds(limits: dict[str, float], size: int | None, total: int, rate: float, updates: int) -> float:
    """Median time of one update after the first three, in milliseconds."""
    rng = np.random.default_rng(20)
    comparison = Proportion(**limits)  # type: ignore[arg-type]
    times = []
    for i in range(updates):
        bad, stable_bad = rng.binomial(total, rate, size=size), rng.binomial(total, rate, size=size)
        begin = time.perf_counter()
        comparison.update((bad, total), (stable_bad, total), start=2.0 * i)
        times.append(time.perf_counter() - begin)
    return 1000 * float(np.median(times[3:]))


def main() -> None:
    """Measure, print a table and write the record."""
    rows = []
    print(f"{'limits':20s}{'comparisons':>12s}{'answers a side':>15s}{'bad':>6s}{'ms/update':>11s}")
    for name, limits in CASES.items():
        for size, (total, rate) in itertools.product((None, 1000), STRATA):
            took = milliseconds(limits, size, total, rate, 200 if size is None else 15)
            rows.append(
                {"limits": name, "comparisons": size or 1, "answers": total, "rate": rate, "ms": round(took, 3)}
            )
            print(f"{name:20s}{size or 1:12d}{total:15d}{rate:6.2f}{took:11.3f}")
    write("speed", {"unit": "milliseconds per update, median", "rows": rows})


if __name__ == "__main__":
    main()
