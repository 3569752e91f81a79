"""kill -9 right before and right after a write changes no outcome."""

import pytest

from tests.cluster.faults.faults import Once, killed_after, killed_before
from tests.cluster.faults.proxy import Fault
from tests.cluster.faults.scenarios import ABORTED, ALL, DELETED, PROMOTED, TAKEN_BACK, UNDONE
from tests.cluster.faults.stage import Drill, Scenario, Stage, some
from tests.cluster.faults.sweeps import sweep, undisturbed

SIDES = {"killed before": killed_before, "killed after": killed_after}


def crashes(drill: Drill) -> list[tuple[str, Fault]]:
    return [
        (f"{name} {call.point}", Once(call.point, deed))
        for call in drill.calls
        if call.write
        for name, deed in SIDES.items()
    ]


@pytest.mark.parametrize("scenario", [PROMOTED, TAKEN_BACK, ABORTED, UNDONE, DELETED], ids=lambda one: one.name)
async def test_an_operator_killed_at_a_write_comes_to_the_same_end(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    assert await sweep(stage, scenario, reference, some(crashes(reference), 5, seed=3)) == []


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scenario", ALL, ids=lambda one: one.name)
async def test_an_operator_killed_at_any_write_comes_to_the_same_end(stage: Stage, scenario: Scenario) -> None:
    reference = await undisturbed(stage, scenario)
    assert await sweep(stage, scenario, reference, crashes(reference)) == []
