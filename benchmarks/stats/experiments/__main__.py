"""`python -m benchmarks.stats.experiments`: play experiments, write what they cost and the page."""

import argparse
import time

from benchmarks.stats.experiments.campaign import results
from benchmarks.stats.experiments.judges import LABELS
from benchmarks.stats.experiments.page import written
from benchmarks.stats.experiments.situations import SITUATIONS
from benchmarks.stats.page import PAGE
from benchmarks.stats.record import RESULTS, read, write

RUNS, SEED = 200, 20261201


def main() -> None:
    """Reads the arguments, plays the situations, writes what they show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stats.experiments", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="runs of a situation and judge (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=list(SITUATIONS), help="this situation; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of all randomness (default: %(default)s)")
    parser.add_argument(
        "--update",
        action="store_true",
        help="with --only: put these into stored results of as many runs and this seed, if any",
    )
    given = parser.parse_args()
    names, begin, found = given.only or list(SITUATIONS), time.perf_counter(), {}
    for name, figures, seconds in results(names, given.runs, given.seed, given.jobs):
        found[name] = figures
        print(f"{len(found):3d}/{len(names)} {time.perf_counter() - begin:5.0f} s  {name} ({seconds:.0f} s of work)")
        for judge, one in figures["judges"].items():
            print(
                f"      {LABELS[judge]:36s} right {one['right']['is']:6.2f} %  wrong {one['wrong']['is']:6.2f} %"
                f"  answers {one['answers']['is']:9,.0f}  lost {one['lost']['is']:7,.1f}"
                f"  in all {one['lost_in_all']['is']:7,.1f}"
            )
    if given.only and not given.update:
        print("nothing written: the page is of all situations")
        return
    if given.only and (RESULTS / "experiments.json").exists():
        stored = read("experiments")
        if (stored["runs"], stored["seed"]) != (given.runs, given.seed):
            parser.error(f"the stored results are of {stored['runs']} runs and seed {stored['seed']}: give the same")
        found = stored["situations"] | found
    document = {
        "command": "make bench-stats"
        if given.runs == RUNS
        else f"python -m benchmarks.stats.experiments --runs {given.runs}",
        "runs": given.runs,
        "seed": given.seed,
        "situations": {name: found[name] for name in SITUATIONS if name in found},
    }
    write("experiments", document)
    PAGE.write_text(written(PAGE.read_text(), document))


if __name__ == "__main__":
    main()
