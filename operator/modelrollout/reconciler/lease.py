"""Who leads: one process at a time, by a Lease that it must renew, and it knows for how long it still leads.

The lease keeps two operators from working against each other; it is not what makes writes safe (a process can be
stopped between looking at the clock and sending). That is the resourceVersion in every write.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable
from dataclasses import dataclass

from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import AlreadyExists, Conflict, KubeError, NotFound, OutcomeUnknown
from modelrollout.kube.resources import LEASES, Obj
from modelrollout.manifests.lease import LeaseState, lease_object, read_lease

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How patient the election is, in seconds.

    Attributes:
        duration: unrenewed for so long, the lease is for others to take.
        renew: unrenewed for so long, its holder stops by itself; the difference is what a call under way has to end.
        retry: pause between tries.
        call: longest call.
    """

    duration: float = 15.0
    renew: float = 10.0
    retry: float = 2.0
    call: float = 2.0


class Lease:
    """One process's share in the election.

    Attributes:
        holder: who led when the lease was last read, empty when nobody did.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        clock: Clock,
        chance: random.Random,
        times: LeaseTimes | None = None,
    ) -> None:
        self._client = client
        self._where = (LEASES, namespace, name)
        self._identity = identity
        self._clock = clock
        self._chance = chance
        self._times = times or LeaseTimes()
        self._valid_until = -1.0
        self._object: Obj | None = None
        self._seen: tuple[LeaseState, float] | None = None
        self.holder = ""

    def remaining(self) -> float:
        """Seconds for which this process surely leads; zero or less when it does not."""
        return self._valid_until - self._clock.monotonic()

    @property
    def leading(self) -> bool:
        """Whether this process surely leads now."""
        return self.remaining() > 0

    async def acquire(self) -> None:
        """Wait until this process leads."""
        while True:
            try:
                if await self._take():
                    return
            except KubeError as error:
                _log.warning("lease: %s", error)
            await self._clock.sleep(self._times.retry * (1 + 0.2 * self._chance.random()))

    async def hold(self) -> None:
        """Renew the lease; returns when it is lost: another holds it, or it could not be renewed in time."""
        while self.leading:
            await self._clock.sleep(min(self._times.retry, max(0.0, self.remaining())))
            try:
                if not await self._renew():
                    self._valid_until = -1.0
            except KubeError as error:
                _log.warning("lease: %s", error)

    async def release(self) -> None:
        """Give the lease up, so that another process need not wait for its end."""
        if not self.leading or self._object is None:
            return
        self._valid_until = -1.0
        try:
            try:
                await self._give_up()
            except Conflict:
                # A renewal that was under way had come first.
                self._object = await self._bounded(self._client.get(*self._where))
                if read_lease(self._object).holder == self._identity:
                    await self._give_up()
        except KubeError as error:
            _log.warning("lease: not released: %s", error)

    async def _give_up(self) -> None:
        await self._put(LeaseState("", 1.0, self._clock.now(), self._transitions()))

    async def _take(self) -> bool:
        """Take the lease if nobody has it."""
        try:
            self._object = await self._bounded(self._client.get(*self._where))
        except NotFound:
            return await self._create()
        state = read_lease(self._object)
        self.holder = state.holder
        now = self._clock.monotonic()
        if self._seen is None or self._seen[0] != state:
            self._seen = state, now
        # Another machine's clock says nothing here: what counts is for how long the lease was seen unchanged.
        if state.holder and state.holder != self._identity and now - self._seen[1] < state.duration:
            return False
        return await self._write(state.transitions + (state.holder != self._identity))

    async def _renew(self) -> bool:
        """Renew the lease; False if another has it."""
        try:
            return await self._write(self._transitions())
        except Conflict:
            self._object = await self._bounded(self._client.get(*self._where))
            self.holder = read_lease(self._object).holder
            return self.holder == self._identity and await self._write(self._transitions())
        except NotFound:
            return await self._create()

    async def _create(self) -> bool:
        sent = self._clock.monotonic()
        _, namespace, name = self._where
        body = lease_object(namespace, name, self._state(0), None)
        try:
            self._object = await self._bounded(self._client.create(LEASES, namespace, body))
        except AlreadyExists:
            return False
        self._won(sent)
        return True

    async def _write(self, transitions: int) -> bool:
        sent = self._clock.monotonic()
        try:
            await self._put(self._state(transitions))
        except Conflict:
            if self.leading:
                raise
            return False
        self._won(sent)
        return True

    async def _put(self, state: LeaseState) -> None:
        _, namespace, name = self._where
        body = lease_object(namespace, name, state, self._object)
        self._object = await self._bounded(self._client.replace(*self._where, body))

    def _won(self, sent: float) -> None:
        # Counted from before the request left: the others count from when they see it, which is later.
        self._valid_until = sent + self._times.renew
        self.holder = self._identity

    def _state(self, transitions: int) -> LeaseState:
        return LeaseState(self._identity, self._times.duration, self._clock.now(), transitions)

    def _transitions(self) -> int:
        return read_lease(self._object).transitions if self._object else 0

    async def _bounded(self, call: Awaitable[Obj]) -> Obj:
        seconds = min(self._times.call, self.remaining()) if self.leading else self._times.call
        try:
            async with asyncio.timeout(seconds):
                return await call
        except TimeoutError:
            raise OutcomeUnknown(f"no answer in {seconds:.1f} s") from None
