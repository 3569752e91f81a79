"""Monitoring through the whole operator: what is asked when, and what is written."""

from modelrollout.kube.resources import MODELROLLOUTS
from tests.unit.reconciler.rig import Rig

EVERY = {"monitoring": {"every": "10s", "reference": 3}}


def condition(rig: Rig) -> tuple[str, str]:
    return next(
        ((one["status"], one["reason"]) for one in rig.status.get("conditions", []) if one["type"] == "Degrading"),
        ("", ""),
    )


async def test_while_nothing_changes_it_is_looked_at_and_nothing_is_written() -> None:
    rig = Rig(**EVERY)
    await rig.start()
    await rig.until(lambda: condition(rig) == ("False", "Steady"))
    writes, looks = len(rig.writes(MODELROLLOUTS)), len(rig.monitor.asked)
    await rig.until(lambda: len(rig.monitor.asked) >= looks + 5)
    assert len(rig.writes(MODELROLLOUTS)) == writes
    assert len(rig.monitor.asked) <= looks + 6
    await rig.kill()


async def test_an_alarm_is_written_once_and_a_new_leader_still_knows_it() -> None:
    rig = Rig(**EVERY)
    await rig.start()
    await rig.until(lambda: condition(rig) == ("False", "Steady"))
    rig.monitor.deviation = "errors 4 %, limit 2 %"
    await rig.until(lambda: condition(rig) == ("True", "LeftReference"))
    rig.monitor.deviation = ""
    await rig.kill()
    await rig.start()
    asked = len(rig.monitor.asked)
    await rig.until(lambda: len(rig.monitor.asked) > asked)
    assert condition(rig) == ("True", "LeftReference")
    assert "errors" in rig.monitor.asked[-1].references
    assert rig.weights == {"v7": 1000}
    await rig.kill()


async def test_during_a_run_nobody_looks_and_after_it_the_new_version_is_looked_at() -> None:
    rig = Rig(**EVERY)
    await rig.start()
    await rig.until(lambda: condition(rig) == ("False", "Steady"))
    rig.edit(target="v8")
    await rig.until(lambda: rig.phase == "Completed" and rig.status["stable"] == "v8")
    asked = len(rig.monitor.asked)
    await rig.until(lambda: len(rig.monitor.asked) > asked)
    assert {one.candidate for one in rig.monitor.asked[asked:]} == {"v8"}
    assert rig.status["monitoring"]["version"] == "v8"
    await rig.kill()
