"""A freeze as the operator finds it: in the namespace or in its own, before or after a start, readable or not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.kube.errors import Conflict, KubeError, Unavailable
from modelrollout.kube.resources import CONFIGMAPS, EVENTS
from modelrollout.kube.transport import Request
from tests.unit.reconciler.rig import NAMESPACE, Rig, path

OWN = "system"


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    await made.kill()


def freeze(rig: Rig, namespace: str = NAMESPACE, **data: str) -> str:
    """Create the ConfigMap; returns its path."""
    where = CONFIGMAPS.path(namespace, "modelrollout-freeze")
    rig.server.put(where, {"metadata": {"namespace": namespace, "name": "modelrollout-freeze"}, "data": data})
    return where


def told(rig: Rig) -> list[str]:
    """Reasons of the events about freezes."""
    events = [obj for where, obj in rig.server.objects.items() if where.startswith(EVENTS.path(NAMESPACE))]
    return [event["reason"] for event in events if event["reason"] in ("Frozen", "Thawed")]


@pytest.mark.parametrize("namespace", [NAMESPACE, OWN])
async def test_a_start_waits_for_the_end_of_a_freeze_and_is_told_twice(rig: Rig, namespace: str) -> None:
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    where = freeze(rig, namespace, reason="the holidays")
    rig.edit(target="v8")
    await rig.until(lambda: rig.phase == "Queued", seconds=5)
    assert "the holidays" in rig.status["message"]
    await rig.clock.advance(60)
    assert rig.weights == {"v7": 1000}
    rig.server.delete(where)
    await rig.until(lambda: rig.status["stable"] == "v8")
    await rig.until(lambda: len(told(rig)) >= 2, seconds=30)
    assert told(rig) == ["Frozen", "Thawed"]


async def test_a_freeze_that_was_there_before_the_operator_holds_its_first_decision(rig: Rig) -> None:
    rig.edit(target="v8")
    freeze(rig)
    await rig.start()
    await rig.until(lambda: rig.phase == "Queued", seconds=10)
    assert [one for one in rig.server.requests if one.method == "POST" and "controllerrevisions" in one.path] == []


async def test_a_freeze_ends_by_itself(rig: Rig) -> None:
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    freeze(rig, until="2026-11-21T03:01:30Z")
    rig.edit(target="v8")
    await rig.until(lambda: rig.phase == "Queued", seconds=5)
    await rig.clock.advance(60)
    await rig.until(lambda: rig.phase == "Progressing", seconds=40)


async def test_only_the_one_configmap_is_listed_and_watched(rig: Rig) -> None:
    rig.server.put(path(CONFIGMAPS, "settings"), {"metadata": {"namespace": NAMESPACE, "name": "settings"}})
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    asked = [one for one in rig.server.requests if one.method == "GET" and one.path.endswith("/configmaps")]
    assert {one.path for one in asked} == {CONFIGMAPS.path(NAMESPACE), CONFIGMAPS.path(OWN)}
    assert {one.query.get("fieldSelector") for one in asked} == {"metadata.name=modelrollout-freeze"}
    rig.edit(target="v8")
    await rig.until(lambda: rig.phase == "Progressing", seconds=5)


async def test_another_configmap_freezes_nothing(rig: Rig) -> None:
    rig.server.put(path(CONFIGMAPS, "freeze"), {"metadata": {"namespace": NAMESPACE, "name": "freeze"}})
    await rig.start()
    rig.edit(target="v8")
    await rig.until(lambda: rig.status.get("stable") == "v8")


async def test_while_freezes_cannot_be_read_nothing_starts_but_what_goes_on_is_taken_back(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.INCONCLUSIVE
    await rig.start()
    rig.edit(target="v8")
    await rig.until(lambda: rig.weights == {"v7": 950, "v8": 50})
    await rig.kill()

    def refuse(request: Request) -> Exception | None:
        reading = request.method == "GET" and request.path.endswith("/configmaps")
        return Unavailable("configmaps is forbidden") if reading else None

    rig.server.before = refuse
    rig.examiner.verdict = Verdict.FAIL
    await rig.start()
    await rig.until(lambda: rig.phase == "RolledBack", seconds=20)
    rig.command("again", "Retry")
    await rig.until(lambda: rig.phase == "Queued", seconds=20)
    assert "cannot be read" in rig.status["message"]
    rig.server.before = lambda _: None
    rig.examiner.verdict = Verdict.PASS
    await rig.until(lambda: rig.status["stable"] == "v8")


@pytest.mark.parametrize("error", [Unavailable("service unavailable", 503), Conflict("somebody was faster", 409)])
async def test_an_api_server_that_is_unwell_for_a_moment_is_no_freeze(rig: Rig, error: KubeError) -> None:
    rig.edit(target="v8")
    refused: list[Request] = []

    def refuse(request: Request) -> Exception | None:
        reading = request.method == "GET" and request.path.endswith("/configmaps")
        if not reading or len(refused) == 4:
            return None
        refused.append(request)
        return error

    rig.server.before = refuse
    await rig.start()
    await rig.until(lambda: rig.status.get("stable") == "v8")
    assert len(refused) == 4
    assert told(rig) == []


async def test_nothing_is_written_when_a_freeze_comes_and_goes_over_an_idle_rollout(rig: Rig) -> None:
    await rig.start()
    await rig.until(lambda: rig.phase == "Completed")
    before = [one for one in rig.server.requests if one.write and "leases" not in one.path]
    rig.server.delete(freeze(rig))
    await rig.clock.advance(5)
    assert [one for one in rig.server.requests if one.write and "leases" not in one.path] == before


async def test_an_answer_to_a_retry_in_a_freeze_says_that_it_is_held(rig: Rig) -> None:
    rig.examiner.verdict = Verdict.FAIL
    await rig.start()
    rig.edit(target="v8")
    await rig.until(lambda: rig.phase == "RolledBack")
    freeze(rig, OWN, reason="audit")
    rig.command("again", "Retry")
    await rig.until(lambda: bool(rig.status["commands"]), seconds=5)
    answer: dict[str, Any] = rig.status["commands"][-1]
    assert answer["accepted"]
    assert "is held: v8 waits to be tried: every namespace is frozen: audit" in answer["message"]
