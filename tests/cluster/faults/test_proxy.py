"""The proxy itself: transparent, and as faulty as it is told to be."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelrollout.kube.client import Client
from modelrollout.kube.connect import connect
from modelrollout.kube.errors import Conflict, Gone, OutcomeUnknown, Unavailable
from modelrollout.kube.resources import CONFIGMAPS
from tests.cluster.faults.faults import Deed, Once, conflict, cut_after, cut_before, gone_in_stream, too_many
from tests.cluster.faults.journal import Journal, Point
from tests.cluster.faults.proxy import Door
from tests.cluster.faults.stage import Stage

BODY = {"metadata": {"name": "one"}, "data": {"key": "value"}}


@pytest.fixture
async def door(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Door]:
    async with stage.door("door", Journal()) as opened:
        monkeypatch.setenv("KUBECONFIG", str(opened.kubeconfig(tmp_path, "door")))
        yield opened


@pytest.fixture
async def through(door: Door) -> AsyncIterator[Client]:
    """A client that speaks through the door."""
    transport = await connect()
    yield Client(transport)
    await transport.close()


async def test_a_watch_passes_events_on_as_they_happen(through: Client, stage: Stage, namespace: str) -> None:
    listed = await through.list(CONFIGMAPS, namespace)
    watch = through.watch(CONFIGMAPS, namespace, since=listed.resource_version, seconds=30)
    first = asyncio.ensure_future(anext(watch))
    await stage.client.create(CONFIGMAPS, namespace, BODY)
    async with asyncio.timeout(5):
        event = await first
    assert (event.type, event.object["data"]) == ("ADDED", BODY["data"])
    await watch.aclose()


@pytest.mark.parametrize(
    ("deed", "error", "done"),
    [
        (conflict, Conflict, False),
        (too_many, Unavailable, False),
        (cut_before, OutcomeUnknown, False),
        (cut_after, OutcomeUnknown, True),
    ],
    ids=["409", "429", "cut before", "cut after"],
)
async def test_a_fault_strikes_once_and_is_what_it_says(
    door: Door, through: Client, stage: Stage, namespace: str, deed: Deed, error: type[Exception], done: bool
) -> None:
    door.faults.append(Once(Point("create configmaps", 1), deed))
    with pytest.raises(error):
        await through.create(CONFIGMAPS, namespace, BODY)
    there = [one["metadata"]["name"] for one in (await stage.client.list(CONFIGMAPS, namespace)).items]
    assert ("one" in there) is done
    assert len(door.journal.writes("configmaps")) == int(done)
    await through.create(CONFIGMAPS, namespace, {"metadata": {"name": "two"}})


async def test_a_watch_says_410_when_it_is_told_to(door: Door, through: Client, namespace: str) -> None:
    door.faults.append(Once(Point("watch configmaps", 1), gone_in_stream))
    listed = await through.list(CONFIGMAPS, namespace)
    watch = through.watch(CONFIGMAPS, namespace, since=listed.resource_version, seconds=30)
    with pytest.raises(Gone):
        await anext(watch)
    await watch.aclose()
