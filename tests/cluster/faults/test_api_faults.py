"""Whatever the API server answers, or does not, at any one call: the same end, and no harm on the way."""

import itertools
import random

import pytest

from tests.cluster.faults.faults import Once, StalePast, Storm, faults_at
from tests.cluster.faults.proxy import Fault
from tests.cluster.faults.scenarios import ABORTED, ALL, DELETED, PROMOTED, TAKEN_BACK, UNDONE
from tests.cluster.faults.stage import Drill, Scenario, Stage, some
from tests.cluster.faults.sweeps import Faults, Sweeps

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
    """After every write of status or route; and after every route write, with our own kinds alone in the past."""
    points = [call.point for call in drill.calls if call.write and call.resource in ("modelrollouts", "httproutes")]
    return [(f"in the past after {point}", StalePast(point, PAST_DELAY)) for point in points] + behind(drill)


def behind(drill: Drill) -> list[tuple[str, Fault]]:
    """The status as it was before a step's write of it, the route as it is after the step's."""
    kinds = [call.point for call in drill.calls if call.write and call.resource in ("modelrollouts", "httproutes")]
    return [
        (f"status as before {before}, route as after {after}", StalePast(before, PAST_DELAY, own=True))
        for before, after in itertools.pairwise(kinds)
        if before.kind == "patch modelrollouts/status" and after.kind == "patch httproutes/fraud"
    ]


def storms(seeds: range) -> Faults:
    def named(_: Drill) -> list[tuple[str, Fault]]:
        return [
            (f"storm {seed}", Storm(random.Random(seed), share=0.12, calm_after=150))  # noqa: S311 - a choice of tests
            for seed in seeds
        ]

    return named


def a_few_failures(drill: Drill) -> list[tuple[str, Fault]]:
    return some([one for one in failures(drill) if quick(one[0])], 9, seed=5)


def a_few_pasts(drill: Drill) -> list[tuple[str, Fault]]:
    return some(pasts(drill), 4, seed=7)


async def test_failing_calls_change_no_outcome(stage: Stage, sweeps: Sweeps) -> None:
    plan: list[tuple[Scenario, Faults]] = [
        (PROMOTED, a_few_failures),
        (TAKEN_BACK, a_few_failures),
        (PROMOTED, storms(range(3))),
        (DELETED, storms(range(3))),
    ]
    wrong = await sweeps.sweep(stage, plan)
    assert not wrong, wrong


async def test_an_operator_that_starts_in_the_past_does_no_harm(stage: Stage, sweeps: Sweeps) -> None:
    wrong = await sweeps.sweep(stage, [(TAKEN_BACK, a_few_pasts), (TAKEN_BACK, behind)])
    assert not wrong, wrong


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scenario", [PROMOTED, TAKEN_BACK], ids=lambda one: one.name)
async def test_any_failing_call_changes_no_outcome(stage: Stage, sweeps: Sweeps, scenario: Scenario) -> None:
    wrong = await sweeps.sweep(stage, [(scenario, failures)])
    assert not wrong, wrong


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", ALL, ids=lambda one: one.name)
async def test_an_operator_that_starts_in_any_past_does_no_harm(
    stage: Stage, sweeps: Sweeps, scenario: Scenario
) -> None:
    wrong = await sweeps.sweep(stage, [(scenario, pasts)])
    assert not wrong, wrong


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_many_failures_together_change_no_outcome(stage: Stage, sweeps: Sweeps) -> None:
    scenarios = (PROMOTED, TAKEN_BACK, ABORTED, UNDONE, DELETED)
    wrong = await sweeps.sweep(stage, [(scenario, storms(range(100, 120))) for scenario in scenarios])
    assert not wrong, wrong
