"""Telemetry that is broken: a candidate whose error signal is missing, and labels for only some of the answers."""

import numpy as np

from benchmarks.stats import pooled, thresholds
from benchmarks.stats.ours import judged
from benchmarks.stats.outcomes import Outcomes, outcome
from benchmarks.stats.scenarios import BASE, HOUR, RATE
from benchmarks.stats.situation import Situation
from benchmarks.stats.streams import SCRAPE, Counts, Decisions, Floats, Stream
from benchmarks.stats.traffic import answered, column, split
from modelrollout.api import parse_spec
from modelrollout.api.status import Verdict
from modelrollout.decisions.analysis.looking import fold, initial, judge
from modelrollout.decisions.analysis.samples import CounterSamples, Samples
from modelrollout.decisions.questions import Question
from modelrollout.stats import CounterSeries

MARGIN = 1.5
STRATA = HOUR
LOOK = 4  # strata between two looks of the operator
BEGIN = 1_700_000_000.0 // SCRAPE * SCRAPE
RUNS = 200
LABELLED, BAD_LABELLED = 0.9, 0.3


def _question(requests: bool) -> Question:
    """A canary at 50 % with one guardrail, as the operator asks it."""
    version = {"workload": {"kind": "Deployment"}}
    counted = {"bad": "bad_total", "total": "labelled_total", **({"requests": "answers_total"} if requests else {})}
    spec = parse_spec(
        {
            "versions": [
                {
                    "name": name,
                    "service": {"name": name, "port": 8080},
                    "workload": {**version["workload"], "name": name},
                }
                for name in ("stable", "candidate")
            ],
            "target": "candidate",
            "traffic": {"gatewayAPI": {"httpRoute": "route"}},
            "strategy": {"canary": {"weights": [50]}},
            "metrics": [{"name": "errors", "better": "Lower", "proportion": counted, "margin": {"ratio": MARGIN}}],
            "analysis": {"interval": f"{SCRAPE:g}s", "warmUp": "0s", "dispersion": 1},
        }
    )
    return Question("default", spec, "run", "candidate", "stable", BEGIN, 0, BEGIN, 500)


def _operator(counters: dict[str, dict[str, Floats]], runs: int, requests: bool) -> Decisions:
    """The operator's own fold and judgement; counters by name and version, rises of shape (S, R), None if missing."""
    asked = _question(requests)
    times = BEGIN + SCRAPE * np.arange(STRATA + 1.0)
    fail, passed = np.full(runs, STRATA), np.full(runs, STRATA)
    for run in range(runs):
        whole = {
            name: [
                CounterSeries(version, f"{version}-a", times, np.concatenate([[0.0], np.cumsum(rose[:, run])]))
                for version, rose in of.items()
            ]
            for name, of in counters.items()
        }
        state = initial(asked)
        for i in range(LOOK, STRATA + 1, LOOK):
            window = slice(max(0, i - LOOK - 8), i + 1)
            cut = {
                name: tuple(
                    CounterSeries(one.version, one.series, one.times[window], one.values[window]) for one in many
                )
                for name, many in whole.items()
            }
            at = float(times[i])
            state = fold(state, asked, Samples(at, {"errors": CounterSamples(cut)}), at)
            verdict = judge(state, asked).findings[0].verdict
            if verdict is Verdict.FAIL:
                fail[run] = min(fail[run], i - 1)
            if verdict is Verdict.PASS:
                passed[run] = min(passed[run], i - 1)
            if verdict in (Verdict.FAIL, Verdict.PASS):
                break
    return Decisions(fail, passed)


def _missing(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
    """The candidate errs in 10 %, and nobody counts it."""
    effect = 0.1
    totals = split(rng, STRATA, runs, RATE, 0.5)
    true = Stream(answered(rng, *totals, effect, BASE), column(effect), column(BASE))
    b, m, a, n = true.counts
    seen = Stream(Counts(np.zeros_like(b), m, a, n), column(effect), column(BASE))
    counters = {"bad": {"stable": a}, "total": {"candidate": m, "stable": n}}
    return _all(seen, true, _operator(counters, runs, requests=False), "bad")


def uneven(effect: float, bad_labelled: float, truth: str) -> Situation:
    """Labels come for nine of ten answers of stable; of the candidate's bad ones for this share."""

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        totals = split(rng, STRATA, runs, RATE, 0.5)
        true = Stream(answered(rng, *totals, effect, BASE), column(effect), column(BASE))
        b, m, a, n = (one.astype(np.int64) for one in true.counts)
        bad_c, bad_s = rng.binomial(b, bad_labelled), rng.binomial(a, LABELLED)
        labelled_c, labelled_s = bad_c + rng.binomial(m - b, LABELLED), bad_s + rng.binomial(n - a, LABELLED)
        known = Counts(*(one.astype(float) for one in (bad_c, labelled_c, bad_s, labelled_s)))
        seen = Stream(known, column(effect), column(BASE))
        counters = {
            "bad": {"candidate": known.bad_c, "stable": known.bad_s},
            "total": {"candidate": known.total_c, "stable": known.total_s},
            "requests": {"candidate": true.counts.total_c, "stable": true.counts.total_s},
        }
        return _all(seen, true, _operator(counters, runs, requests=True), truth)

    if effect == BASE:
        return Situation("labels-for-some", "labels for nine of ten answers of either version, equal candidate, 50 %",
                         truth, play, most_runs=RUNS)  # fmt: skip
    return Situation(
        "labels-uneven", "a candidate with twice the errors, most of which get no label, 50 %", truth, play,
        most_runs=RUNS, note="The operator compares how many answers have labels on either side before it concludes.",
    )  # fmt: skip


def _all(seen: Stream, true: Stream, operator: Decisions, truth: str) -> Outcomes:
    judges = {
        "unprepared": judged(seen, {"margin_ratio": MARGIN}),
        "ours-operator": operator,
        "peeked": pooled.peeked(seen, MARGIN),
        "sequence": pooled.confidence_sequence(seen, MARGIN),
        "argo": thresholds.argo(seen),
        "flagger": thresholds.flagger(seen),
    }
    return {name: outcome(one, true, truth) for name, one in judges.items()}


TELEMETRY = (
    Situation(
        "no-error-signal", "a candidate that errs in 10 %, and whose error counter does not exist, 50 %", "bad",
        _missing, most_runs=RUNS, note="Silence is no proof: the operator waits until the numerator has been seen.",
    ),
    uneven(2 * BASE, BAD_LABELLED, "bad"),
    uneven(BASE, LABELLED, "equal"),
)  # fmt: skip
