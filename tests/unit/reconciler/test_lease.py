"""Who leads, and for how long it knows."""

# ruff: noqa: S311 - jitter, the same in every run

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from modelrollout.kube.client import Client
from modelrollout.kube.errors import NotLeading
from modelrollout.kube.fake import FakeServer, lost, unanswered
from modelrollout.kube.resources import CONFIGMAPS, LEASES
from modelrollout.reconciler.lease import Lease, LeaseTimes
from tests.unit.kube.clock import FakeClock, settle

PATH = LEASES.path("system", "modelrollout")
TIMES = LeaseTimes(call=0.05)


class Election:
    """One server, one time, and processes that want to lead."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.clock = FakeClock()
        self.tasks: list[asyncio.Task[None]] = []

    def candidate(self, identity: str) -> Lease:
        client, chance = Client(self.server), random.Random(identity)
        return Lease(client, "system", "modelrollout", identity, self.clock, chance, TIMES)

    def start(self, lease: Lease) -> asyncio.Task[None]:
        """Let it run for the lease, and keep it once it has it."""

        async def run() -> None:
            await lease.acquire()
            await lease.hold()

        self.tasks.append(asyncio.create_task(run()))
        return self.tasks[-1]

    @property
    def holder(self) -> str:
        return str(self.server.objects[PATH]["spec"]["holderIdentity"])


@pytest.fixture
async def election() -> AsyncIterator[Election]:
    found = Election()
    yield found
    for task in found.tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_the_first_one_leads_and_renews_and_the_second_stands_by(election: Election) -> None:
    first, second = election.candidate("a"), election.candidate("b")
    election.start(first)
    await settle()
    election.start(second)
    await election.clock.advance(60)
    assert (first.leading, second.leading, second.holder) == (True, False, "a")


async def test_after_a_crash_another_leads_within_twenty_seconds(election: Election) -> None:
    first, second = election.candidate("a"), election.candidate("b")
    crash = election.start(first)
    election.start(second)
    await election.clock.advance(5)
    crash.cancel()
    await election.clock.advance(20)
    assert election.holder == "b"
    assert second.leading
    assert not first.leading


async def test_at_no_moment_do_two_processes_believe_to_lead(election: Election) -> None:
    both = election.candidate("a"), election.candidate("b")
    tasks = [election.start(lease) for lease in both]
    for second in range(120):
        if second % 17 == 3:
            tasks[second % 2].cancel()
            tasks[second % 2] = election.start(both[second % 2])
        await election.clock.advance(1)
        assert sum(lease.leading for lease in both) <= 1


async def test_a_leader_that_cannot_renew_stops_five_seconds_before_others_may_take_over(election: Election) -> None:
    lease = election.candidate("a")
    task = election.start(lease)
    await election.clock.advance(1)
    election.server.before = lost
    await election.clock.advance(9.9)
    assert task.done()
    assert not lease.leading


@pytest.mark.slow
async def test_a_renewal_that_hangs_does_not_prolong_the_lease(election: Election) -> None:
    lease = election.candidate("a")
    task = election.start(lease)
    await election.clock.advance(1)
    election.server.hang = True
    for _ in range(8):
        await election.clock.advance(2.5)
        await asyncio.sleep(TIMES.call * 2)  # the call's own time-out is real time
    assert task.done()
    assert not lease.leading


async def test_a_renewal_whose_answer_is_lost_is_tried_again_and_leads_on(election: Election) -> None:
    lease = election.candidate("a")
    election.start(lease)
    await election.clock.advance(1)
    election.server.after = unanswered
    await election.clock.advance(2)
    election.server.after = lambda _: None
    await election.clock.advance(30)
    assert lease.leading


async def test_a_leader_whose_lease_another_one_took_stops_at_its_next_renewal(election: Election) -> None:
    lease = election.candidate("a")
    task = election.start(lease)
    await election.clock.advance(1)
    taken = election.server.objects[PATH]
    election.server.put(PATH, {**taken, "spec": {**taken["spec"], "holderIdentity": "b"}})
    await election.clock.advance(2.5)
    assert task.done()
    assert election.holder == "b"


async def test_a_leader_whose_lease_was_deleted_takes_it_again_if_nobody_was_faster(election: Election) -> None:
    lease = election.candidate("a")
    election.start(lease)
    await election.clock.advance(1)
    del election.server.objects[PATH]
    await election.clock.advance(2.5)
    assert lease.leading
    assert election.holder == "a"


async def test_a_lease_that_was_given_up_is_taken_at_the_next_try(election: Election) -> None:
    first, second = election.candidate("a"), election.candidate("b")
    holding = election.start(first)
    await settle()
    election.start(second)
    await election.clock.advance(5)
    holding.cancel()
    await settle()
    await first.release()
    assert not first.leading
    await election.clock.advance(3)
    assert second.leading


async def test_clocks_of_other_machines_do_not_matter(election: Election) -> None:
    election.start(election.candidate("a"))
    await settle()
    held = election.server.objects[PATH]
    for stamp in ("2020-01-01T00:00:00.000000Z", "2099-01-01T00:00:00.000000Z"):
        election.server.put(PATH, {**held, "spec": {**held["spec"], "renewTime": stamp, "holderIdentity": "far"}})
        late = election.candidate("b")
        election.start(late)
        await election.clock.advance(14)
        assert not late.leading
    await election.clock.advance(10)
    assert election.holder != "far"


async def test_nothing_is_written_when_the_lease_is_over(election: Election) -> None:
    lease = election.candidate("a")
    client = Client(election.server, fence=lease.remaining)
    with pytest.raises(NotLeading):
        await client.create(CONFIGMAPS, "risk", {"metadata": {"name": "x"}})
    election.start(lease)
    await election.clock.advance(1)
    await client.create(CONFIGMAPS, "risk", {"metadata": {"name": "x"}})
    sent = election.server.requests[-1]
    assert sent.timeout <= TIMES.renew
    election.tasks[-1].cancel()
    await election.clock.advance(10)
    with pytest.raises(NotLeading):
        await client.create(CONFIGMAPS, "risk", {"metadata": {"name": "y"}})
    bodies = [request.body for request in election.server.requests if request.path.endswith("configmaps")]
    assert [body["metadata"]["name"] for body in bodies] == ["x"]
