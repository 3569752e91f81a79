"""The limit on writes of one object: what is due is written all the same, and soon."""

from collections.abc import AsyncIterator

import pytest

from modelrollout.kube.resources import MODELROLLOUTS
from modelrollout.reconciler.budget import BURST, BudgetSpent, WriteBudget
from tests.unit.kube.clock import FakeClock
from tests.unit.reconciler.rig import Rig


async def test_a_spent_budget_says_when_the_next_write_may_be_made() -> None:
    clock = FakeClock()
    budget = WriteBudget(clock)
    for _ in range(BURST):
        budget.spend("fraud")
    await clock.advance(0.25)
    with pytest.raises(BudgetSpent) as spent:
        budget.spend("fraud")
    assert spent.value.retry_after == pytest.approx(0.75)
    budget.spend("rank")
    await clock.advance(0.75)
    budget.spend("fraud")


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    await made.kill()


async def test_traffic_is_moved_within_a_second_although_a_person_has_asked_for_very_much(rig: Rig) -> None:
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    rig.edit(target="v8")
    await rig.until(lambda: rig.weights.get("v8") == 50)
    for number in range(BURST):
        rig.command(f"abort-{number}", "Abort")
        await rig.clock.advance(0.25)
        rig.command(f"retry-{number}", "Retry")
        await rig.clock.advance(0.25)
    await rig.until(lambda: rig.weights.get("v8") == 50)
    assert len(rig.writes(MODELROLLOUTS)) > BURST  # the budget is spent
    rig.ready("v8", ready=False)
    await rig.clock.advance(1.25)  # the status may have to wait for a second; the route has a budget of its own
    assert rig.weights == {"v7": 1000}
