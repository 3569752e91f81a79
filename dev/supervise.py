"""Runs the processes of a cluster and ends all of them together; started as `python -m dev.supervise <processes.json>`.

Inside the box this is the first process of the PID namespace, so it also reaps orphans. Every child is killed by the
kernel when the supervisor dies, however it dies. With `--until-stdin-closes` it ends when its parent does: a pipe is
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

PR_SET_PDEATHSIG = 1
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
                    print(f"{when} {name} ended with {code}; its last words are in {logs / name}.log", flush=True)
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


def stop_when_stdin_closes() -> None:
    """Wait for the end of the pipe from the parent, then ask this process to stop."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    # Blocked before the thread starts, which inherits it: the signal must reach the loop and not end the process.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})
    if "--until-stdin-closes" in sys.argv:
        threading.Thread(target=stop_when_stdin_closes, daemon=True).start()
    sys.exit(run(Path(sys.argv[1])))
