"""Two rollouts that are promoted together, under one operator, which may be killed at any write."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.kube.resources import HTTPROUTES, MODELROLLOUTS
from tests.unit.reconciler.rig import Rig, path

NAMES = ("fraud", "rank")


def pair() -> Rig:
    rig = Rig()
    rig.also("rank")
    rig.edit("fraud", promoteTogether={"rollouts": ["rank"]})
    rig.edit("rank", promoteTogether={"rollouts": ["fraud"]})
    return rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = pair()
    yield made
    await made.kill()


def phases(rig: Rig) -> list[str]:
    return [str(rig.status_of(name).get("phase")) for name in NAMES]


def serving(rig: Rig, name: str) -> dict[str, int]:
    refs = rig.server.objects[path(HTTPROUTES, name)]["spec"]["rules"][0]["backendRefs"]
    return {ref["name"].removeprefix(f"{name}-"): ref["weight"] for ref in refs if ref["weight"]}


async def adopted(rig: Rig, **more: Any) -> None:
    await rig.start(**more)
    await rig.until(lambda: phases(rig) == ["Completed"] * 2)


async def test_who_has_passed_waits_for_the_other_and_goes_on_as_soon_as_that_has(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.PASS
    await adopted(rig)
    rig.edit("rank", target="v8", paused=True)
    rig.edit("fraud", target="v8")
    await rig.until(lambda: bool((rig.status_of("fraud").get("run") or {}).get("together")))
    await rig.clock.advance(60)
    assert serving(rig, "fraud") == {"v7": 500, "v8": 500}
    rig.edit("rank", paused=False)
    await rig.until(lambda: phases(rig) == ["Completed"] * 2 and serving(rig, "rank") == {"v8": 1000})
    assert serving(rig, "fraud") == {"v8": 1000}


async def test_with_a_release_the_first_one_waits_for_an_edit_of_the_second_that_comes_much_later(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.PASS
    await adopted(rig)
    rig.edit("fraud", target="v8", promoteTogether={"rollouts": ["rank"], "release": "r2"})
    await rig.until(lambda: "which names no release yet, not r2" in str(rig.status_of("fraud").get("message")))
    await rig.clock.advance(600)
    assert serving(rig, "fraud") == {"v7": 500, "v8": 500}
    rig.edit("rank", target="v8", promoteTogether={"rollouts": ["fraud"], "release": "r2"})
    await rig.until(lambda: phases(rig) == ["Completed"] * 2 and serving(rig, "rank") == {"v8": 1000})
    assert serving(rig, "fraud") == {"v8": 1000}


async def test_one_that_has_nothing_to_change_takes_part_by_the_release_alone(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.PASS
    await adopted(rig)
    rig.edit("fraud", target="v8", promoteTogether={"rollouts": ["rank"], "release": "r2"})
    await rig.until(lambda: "which names no release yet" in str(rig.status_of("fraud").get("message")))
    rig.edit("rank", promoteTogether={"rollouts": ["fraud"], "release": "r2"})
    await rig.until(lambda: phases(rig) == ["Completed"] * 2 and serving(rig, "fraud") == {"v8": 1000}, 5)
    assert serving(rig, "rank") == {"v7": 1000}


async def test_where_one_is_aborted_the_other_is_taken_back_at_once(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.PASS
    await adopted(rig)
    rig.edit("rank", target="v8", paused=True)
    rig.edit("fraud", target="v8")
    await rig.until(lambda: bool((rig.status_of("fraud").get("run") or {}).get("together")))
    rig.command("stop", "Abort", rollout="rank")
    await rig.until(lambda: phases(rig) == ["RolledBack"] * 2, 5)
    assert [serving(rig, name) for name in NAMES] == [{"v7": 1000}] * 2
    assert rig.status_of("fraud")["run"]["reason"] == "CompanionTakenBack"


async def test_the_other_is_deleted_while_it_is_waited_for(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.PASS
    await adopted(rig)
    rig.edit("rank", target="v8", paused=True)
    rig.edit("fraud", target="v8")
    await rig.until(lambda: bool((rig.status_of("fraud").get("run") or {}).get("together")))
    rig.delete(MODELROLLOUTS, "rank")
    await rig.until(lambda: "which does not exist" in str(rig.status_of("fraud").get("message")), 5)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kill_at", range(0, 16, 3))
async def test_killed_at_any_write_both_are_promoted_all_the_same(kill_at: int, after: bool) -> None:
    rig = pair()
    rig.examiner.verdict = Verdict.PASS
    await adopted(rig, kill_at=kill_at, after=after)
    for name in NAMES:
        rig.edit(name, target="v8")
    await rig.until(lambda: phases(rig) == ["Completed"] * 2 and serving(rig, "rank") == {"v8": 1000})
    assert serving(rig, "fraud") == {"v8": 1000}
    await rig.kill()
