"""Whatever the API server answers, or does not, at any one call: the same end, and no harm on the way."""

import random

import pytest

from tests.cluster.faults.faults import Once, StalePast, Storm, faults_at
from tests.cluster.faults.proxy import Fault
from tests.cluster.faults.scenarios import ABORTED, ALL, DELETED, PROMOTED, TAKEN_BACK, UNDONE
from tests.cluster.faults.stage import Drill, Scenario, Stage, some
from tests.cluster.faults.sweeps import sweep, undisturbed

PAST_DELAY = 1.5
"""Seconds that an operator decides from the past."""


def failures(drill: Drill) -> list[tuple[str, Fault]]:
    return [
        (f"{name} at {call.point}", Once(call.point, deed))
        for call in drill.calls
        for name, deed in faults_at(call.point).items()
    ]


def quick(name: str) -> bool:
    """Whether the fault is over soon: reads that hang are given up only after 10 s, lists after 30 s."""
    return not name.startswith(("hang before at get", "hang before at list"))


def pasts(drill: Drill) -> list[tuple[str, Fault]]:
    return [
        (f"in the past after {call.point}", StalePast(call.point, PAST_DELAY))
        for call in drill.calls
        if call.write and call.resource in ("modelrollouts", "httproutes")
    ]


def storms(seeds: range) -> list[tuple[str, Fault]]:
    return [(f"storm {seed}", Storm(random.Random(seed), share=0.12, calm_after=150)) for seed in seeds]  # noqa: S311 - a choice of tests


@pytest.mark.parametrize("scenario", [PROMOTED, TAKEN_BACK], ids=lambda one: one.name)
async def test_a_failing_call_changes_no_outcome(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    candidates = [(name, fault) for name, fault in failures(reference) if quick(name)]
    assert await sweep(stage, scenario, reference, some(candidates, 12, seed=5)) == []


async def test_an_operator_that_starts_in_the_past_does_no_harm(stage: Stage) -> None:
    reference = await undisturbed(stage, TAKEN_BACK)
    assert await sweep(stage, TAKEN_BACK, reference, some(pasts(reference), 6, seed=7)) == []


@pytest.mark.parametrize("scenario", [PROMOTED, DELETED], ids=lambda one: one.name)
async def test_many_failures_together_change_no_outcome(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    assert await sweep(stage, scenario, reference, storms(range(4))) == []


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scenario", [PROMOTED, TAKEN_BACK], ids=lambda one: one.name)
async def test_any_failing_call_changes_no_outcome(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    assert await sweep(stage, scenario, reference, failures(reference)) == []


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", ALL, ids=lambda one: one.name)
async def test_an_operator_that_starts_in_any_past_does_no_harm(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    assert await sweep(stage, scenario, reference, pasts(reference)) == []


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", [PROMOTED, TAKEN_BACK, ABORTED, UNDONE, DELETED], ids=lambda one: one.name)
async def test_many_failures_together_never_change_an_outcome(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    assert await sweep(stage, scenario, reference, storms(range(100, 130))) == []
