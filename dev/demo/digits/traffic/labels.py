"""True labels, told to the collector some time after the request, as whoever knows the truth would do it."""

import asyncio
import heapq
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

SECONDS = 1.0
"""Between two posts."""
MOST = 2000
"""Labels in one post."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where labels go.

    Args:
        collector: URL, without a path.
        token: bearer token, empty for none.
        namespace, rollout: whose labels they are.
        age: seconds from sending a request to its label.
    """

    collector: str
    token: str
    namespace: str
    rollout: str
    age: float


class Labels:
    """Remembers the truth about each request, and posts it when it is old enough.

    Nothing is remembered before there is somebody to tell.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._address: Address | None = None
        self._young: list[tuple[float, str, int]] = []
        self.posted = 0
        self.problem = ""

    def begin(self, address: Address) -> None:
        """Tell this collector from now on."""
        self._address = address

    def note(self, request_id: str, truth: int, sent: float) -> None:
        """A request was sent whose digit is `truth`; `sent` in seconds since the epoch."""
        if self._address is not None:
            heapq.heappush(self._young, (sent + self._address.age, request_id, truth))

    async def post(self, session: aiohttp.ClientSession) -> None:
        """Post what is due, every second, for ever. What the collector did not take is posted again."""
        while True:
            await asyncio.sleep(SECONDS)
            if self._address is None:
                continue
            due = self._due()
            if due and not await self._send(session, self._address, due):
                for one in due:
                    heapq.heappush(self._young, one)

    def _due(self) -> list[tuple[float, str, int]]:
        now, found = self._clock(), list[tuple[float, str, int]]()
        while self._young and self._young[0][0] <= now and len(found) < MOST:
            found.append(heapq.heappop(self._young))
        return found

    async def _send(
        self, session: aiohttp.ClientSession, address: Address, due: Sequence[tuple[float, str, int]]
    ) -> bool:
        listed = [_label(address, *one) for one in due]
        headers = {"Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {address.token}"} if address.token else {}
        try:
            async with session.post(
                f"{address.collector}/v1/labels", data=json.dumps(listed), headers=headers
            ) as answer:
                if answer.status >= 300:
                    self.problem = f"{answer.status}: {(await answer.text())[:300]}"
                    return False
        except (aiohttp.ClientError, TimeoutError) as error:
            self.problem = repr(error)
            return False
        self.posted += len(due)
        self.problem = ""
        return True


def _label(address: Address, due: float, request_id: str, truth: int) -> Mapping[str, object]:
    return {
        "namespace": address.namespace,
        "rollout": address.rollout,
        "id": request_id,
        "value": truth,
        "time": datetime.fromtimestamp(due, UTC).isoformat(timespec="milliseconds"),
    }
