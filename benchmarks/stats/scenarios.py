"""Situations in which two versions' bad answers are compared."""

import math
from collections.abc import Callable

import numpy as np

from benchmarks.stats.streams import SCRAPE, Counts, Design, Floats, Scenario, Stream
from benchmarks.stats.traffic import STABLE_PODS, Bursts, answered, bad_of, column, measured_dispersion, split

RATE, BASE = 20.0, 0.02
HOUR = round(3600 / SCRAPE)

Build = Callable[[np.random.Generator, int], Stream]


def steady(
    effect: float, weight: float, strata: int, base: float = BASE, rate: float = RATE, bursts: Bursts | None = None
) -> Build:
    """Both rates and the weight stay as they are."""

    def build(rng: np.random.Generator, runs: int) -> Stream:
        totals = split(rng, strata, runs, rate, weight)
        pods = STABLE_PODS if weight > 0.1 else 19
        of_candidate = max(1, round(pods * weight / (1 - weight)))  # every pod has about the same traffic
        counts = Counts(
            bad_of(rng, totals[0], effect, bursts, of_candidate),
            totals[0],
            bad_of(rng, totals[1], base, bursts, pods),
            totals[1],
        )
        phi = measured_dispersion(rng, runs, rate * (1 - weight), base, bursts, pods)
        return Stream(counts, column(effect), column(base), dispersion=phi)

    return build


def _moving(
    strata: int,
    weight: Callable[[np.random.Generator, int], Floats],
    base: Callable[[np.random.Generator, int], Floats],
    rate: object = RATE,
    steps: tuple[int, ...] = (),
    width: float = SCRAPE,
) -> Build:
    """An equal candidate while weight, baseline and traffic move: functions of the generator and the runs."""

    def build(rng: np.random.Generator, runs: int) -> Stream:
        totals = split(rng, strata, runs, rate, weight(rng, runs), width)
        true = base(rng, runs)
        counts = answered(rng, *totals, true, true)
        mean_rate = float(np.mean(np.asarray(rate)))
        phi = measured_dispersion(rng, runs, mean_rate, float(np.mean(true)))
        return Stream(counts, column(true), column(true), width=width, steps=steps, dispersion=phi)

    return build


def _ramp() -> Build:
    strata = 2 * HOUR
    weights = np.repeat([0.05, 0.25, 0.5], strata // 3)
    rising = np.linspace(0.02, 0.04, strata)
    return _moving(
        strata, lambda *_: weights[:, None], lambda *_: rising[:, None], steps=(strata // 3, 2 * (strata // 3))
    )


def _day() -> Build:
    width, strata = 60.0, 1440
    hours = np.arange(strata) * width / 3600
    wave = 1 + 0.5 * np.sin(2 * math.pi * hours / 24)

    def base(rng: np.random.Generator, runs: int) -> Floats:
        """A daily cycle, and on average six incidents of ten minutes that hit both versions: five times the errors."""
        begins = rng.random((strata, runs)) < 6 / strata
        factor = np.ones((strata, runs))
        for lag in range(10):
            factor[lag:][begins[: strata - lag]] = 5.0
        return np.minimum(BASE * wave[:, None] * factor, 0.5)

    return _moving(strata, lambda *_: column(0.25), base, rate=5 * wave, width=width)


def _restless() -> Build:
    strata = 2 * HOUR
    rising = 0.02 + 0.02 * np.sin(2 * math.pi * np.arange(strata) / strata)

    def weight(rng: np.random.Generator, runs: int) -> Floats:
        per_minute = round(60 / SCRAPE)
        drawn = rng.uniform(0.05, 0.5, (strata // per_minute, runs))
        return np.repeat(drawn, per_minute, axis=0)

    return _moving(strata, weight, lambda *_: np.maximum(rising, 0.005)[:, None])


def _one_bad_pod(rng: np.random.Generator, runs: int) -> Stream:
    strata, pods, broken = 2 * HOUR, 10, 0.2
    total_c, total_s = split(rng, strata, runs, RATE, 0.5)
    on_bad = rng.binomial(total_c.astype(np.int64), 1 / pods)
    bad_c = rng.binomial(on_bad, broken) + rng.binomial(total_c.astype(np.int64) - on_bad, BASE)
    counts = Counts(bad_c.astype(float), total_c, bad_of(rng, total_s, BASE), total_s)
    effect = BASE + (broken - BASE) / pods
    return Stream(counts, column(effect), column(BASE), dispersion=measured_dispersion(rng, runs, RATE, BASE))


def _late_fault(rng: np.random.Generator, runs: int) -> Stream:
    strata, since = 4 * HOUR, 2 * HOUR
    totals = split(rng, strata, runs, RATE, 0.25)
    effect = np.where(np.arange(strata) < since, BASE, 3 * BASE)
    counts = answered(rng, *totals, effect, BASE)
    phi = measured_dispersion(rng, runs, RATE, BASE)
    return Stream(counts, column(effect), column(BASE), dispersion=phi, since=since)


def _bad(effect: float, weight: float) -> Scenario:
    shown = f"{100 * effect:g} % @ {100 * weight:g} %"
    strata = 2 * HOUR if weight >= 0.5 else 4 * HOUR
    return Scenario(
        f"bad-{100 * effect:g}-at-{100 * weight:g}",
        f"{shown}: candidate errs in {100 * effect:g} %, stable in 2 %, weight {100 * weight:g} %",
        "margin" if math.isclose(effect, 1.5 * BASE) else "bad",
        steady(effect, weight, strata),
        Design(BASE, effect, weight),
    )


def _at_margin(ratio: float) -> Scenario:
    """A small fault that is the margin itself, so that nothing but a rollback is right."""
    return Scenario(
        f"ratio-{ratio:g}-at-50",
        f"{ratio:g} times the errors where no more than that may be promoted, 50 %",
        "margin",
        steady(ratio * BASE, 0.5, 4 * HOUR),
        Design(BASE, ratio * BASE, 0.5),
        margin=ratio,
    )


def _equal(name: str, title: str, build: Build, weight: float = 0.5, base: float = BASE, **more: object) -> Scenario:
    return Scenario(name, title, "equal", build, Design(base, 1.5 * base, weight), **more)  # type: ignore[arg-type]


WITHIN_SCRAPE = Bursts(shape=0.75, spell=SCRAPE)
FIVE_MINUTES = Bursts(shape=1.0, spell=300.0)
TWENTY_MINUTES = Bursts(shape=2.0, spell=1200.0)

PROPORTIONS: tuple[Scenario, ...] = (
    _equal("equal-at-1", "equal candidate at 1 %, four hours", steady(BASE, 0.01, 4 * HOUR), 0.01),
    _equal(
        "equal-at-5", "equal candidate at 5 %, four hours", steady(BASE, 0.05, 4 * HOUR), 0.05,
        extra=("kayenta-either",), note="With direction `either` Kayenta also takes too few errors for a fault.",
    ),
    _equal("equal-at-50", "equal candidate at 50 %, four hours", steady(BASE, 0.5, 4 * HOUR)),
    _equal("low-traffic", "low traffic: one request in two seconds, weight 20 %, four hours",
           steady(BASE, 0.2, 4 * HOUR, rate=0.5), 0.2),
    _equal("ramp", "ramp 5→25→50 % while the baseline rises from 2 to 4 %", _ramp(), 0.25),
    _equal("day", "daily cycle and incidents that hit both versions, 24 hours, weight 25 %", _day(), 0.25),
    _equal("restless", "another weight every minute (5 to 50 %) while the baseline moves", _restless(), 0.25),
    _equal("split-off-equal", "traffic split off by two points: 52 instead of 50 %", steady(BASE, 0.52, 2 * HOUR)),
    _equal("bursts-in-scrape", "bursts within a scrape, each pod its own", steady(BASE, 0.5, 2 * HOUR,
           bursts=WITHIN_SCRAPE), bursty=True),
    _equal("bursts-5-minutes", "bursts of five minutes, each pod its own", steady(BASE, 0.5, 2 * HOUR,
           bursts=FIVE_MINUTES), bursty=True),
    _equal("bursts-5-minutes-at-5", "bursts of five minutes, one candidate pod at 5 %", steady(BASE, 0.05, 4 * HOUR,
           bursts=FIVE_MINUTES), 0.05, bursty=True),
    _equal("bursts-20-minutes", "bursts of twenty minutes, each pod its own: longer than the blocks of the calibration",
           steady(BASE, 0.5, 4 * HOUR, bursts=TWENTY_MINUTES), bursty=True),
    Scenario("bursts-bad-5-at-5", "bursts of five minutes, and a candidate that errs in 5 % instead of 2 %, at 5 %",
             "bad", steady(0.05, 0.05, 4 * HOUR, bursts=FIVE_MINUTES), Design(BASE, 0.05, 0.05), oracle=False,
             bursty=True),
    _bad(0.03, 0.5), _bad(0.05, 0.5), _bad(0.10, 0.5), _bad(0.05, 0.05), _bad(0.10, 0.05),
    Scenario("bad-2.4-at-50", "2.4 % @ 50 %: a small fault, ratio 1.2, inside the margin", "indifferent",
             steady(0.024, 0.5, 4 * HOUR), Design(BASE, 0.024, 0.5)),
    Scenario("margin-at-50", "at the margin (1.5 times), 50 %, one hour", "margin",
             steady(0.03, 0.5, HOUR), Design(BASE, 0.03, 0.5)),
    Scenario("margin-at-5", "at the margin (1.5 times), 5 %, four hours", "margin",
             steady(0.03, 0.05, 4 * HOUR), Design(BASE, 0.03, 0.05)),
    _at_margin(1.2), _at_margin(1.3),
    _equal("promotion", "equal candidate at 50 %, one hour: how soon is it promoted?", steady(BASE, 0.5, HOUR)),
    Scenario("one-bad-pod", "one of the candidate's ten pods errs in 20 %", "bad", _one_bad_pod,
             Design(BASE, 0.038, 0.5)),
    Scenario("zero-baseline", "stable never errs, the candidate in 1 %, weight 10 %", "bad",
             steady(0.01, 0.1, 2 * HOUR, base=0.0), Design(0.0, 0.01, 0.1)),
    Scenario("at-the-floor", "stable never errs, the candidate in 0.2 %: just what the floor allows", "indifferent",
             steady(0.002, 0.5, 2 * HOUR, base=0.0), Design(0.0, 0.002, 0.5), oracle=False),
    Scenario("above-the-floor", "stable never errs, the candidate in 0.3 %: beyond the floor", "margin",
             steady(0.003, 0.5, 2 * HOUR, base=0.0), Design(0.0, 0.003, 0.5)),
    Scenario("no-errors", "no errors at all on either side: must be promoted", "equal",
             steady(0.0, 0.5, 2 * HOUR, base=0.0), Design(0.0, 0.002, 0.5), oracle=False),
    Scenario("late-fault", "good for two hours, then three times the errors, weight 25 %", "late", _late_fault,
             Design(BASE, 3 * BASE, 0.25), oracle=False),
)  # fmt: skip
