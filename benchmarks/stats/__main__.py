"""`python -m benchmarks.stats`: simulate, write the results, the pictures and the page."""

import argparse
import os
import platform
import time

from benchmarks.stats.campaign import results
from benchmarks.stats.catalogue import SCENARIOS
from benchmarks.stats.page import publish
from benchmarks.stats.record import read, write

RUNS, QUICK_RUNS, SEED = 2000, 40, 20261121


def main() -> None:
    """Reads the arguments, runs the scenarios, writes what they show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stats", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of a scenario (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=sorted(SCENARIOS), help="this scenario; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of all randomness (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_RUNS} runs a scenario; nothing is written")
    parser.add_argument(
        "--update", action="store_true", help="with --only: put these into stored results of as many runs and this seed"
    )
    given = parser.parse_args()
    runs = QUICK_RUNS if given.quick else given.runs
    names = given.only or list(SCENARIOS)
    begin, found = time.perf_counter(), {}
    for name, figures, seconds in results(names, runs, given.seed, given.jobs):
        found[name] = figures
        print(f"{len(found):3d}/{len(names)} {time.perf_counter() - begin:5.0f} s  {name} ({seconds:.0f} s of work)")
        for judge, one in figures["judges"].items():
            print(
                f"      {judge:15s} wrong {one['wrong']['is']:6.2f} %  rolled back {one['rolled_back']['is']:6.2f} %"
                f"  promoted {one['promoted']['is']:6.2f} %  exposures {one['exposures']['is']:9,.0f}"
                f"  to oracle {one.get('to_oracle', {}).get('is', float('nan')):5.2f}"
                f"  excess bad {one['excess_bad']['is']:7.1f}"
            )
    minutes = (time.perf_counter() - begin) / 60
    if given.quick or (given.only and not given.update):
        print("nothing written: the page is of all scenarios at full size")
        return
    if given.only:
        stored = read("engine")
        if (stored["runs"], stored["seed"]) != (runs, given.seed):
            parser.error(f"the stored results are of {stored['runs']} runs and seed {stored['seed']}: give the same")
        found, minutes = stored["scenarios"] | found, minutes + stored["minutes"]
    document = {
        "command": "make bench-stats" if runs == RUNS else f"python -m benchmarks.stats --runs {runs}",
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()},
        "minutes": round(minutes, 1),
        "runs": runs,
        "seed": given.seed,
        "scenarios": found,
    }
    write("engine", document)
    publish(document, read("experiments"))


if __name__ == "__main__":
    main()
