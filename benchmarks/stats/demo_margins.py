"""Which limits and steps let the demo decide within 90 seconds? `python -m benchmarks.stats.demo_margins`.

A gateway with at least 100 requests a second, scraped every second; strata of two seconds that are read six seconds
after their end. Stable errs in 0.3 % of its answers, 1 % are slow, 90 % are correct; outcomes are known ten seconds
after the answer. The better version is right in 96 %; the degraded one errs in 10 %, is slow in 5 % and right in 75 %.

Each run goes through the steps as a canary does: a step is left after its hold and its samples when no guardrail has
failed; the last one needs a Pass of every metric, and point estimates inside the margins in its own data. Times are
seconds from the first weight to the decision (all traffic, or weight 0); "at %" is the weight at the rollback, p95. A
guardrail's level is a fourth of the rollout's 1 %: half is kept for slices, the rest shared by two guardrails.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.stats.record import write
from modelrollout.stats import Proportion

WIDTH = 2.0  # seconds
DELAY = 5  # strata until an outcome is known: ten seconds
SETTLE = 3  # strata until a stratum has settled: one scrape and five seconds
INTERVAL = 2.0  # between two analyses; a decision waits for the next one
CAP = 240  # strata; a run without a decision by then has missed its aim by far
GUARDRAILS = ("errors", "slow")

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """What a version answers: shares of errors, of slow answers and of correct ones."""

    errors: float
    slow: float
    correct: float


STABLE = Model(errors=0.003, slow=0.01, correct=0.90)
CANDIDATES = {
    "better": Model(errors=0.003, slow=0.01, correct=0.96),
    "degraded": Model(errors=0.10, slow=0.05, correct=0.75),
    "equal": STABLE,
}


@dataclass(frozen=True)
class Policy:
    """Steps and limits under test."""

    name: str
    weights: tuple[float, ...]
    hold: float
    samples: int
    metrics: dict[str, dict[str, Any]] = field(hash=False)


LIMITS: dict[str, dict[str, Any]] = {
    "errors": {"margin_ratio": 1.5, "floor": 0.02},
    "slow": {"margin_difference": 0.03},
    "accuracy": {"better": "Higher", "gain_difference": 0.0},
}
NARROW: dict[str, dict[str, Any]] = {
    **LIMITS,
    "errors": {"margin_ratio": 1.5, "floor": 0.01},
    "slow": {"margin_difference": 0.02},
}
DEFAULT_FLOOR: dict[str, dict[str, Any]] = {**LIMITS, "errors": {"margin_ratio": 1.5, "floor": 0.002}}
POLICIES = (
    Policy("5/25/50 10 s 50", (0.05, 0.25, 0.5), 10, 50, LIMITS),
    Policy("5/25/50 10 s 200", (0.05, 0.25, 0.5), 10, 200, LIMITS),
    Policy("10/25/50 10 s 200", (0.10, 0.25, 0.5), 10, 200, LIMITS),
    Policy("10/25/50 20 s 50", (0.10, 0.25, 0.5), 20, 50, LIMITS),
    Policy("10/25/50 10 s 200, narrow", (0.10, 0.25, 0.5), 10, 200, NARROW),
    Policy("10/25/50 10 s 200, floor 0.2 %", (0.10, 0.25, 0.5), 10, 200, DEFAULT_FLOOR),
)

# requests a second and dispersion
CIRCUMSTANCES = ((100.0, 1.0), (100.0, 2.0), (200.0, 2.0))


class Runs:
    """Many runs of one policy side by side, each at its own step."""

    def __init__(self, policy: Policy, candidate: Model, rate: float, dispersion: float, runs: int, seed: int) -> None:
        self.policy, self.candidate, self.rate = policy, candidate, rate
        self.rng = np.random.default_rng(seed)
        self.runs = runs
        guardrail: dict[str, Any] = {"alpha": 0.01 / 2 / len(GUARDRAILS), "late_faults": True}
        self.tests = {
            name: Proportion(dispersion=dispersion, **limits, **(guardrail if name in GUARDRAILS else {}))
            for name, limits in policy.metrics.items()
        }
        self.step = np.zeros(runs, dtype=int)
        self.in_step = np.zeros((2, runs))  # seconds and answers of the candidate
        self.sums = {name: np.zeros((4, runs)) for name in self.tests}  # of the step, for its point estimates
        self.answers: list[tuple[Any, ...]] = []  # strata that have not settled, errors and slow answers
        self.outcomes: list[tuple[Any, ...]] = []  # strata whose outcomes are not known yet, or have not settled
        self.decided = np.full(runs, np.nan)
        self.promoted = np.zeros(runs, dtype=bool)
        self.bad_answers = np.zeros(runs)
        self.by: dict[str, int] = dict.fromkeys(self.tests, 0)

    def stratum(self, index: int) -> None:
        """Two seconds of traffic, then the gates."""
        weight = np.array(self.policy.weights)[self.step]
        answers = self.rng.poisson(self.rate * WIDTH, self.runs)
        m = self.rng.binomial(answers, weight)
        n = answers - m
        binomial = self.rng.binomial
        errors = binomial(m, self.candidate.errors)
        running = np.isnan(self.decided)
        self.bad_answers += np.where(running, errors, 0)
        start = index * WIDTH
        slow = binomial(m, self.candidate.slow)
        self.answers.append((m, n, errors, binomial(n, STABLE.errors), slow, binomial(n, STABLE.slow)))
        self.outcomes.append((binomial(m, self.candidate.correct), m, binomial(n, STABLE.correct), n))
        self.in_step[0] += WIDTH
        start = index * WIDTH
        if len(self.answers) > SETTLE:
            m, n, errors, stable_errors, slow, stable_slow = self.answers.pop(0)
            self.in_step[1] += m
            self._count("errors", (errors, m, stable_errors, n), start)
            self._count("slow", (slow, m, stable_slow, n), start)
        if len(self.outcomes) > DELAY + SETTLE:
            self._count("accuracy", self.outcomes.pop(0), start)
        self._gates((index + 1) * WIDTH + INTERVAL / 2, running)

    def _count(self, name: str, counts: Iterable[Any], start: float) -> None:
        b, m, a, n = counts
        self.tests[name].update((b, m), (a, n), start=start)
        self.sums[name] += np.stack([b, m, a, n])

    def _gates(self, now: float, running: Flags) -> None:
        failed = np.zeros(self.runs, dtype=bool)
        for name in GUARDRAILS:
            fails = np.asarray(self.tests[name].verdict == "Fail")
            self.by[name] += int((fails & running & ~failed).sum())
            failed |= fails
        self.decided[running & failed] = now
        done = (self.in_step[0] >= self.policy.hold) & (self.in_step[1] >= self.policy.samples) & running & ~failed
        last = self.step == len(self.policy.weights) - 1
        passes = np.ones(self.runs, dtype=bool)
        for test in self.tests.values():
            passes &= test.verdict == "Pass"
        finished = done & last & passes & self._inside()
        self.decided[finished] = now
        self.promoted |= finished
        onward = done & ~last
        self.step[onward] += 1
        self.in_step[:, onward] = 0
        for sums in self.sums.values():
            sums[:, onward] = 0

    def _inside(self) -> Flags:
        with np.errstate(invalid="ignore", divide="ignore"):
            rates = {name: (s[0] / s[1], s[2] / s[3]) for name, s in self.sums.items()}
        errors, slow, accuracy = rates["errors"], rates["slow"], rates["accuracy"]
        limits = self.policy.metrics
        within: Flags = errors[0] <= np.maximum(limits["errors"]["margin_ratio"] * errors[1], limits["errors"]["floor"])
        within &= slow[0] <= slow[1] + limits["slow"]["margin_difference"]
        within &= accuracy[0] > accuracy[1] + limits["accuracy"]["gain_difference"]
        return within


def simulate(policy: Policy, name: str, rate: float, dispersion: float, runs: int) -> dict[str, Any]:
    """Outcomes of many runs of one candidate."""
    sample = Runs(policy, CANDIDATES[name], rate, dispersion, runs, seed=3)
    for index in range(CAP):
        sample.stratum(index)
        if not np.isnan(sample.decided).any():
            break
    seconds = np.where(np.isnan(sample.decided), math.inf, sample.decided)
    rolled_back = ~sample.promoted & np.isfinite(seconds)
    # an equal candidate has no gain: it must neither be rolled back nor promoted
    right = {"better": sample.promoted, "degraded": rolled_back, "equal": ~rolled_back & ~sample.promoted}[name]
    decided = seconds if name != "equal" else seconds[np.isfinite(seconds)]
    p50, p95 = (float(np.quantile(decided, q, method="higher")) if len(decided) else math.inf for q in (0.5, 0.95))
    return {
        "policy": policy.name,
        "candidate": name,
        "requests_per_second": rate,
        "dispersion": dispersion,
        "runs": runs,
        "right_percent": round(100 * float(right.mean()), 2),
        "promoted_percent": round(100 * float(sample.promoted.mean()), 2),
        "seconds_p50": round(p50, 1) if math.isfinite(p50) else None,
        "seconds_p95": round(p95, 1) if math.isfinite(p95) else None,
        "weight_at_rollback_percent": (
            round(100 * float(np.quantile(np.array(policy.weights)[sample.step][rolled_back], 0.95, method="higher")))
            if rolled_back.any()
            else None
        ),
        "bad_answers_mean": round(float(sample.bad_answers.mean()), 1),
        "failed_by": sample.by,
    }


def main(runs: int = 1000) -> None:
    """Simulate every policy, print a table and write the record."""
    begin = time.perf_counter()
    rows = []
    head = "".join(f"{title:>8s}" for title in ("right %", "p50 s", "p95 s", "at %"))
    print(f"{'weights, hold, samples':31s}{'req/s':>6s}{'phi':>4s} {'candidate':10s}{head}")
    for policy, (rate, dispersion), name in product(POLICIES, CIRCUMSTANCES, CANDIDATES):
        row = simulate(policy, name, rate, dispersion, runs)
        rows.append(row)
        shown = [row[key] for key in ("right_percent", "seconds_p50", "seconds_p95", "weight_at_rollback_percent")]
        numbers = "".join(f"{'-' if value is None else value:>8}" for value in shown)
        print(f"{policy.name:31s}{rate:6.0f}{dispersion:4.0f} {name:10s}{numbers}")
    limits = {policy.name: policy.metrics for policy in POLICIES}
    write("demo_margins", {"seed": 3, "limits": limits, "rows": rows})
    print(f"{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main()
