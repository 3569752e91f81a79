"""Operators as processes: started, killed, stopped, and started again by a supervisor as a kubelet would."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from modelrollout.reconciler.watchdog import EXIT_CODE
from tests.cluster.faults.child import Script

ROOT = Path(__file__).parents[3]

PASS: Script = []


class Nursery:
    """The process that operators are forked from."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._started: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        # One thread for linear algebra: what is forked must not have threads.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.cluster.faults.child"]
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment
        )
        self._reader = asyncio.create_task(self._read(), name="nursery")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reader is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader

    async def start(self, environment: Mapping[str, str], script: Script, log: Path) -> "Program":
        """Start an operator with these environment variables, added to the search path alone."""
        assert self._process is not None
        assert self._process.stdin is not None
        order = {"environment": {"PATH": os.environ["PATH"], **environment}, "script": script, "log": str(log)}
        async with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            pid = await self._started.get()
        return Program(pid, self._ended[pid])

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            news = json.loads(line)
            if "started" in news:
                self._ended[news["started"]] = asyncio.get_running_loop().create_future()
                self._started.put_nowait(news["started"])
            else:
                self._ended[news["ended"]].set_result(news["code"])


class Program:
    """One operator process; `ended` holds its exit code, or minus the signal that killed it."""

    def __init__(self, pid: int, ended: asyncio.Future[int]) -> None:
        self._pid = pid
        self.ended = ended

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process is gone."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)

    async def kill(self) -> None:
        """SIGKILL, and wait until it is dead."""
        self.signal(signal.SIGKILL)
        await asyncio.shield(self.ended)


class Supervisor:
    """Keeps an operator running: whatever ends it, it is started again, under the same identity as in a pod.

    Attributes:
        codes: how its processes ended, in order.
        started_at: when the present process was started (monotonic).
    """

    def __init__(self, nursery: Nursery, environment: Mapping[str, str], script: Script, log: Path) -> None:
        self._nursery = nursery
        self._environment = environment
        self._script = script
        self._log = log
        self.codes: list[int] = []
        self.program: Program | None = None
        self.started_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="supervisor")

    async def kill(self) -> None:
        """Kill the present process; another one follows."""
        assert self.program is not None
        await self.program.kill()

    async def end(self) -> None:
        """Start no other process, and let none live."""
        await self._let_be()
        if self.program is not None:
            await self.program.kill()

    async def stop(self) -> int:
        """Ask the present process to end, start no other; returns its exit code."""
        await self._let_be()
        assert self.program is not None
        self.program.signal(signal.SIGCONT)
        self.program.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(20):
                return await asyncio.shield(self.program.ended)
        except TimeoutError:
            await self.program.kill()
            raise AssertionError(f"an operator did not end on SIGTERM, see {self._log}") from None

    def last_words(self) -> str:
        """The end of the log of all processes."""
        return self._log.read_text()[-3000:] if self._log.exists() else ""

    async def _let_be(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    @property
    def crashes(self) -> list[int]:
        """Ends that nobody asked for: neither a kill nor a lost lease."""
        return [code for code in self.codes if code not in (-signal.SIGKILL, EXIT_CODE)]

    async def _run(self) -> None:
        while True:
            self.started_at = time.monotonic()
            # Whoever cancels this wants to know of the process that is being started.
            start = asyncio.ensure_future(self._nursery.start(self._environment, self._script, self._log))
            try:
                self.program = await asyncio.shield(start)
            except asyncio.CancelledError:
                self.program = await start
                raise
            self.codes.append(await asyncio.shield(self.program.ended))
