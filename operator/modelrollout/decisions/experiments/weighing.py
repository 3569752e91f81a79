"""Which share of the traffic each version of an experiment gets."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from modelrollout.api import Better, Metric, ModelRolloutSpec
from modelrollout.api.arms import ArmState
from modelrollout.api.status import Run
from modelrollout.decisions.experiments.shape import ranking
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.steps import FULL
from modelrollout.stats.bandit import top_two, towards, with_floor
from modelrollout.stats.chances import chances_of_largest_mean, chances_to_be_best
from modelrollout.stats.fixed_horizon import Sample

WORTH_MOVING = 10
"""Thousandths: a bandit leaves its weights alone while none of them would change by more."""

_MINUTE = timedelta(minutes=1)


def moved(spec: ModelRolloutSpec, run: Run, evidence: Evidence, now: datetime) -> tuple[Mapping[str, int], str] | None:
    """The weights that a bandit gives from now on, and why in numbers; None while they stay as they are.

    Args:
        spec: with a bandit.
        run: its experiment, on trial.
        evidence: of that run.
        now: the moment; how far the weights move depends on the time since they were last looked at.
    """
    bandit = spec.strategy.bandit
    running = [arm for arm in run.arms if arm.state is ArmState.RUNNING]
    if bandit is None or not running:
        return None
    chances = best_chances(ranking(spec), run.stable, [arm.version for arm in running], evidence)
    if chances is None:
        return None
    since = run.weighed_at or run.step_started_at
    passed = min(now - since, bandit.interval)
    step = bandit.max_change * FULL / 100 * (passed / _MINUTE)
    present = [FULL - sum(arm.weight for arm in running), *(arm.weight for arm in running)]
    wanted = with_floor(top_two(list(chances.values())), bandit.floor / 100)
    weights = towards(present, wanted, step)
    if max(abs(new - old) for new, old in zip(weights, present, strict=True)) < min(WORTH_MOVING, step):
        return None
    said = ", ".join(f"{name} {chance:.1%}" for name, chance in chances.items())
    return dict(zip((arm.version for arm in running), weights[1:], strict=True)), f"chance to be the best: {said}"


def best_chances(metric: Metric, stable: str, candidates: Sequence[str], evidence: Evidence) -> dict[str, float] | None:
    """For stable and each candidate the chance that its value is the best one; None while that cannot be said."""
    samples = [_samples(metric, evidence, name) for name in candidates]
    known = [pair for pair in samples if pair is not None]
    if not known:
        return None
    # Stable has been compared with each; the pair that saw most of it knows it best.
    base = max((pair[1] for pair in known), key=lambda one: one.size)
    sides = [base, *(pair[0] if pair is not None else None for pair in samples)]
    chances = _of_means(metric, sides) if metric.mean is not None else _of_shares(metric, sides)
    return None if chances is None else dict(zip((stable, *candidates), map(float, chances), strict=True))


def _samples(metric: Metric, evidence: Evidence, version: str) -> tuple[Sample, Sample] | None:
    of = evidence.arms.get(version)
    found = next((one for one in of.findings if one.metric == metric.name), None) if of is not None else None
    return found.samples if found is not None else None


def _of_shares(metric: Metric, sides: Sequence[Sample | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """Who has no answers yet is as likely to be anything."""
    totals = np.array([one.size if one is not None else 0.0 for one in sides])
    shares = np.array([one.mean if one is not None else 0.0 for one in sides])
    good = shares if metric.better == Better.HIGHER else 1 - shares
    return chances_to_be_best(np.minimum(good * totals, totals), totals)


def _of_means(metric: Metric, sides: Sequence[Sample | None]) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    known = [one for one in sides if one is not None and one.deviation > 0]
    if len(known) < len(sides):
        return None  # without every variance nothing can be said of any
    sign = 1.0 if metric.better == Better.HIGHER else -1.0
    return chances_of_largest_mean([one._replace(mean=sign * one.mean) for one in known])
