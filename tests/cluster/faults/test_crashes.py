"""kill -9 right before and right after a write changes no outcome."""

import pytest

from tests.cluster.faults.faults import Once, killed_after, killed_before
from tests.cluster.faults.proxy import Fault
from tests.cluster.faults.scenarios import (
    ABORTED,
    ALL,
    BY_PODS_PROMOTED,
    BY_PODS_TAKEN_BACK,
    DELETED,
    PROMOTED,
    TAKEN_BACK,
    UNDONE,
)
from tests.cluster.faults.stage import Drill, Scenario, Stage, some
from tests.cluster.faults.sweeps import Sweeps

SIDES = {"killed before": killed_before, "killed after": killed_after}


def crashes(drill: Drill) -> list[tuple[str, Fault]]:
    return [
        (f"{name} {call.point}", Once(call.point, deed))
        for call in drill.calls
        if call.write
        for name, deed in SIDES.items()
    ]


def a_few_crashes(drill: Drill) -> list[tuple[str, Fault]]:
    return some(crashes(drill), 4, seed=3)


async def test_an_operator_killed_at_a_write_comes_to_the_same_end(stage: Stage, sweeps: Sweeps) -> None:
    scenarios = (PROMOTED, TAKEN_BACK, ABORTED, UNDONE, DELETED, BY_PODS_PROMOTED, BY_PODS_TAKEN_BACK)
    wrong = await sweeps.sweep(stage, [(scenario, a_few_crashes) for scenario in scenarios])
    assert not wrong, wrong


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", ALL, ids=lambda one: one.name)
async def test_an_operator_killed_at_any_write_comes_to_the_same_end(
    stage: Stage, sweeps: Sweeps, scenario: Scenario
) -> None:
    wrong = await sweeps.sweep(stage, [(scenario, crashes)])
    assert not wrong, wrong
