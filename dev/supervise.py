"""Runs the processes of a cluster and ends all of them together; started as `python -m dev.supervise <processes.json>`.

Inside the box this is the first process of the PID namespace, so it also reaps orphans. Every child is killed by the
kernel when the supervisor dies, however it dies.

With `--bound` it ends when its parent does, until the parent lets it go by a word on its standard input: a pipe is
closed by the kernel too, and unlike PR_SET_PDEATHSIG it does not depend on the thread that started the supervisor.
"""

import ctypes
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dev import paths

PR_SET_PDEATHSIG = 1
LAST_LINES = 5
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a cluster.

    Args:
        name: names its log file `<name>.log` in the folder of the logs.
        command: program and arguments.
        after: a URL that must answer 200 before the process is started; its certificate is not checked.
        environment: variables in addition to the supervisor's own.
    """

    name: str
    command: list[str]
    after: str = ""
    environment: dict[str, str] = field(default_factory=dict)


def write(path: Path, logs: Path, processes: list[Process]) -> None:
    """Write the file that the supervisor reads; the folder of the logs must exist when it starts."""
    path.write_text(json.dumps({"logs": str(logs), "processes": [asdict(process) for process in processes]}, indent=1))


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the thread that started it is gone."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def answers(url: str) -> bool:
    """Whether a GET of the URL gives 200 within a second."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(url, timeout=1, context=context) as response:  # noqa: S310 (our own https URLs)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def start(process: Process, logs: Path) -> subprocess.Popen[bytes]:
    """Start one process with its output in its log."""
    with (logs / f"{process.name}.log").open("ab") as log:
        return subprocess.Popen(
            process.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **process.environment},
            preexec_fn=die_with_parent,
        )


def run(spec: Path) -> int:
    """Run the processes until one of them ends or a signal asks to stop; then kill all. Returns the exit code."""
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, {*stop, signal.SIGCHLD})
    content = json.loads(spec.read_text())
    logs = Path(content["logs"])
    waiting = [Process(**process) for process in content["processes"]]
    running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
    try:
        while True:
            while waiting and (not waiting[0].after or answers(waiting[0].after)):
                process = waiting.pop(0)
                child = start(process, logs)
                running[child.pid] = (process.name, child)
            got = signal.sigtimedwait({*stop, signal.SIGCHLD}, 0.05 if waiting else 3600)
            if got and got.si_signo in stop:
                return 0
            for pid, code in _reap():
                if pid in running:
                    name, _ = running.pop(pid)
                    when = time.strftime("%H:%M:%S")
                    last = (logs / f"{name}.log").read_text(errors="replace").splitlines()[-LAST_LINES:]
                    print("\n".join([f"{when} {name} ended with {code} and said last:", *last]), flush=True)
                    return 1
    finally:
        for _, child in running.values():
            child.kill()
        for _, child in running.values():
            child.wait()


def _reap() -> list[tuple[int, int]]:
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append((pid, os.waitstatus_to_exitcode(status)))


def spawn(module: str, argument: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start `python -m <module> <argument> --bound` in a session of its own, bound to this process."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", module, str(argument), "--bound"],
            cwd=paths.CHECKOUT,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def let_go(process: subprocess.Popen[bytes]) -> None:
    """Let a process of `spawn` outlive this one."""
    assert process.stdin  # noqa: S101 (spawn made it)
    process.stdin.write(b"stay")
    process.stdin.close()
    # Left running on purpose: without a return code Python would warn about a forgotten child.
    process.returncode = 0


def bind_to_parent() -> None:
    """In a process of `spawn`: have this process asked to stop when its parent is gone without a word."""

    def watch() -> None:
        if not os.read(0, 16):
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    # Blocked before the thread starts, which inherits it: the signal must reach the loop and not end the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
    if "--bound" in sys.argv:
        bind_to_parent()
    sys.exit(run(Path(sys.argv[1])))
