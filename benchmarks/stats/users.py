"""Sticky users with fifty requests each: their answers resemble each other."""

import numpy as np

from benchmarks.stats import kayenta, pooled
from benchmarks.stats.judges import first
from benchmarks.stats.ours import judged
from benchmarks.stats.outcomes import Outcomes, outcome
from benchmarks.stats.scenarios import BASE, HOUR
from benchmarks.stats.situation import Situation
from benchmarks.stats.streams import SCRAPE, Counts, Decisions, Floats, Stream
from benchmarks.stats.traffic import column
from modelrollout.stats.ratio_of_sums import RatioOfSums

MARGIN = 1.5
REQUESTS, ARRIVALS = 50, 0.4  # requests of a user, users a second
TROUBLED = 0.1  # share of users who have nearly all the errors
WINDOW = HOUR  # strata in which a user's requests fall, from the first on
STRATA = 5 * HOUR
WORSE = 2.0


def _side(rng: np.random.Generator, rate: float) -> tuple[Floats, Floats, Floats]:
    """One version in one run: bad and all requests (S,), and sums over users as they become mature (S, 6)."""
    users = rng.poisson(ARRIVALS / 2 * SCRAPE * STRATA)
    came = rng.integers(0, STRATA, users)
    share = np.where(rng.random(users) < TROUBLED, rate / TROUBLED * rng.beta(4, 4, users) * 2, 0.0)
    when = came[:, None] + rng.integers(0, WINDOW, (users, REQUESTS))
    bad = rng.random((users, REQUESTS)) < share[:, None]
    inside = when < STRATA
    requests = np.bincount(when[inside], minlength=STRATA).astype(float)
    errors = np.bincount(when[inside], weights=bad[inside].astype(float), minlength=STRATA).astype(float)
    y, x = bad.sum(axis=1).astype(float), np.full(users, float(REQUESTS))
    mature = came + WINDOW
    sums: Floats = np.stack(
        [
            np.bincount(mature, weights=one, minlength=STRATA)[:STRATA]
            for one in (y, np.ones(users), y * y, x, x * x, x * y)
        ],
        axis=1,
    )
    return errors, requests, sums


def _users(stream_runs: int, sums: Floats, *, late_faults: bool) -> Decisions:
    fail, passed = np.full(stream_runs, STRATA), np.full(stream_runs, STRATA)
    test = RatioOfSums(margin_ratio=MARGIN, late_faults=late_faults)
    for i in range(STRATA):
        candidate, stable = (tuple(sums[side, i, :, j] for j in range(6)) for side in (0, 1))
        test.update(candidate=candidate, stable=stable, start=i * SCRAPE)  # type: ignore[arg-type]
        verdict = np.asarray(test.verdict)
        fail = np.where((verdict == "Fail") & (fail == STRATA), i, fail)
        passed = np.where((verdict == "Pass") & (passed == STRATA), i, passed)
    return Decisions(fail, passed)


def fifty_requests(effect: float, truth: str) -> Situation:
    """A tenth of the users have all the errors; `effect` is the candidate's rate."""

    def play(rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        counts, sums = np.empty((4, STRATA, runs)), np.empty((2, STRATA, runs, 6))
        for run in range(runs):
            for side, rate in enumerate((effect, BASE)):
                counts[2 * side, :, run], counts[2 * side + 1, :, run], sums[side, :, run] = _side(rng, rate)
        stream = Stream(Counts(*counts), column(effect), column(BASE))
        judges = {
            "ours": _users(runs, sums, late_faults=False),
            "ours-operator": _users(runs, sums, late_faults=True),
            "ours-requests": judged(stream, {"margin_ratio": MARGIN}),
            "peeked": pooled.peeked(stream, MARGIN),
            "sequence": pooled.confidence_sequence(stream, MARGIN),
        }
        found = {name: outcome(one, stream, truth) for name, one in judges.items()}
        if kayenta_runs:
            few = first(stream, kayenta_runs)
            values, per_value = kayenta.error_shares(few)
            decisions = kayenta.kayenta(values, 300.0, per_value=per_value, strata=STRATA)
            found["kayenta-5"] = outcome(decisions, few, truth)
        return found

    equal = effect == BASE
    title = f"users with 50 requests each, {'equal candidate' if equal else f'{100 * effect:g} % errors'}, five hours"
    return Situation("users" if equal else "users-bad", title, truth, play, most_runs=1000,
                     note="Ours takes the user as the unit (`RatioOfSums`), one hour after the first request; the"
                     " others see requests.")  # fmt: skip


USERS = (fifty_requests(BASE, "equal"), fifty_requests(WORSE * BASE, "bad"))
