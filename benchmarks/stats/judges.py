"""The judges of one proportion, all on the same streams."""

from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.stats import group_sequential, kayenta, oracle, pooled, thresholds
from benchmarks.stats.ours import judged
from benchmarks.stats.outcomes import Outcome, outcome
from benchmarks.stats.streams import Counts, Decisions, Scenario, Stream

KAYENTA_RUNS = 400

LABELS = {
    "ours": "ours, single test",
    "ours-late": "ours, with restarts for late faults",
    "ours-operator": "ours, as the operator runs it",
    "whole": "ours, without slices",
    "ours-mean": "ours, on the mean",
    "ours-requests": "ours on requests: the wrong unit",
    "unprepared": "ours on the counters as they are",
    "oracle": "oracle SPRT (knows every rate)",
    "fixed": "fixed-horizon z, one look",
    "peeked": "z at every scrape",
    "peeked-slices": "z at every scrape in every slice",
    "chi": "chi-square at every scrape",
    "sequence": "pooled confidence sequence",
    "group": "group sequential, ten looks",
    "kayenta-5": "Kayenta, every 5 minutes",
    "kayenta-30": "Kayenta, every 30 minutes",
    "kayenta-either": "Kayenta, every 5 minutes, either direction",
    "argo": "Argo Rollouts: < 3 %, failureLimit 3",
    "flagger": "Flagger: < 5 %, threshold 5",
}
OURS = ("ours", "ours-late", "ours-operator", "whole", "ours-mean", "ours-requests", "unprepared")


def verdicts(stream: Stream, scenario: Scenario, kayenta_runs: int) -> Iterator[tuple[str, Outcome]]:
    """What every judge makes of the runs; Kayenta sees only the first few, for it is slow."""
    judges: dict[str, Callable[[], Decisions]] = {
        **_ours(stream, scenario),
        "fixed": lambda: pooled.fixed(stream, scenario.design),
        "peeked": lambda: pooled.peeked(stream, scenario.margin),
        "sequence": lambda: pooled.confidence_sequence(stream, scenario.margin),
        "group": lambda: group_sequential.group_sequential(stream, scenario.design),
        "argo": lambda: thresholds.argo(stream),
        "flagger": lambda: thresholds.flagger(stream),
    }
    if scenario.oracle:
        judges["oracle"] = lambda: oracle.oracle(stream, scenario.margin)
    for name, judge in judges.items():
        yield name, outcome(judge(), stream, scenario.truth)
    if kayenta_runs:
        few = first(stream, kayenta_runs)
        values, per_value = kayenta.error_shares(few)

        def look(minutes: float, direction: kayenta.Direction) -> Decisions:
            return kayenta.kayenta(values, 60 * minutes, direction, per_value=per_value, strata=few.shape[0])

        for minutes in (5, 30):
            yield f"kayenta-{minutes}", outcome(look(minutes, "increase"), few, scenario.truth)
        if "kayenta-either" in scenario.extra:
            yield "kayenta-either", outcome(look(5, "either"), few, scenario.truth)


def _ours(stream: Stream, scenario: Scenario) -> dict[str, Callable[[], Decisions]]:
    limits = {"margin_ratio": scenario.margin}
    whole = scenario.truth in ("equal", "late")
    return {
        "ours": lambda: judged(stream, limits, whole=whole),
        "ours-late": lambda: judged(stream, limits, late_faults=True, whole=whole),
        "ours-operator": lambda: judged(stream, limits, late_faults=True, dispersion=stream.dispersion, whole=whole),
    }


def first(stream: Stream, runs: int) -> Stream:
    """The first so many runs."""
    prepared = None if stream.prepared is None else _first(stream.prepared, runs)
    rates = [one if np.shape(one)[1] == 1 else one[:, :runs] for one in (stream.rate_c, stream.rate_s)]
    phi = None if stream.dispersion is None else stream.dispersion[:runs]
    return Stream(
        _first(stream.counts, runs), rates[0], rates[1], stream.width, stream.steps, prepared, phi, stream.since
    )


def _first(counts: Counts, runs: int) -> Counts:
    return Counts(*(one[:, :runs] for one in counts))
