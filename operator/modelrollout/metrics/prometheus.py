"""One Prometheus: instant queries from worker threads, each with an end."""

import asyncio
import threading
from concurrent.futures import Executor
from dataclasses import dataclass

from prometheus_api_client.exceptions import PrometheusApiClientException
from prometheus_api_client.prometheus_connect import PrometheusConnect

from modelrollout.metrics.answers import Answer, answer_of
from modelrollout.metrics.errors import BadQuery, NotPrometheus, TimedOut
from modelrollout.metrics.session import BoundedSession, no_retries

MAX_QUERY = 32 * 1024
"""Characters of a query, placeholders and matchers filled in."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a question may cost.

    Attributes:
        connect: seconds to establish a connection.
        seconds: seconds for the whole answer.
        largest: bytes of the answer, unpacked.
    """

    connect: float = 2.0
    seconds: float = 8.0
    largest: int = 8 << 20


DEFAULT_BOUNDS = Bounds()


class Prometheus:
    """Asks one Prometheus server.

    prometheus-api-client blocks and waits without end by default; here each thread of the executor has a client of its
    own around a session with bounds, and the event loop never waits longer than the bounds say.
    """

    def __init__(
        self, address: str, executor: Executor, bounds: Bounds = DEFAULT_BOUNDS, token: str = "", slots: int = 4
    ) -> None:
        """Prepare to ask; nothing is sent yet.

        Args:
            address: one that was checked before (`addresses.check_address`).
            executor: whose threads wait for the answers.
            bounds: what one query may cost.
            token: bearer token to send, if any.
            slots: queries under way at once, so that a server that hangs does not hold every thread.
        """
        self.address = address
        self._executor = executor
        self._bounds = bounds
        self._token = token
        self._local = threading.local()
        self._slots = asyncio.Semaphore(slots)

    async def query(self, query: str, at: float) -> Answer:
        """Evaluate `query` at the moment `at`, in seconds since the epoch.

        Raises:
            PrometheusError: there is no answer; its leaf and its message say why.
        """
        if len(query) > MAX_QUERY:
            raise BadQuery(f"the query has {len(query):,} characters, and {MAX_QUERY:,} are sent at most")
        loop = asyncio.get_running_loop()
        patience = self._bounds.connect + self._bounds.seconds + 1
        try:
            # The thread's own bounds come first; this one holds where a header trickles in or no thread is free.
            async with asyncio.timeout(2 * patience), self._slots:
                return await loop.run_in_executor(self._executor, self._ask, query, at)
        except TimeoutError:
            raise TimedOut(f"{self.address} did not answer within {2 * patience:g} s") from None

    def _ask(self, query: str, at: float) -> Answer:
        client, session = self._client()
        try:
            client.custom_query(query, params={"time": f"{at:.3f}", "timeout": f"{self._bounds.seconds:g}s"})
        except PrometheusApiClientException as error:
            raise NotPrometheus(str(error)[:200]) from error
        return answer_of(session.take())

    def _client(self) -> tuple[PrometheusConnect, BoundedSession]:
        pair: tuple[PrometheusConnect, BoundedSession] | None = getattr(self._local, "pair", None)
        if pair is None:
            bounds = self._bounds
            session = BoundedSession(
                connect=bounds.connect, seconds=bounds.seconds, largest=bounds.largest, token=self._token
            )
            client = PrometheusConnect(url=self.address, retry=no_retries(), session=session, method="POST")
            pair = self._local.pair = (client, session)
        return pair
