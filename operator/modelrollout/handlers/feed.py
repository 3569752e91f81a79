"""Our own two kinds, watched by kopf: the only handlers there are tell the operator what happened, and return nothing.

kopf runs in a thread with an event loop of its own. When it ends (it does on watch errors that it does not expect, and
on lists that fail for a minute) it cancels every task of its loop that is younger than itself: ours must not be there.
"""

import asyncio
import contextlib
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import kopf

from modelrollout.kube.backoff import Backoff
from modelrollout.kube.resources import COMMANDS, MODELROLLOUTS, Obj, Resource
from modelrollout.kube.transport import Credentials

_log = logging.getLogger(__name__)

_RESTARTS = Backoff(first=1.0, most=30.0)
_CALM = 60.0
_FAREWELL = 0.25

Deliver = Callable[[Resource, str | None, Obj], None]


class _Endless:
    """Growing pauses without end, for as many attempts as a network needs to come back."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def __iter__(self) -> Iterator[float]:
        backoff, attempt = Backoff(first=0.5, most=20.0), 0
        while True:
            attempt += 1
            yield backoff.after(attempt, self._chance)


class Feed:
    """Delivers every event of our kinds into the loop that `start` was called in; starts kopf again when it ends."""

    def __init__(
        self,
        namespaces: tuple[str, ...],
        credentials: Callable[[], Awaitable[Credentials]],
        deliver: Deliver,
        chance: random.Random,
        identity: str,
    ) -> None:
        self._namespaces = namespaces
        self._credentials = credentials
        self._deliver = deliver
        self._chance = chance
        self._identity = identity
        self._stopped = threading.Event()
        self._watching = threading.Event()
        self._thread: threading.Thread | None = None
        self._end_kopf: Callable[[], object] = lambda: None

    @property
    def alive(self) -> bool:
        """Whether kopf is up, or was told to stop."""
        return self._watching.is_set() or self._stopped.is_set()

    def start(self) -> None:
        """Begin to watch."""
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._supervise, args=(loop,), name="kopf", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End, and wait until kopf has."""
        self._stopped.set()
        with contextlib.suppress(RuntimeError):  # kopf has ended by itself, and its loop with it
            self._end_kopf()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 10.0)

    def _supervise(self, loop: asyncio.AbstractEventLoop) -> None:
        failures = 0
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                asyncio.run(self._run(loop))
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever ended kopf, it is started again
                _log.warning("kopf ended: %s: %s", type(error).__name__, error)
            self._watching.clear()
            failures = 1 if time.monotonic() - began > _CALM else failures + 1
            self._stopped.wait(_RESTARTS.after(failures, self._chance))

    async def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        # Of kopf's own loop: kopf waits for a flag of threads in a thread, which would still wait for it, and keep the
        # loop from closing, when kopf has long ended for another reason.
        stop, here = asyncio.Event(), asyncio.get_running_loop()
        self._end_kopf = lambda: here.call_soon_threadsafe(stop.set)
        if self._stopped.is_set():
            return
        try:
            await kopf.operator(
                registry=self._registry(loop),
                settings=self._settings(),
                clusterwide=not self._namespaces,
                namespaces=self._namespaces,
                standalone=True,
                # kopf would ask for the name of the user it runs as, and a container's user has none.
                identity=self._identity,  # type: ignore[arg-type]  # its NewType of str is not public
                stop_flag=stop,
                ready_flag=self._watching,
            )
        finally:
            # A TLS connection that was told to close does so in later turns of its loop, and aiohttp tells nobody when
            # it has: without them every end of kopf would leave a socket behind.
            await asyncio.sleep(_FAREWELL)

    def _registry(self, loop: asyncio.AbstractEventLoop) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.ConnectionInfo:
            # The credentials belong to the operator's loop, and are renewed there.
            future = asyncio.run_coroutine_threadsafe(_coroutine(self._credentials()), loop)
            found = await asyncio.wrap_future(future)
            return kopf.ConnectionInfo(
                server=found.server,
                ca_path=found.ca_file,
                insecure=not found.verify,
                scheme="Bearer" if found.token else None,
                token=found.token,
                certificate_path=found.certificate_file,
                private_key_path=found.key_file,
            )

        def tell(resource: Resource) -> None:
            @kopf.on.event(resource.group, resource.version, resource.plural, registry=registry)
            async def told(event: kopf.RawEvent, **_: object) -> None:
                # A coroutine, though it awaits nothing: kopf would run a function in one of many threads.
                obj: Obj = dict(event["object"])
                loop.call_soon_threadsafe(self._deliver, resource, event["type"], obj)

        tell(MODELROLLOUTS)
        tell(COMMANDS)
        return registry

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.posting.enabled = False
        settings.scanning.disabled = True
        settings.peering.standalone = True
        settings.watching.server_timeout = 300
        settings.watching.connect_timeout = 10
        settings.watching.inactivity_timeout = 70
        settings.networking.connect_timeout = 10
        settings.networking.request_timeout = 30
        settings.networking.error_backoffs = _Endless(self._chance)
        settings.queueing.worker_limit = None
        # It would kill this process ten minutes after every restart of kopf.
        settings.process.ultimate_exiting_timeout = None
        return settings


async def _coroutine(awaitable: Awaitable[Credentials]) -> Credentials:
    return await awaitable
