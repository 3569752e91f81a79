"""Holds the box from outside: `python -m dev.keeper <folder of the cluster> --bound`.

Makes the namespaces, joins them to the machine, and, when whatever is inside ends or is killed, removes what the kernel
does not remove by itself (empty cgroups). If the keeper itself is killed, the kernel ends the box with it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

from dev import cgroups, lifetime, network, paths, supervise
from dev.progress import wait_until

UNSHARE = ("unshare", "--net", "--mount", "--pid", "--cgroup", "--fork", "--mount-proc", "--kill-child")


def _enter_and_die_with_parent(doors: list[Path]) -> Callable[[], None]:
    def before_exec() -> None:
        cgroups.enter(doors)
        supervise.die_with_parent()

    return before_exec


def _child_of(pid: int) -> int | None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def main(folder: Path) -> int:
    """Run the box until it ends or a signal asks to end it; returns the exit code."""
    signals = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    supervise.bind_to_parent()
    layout = network.Layout(IPv4Network(json.loads((folder / "box.json").read_text())["network"]))
    outer = subprocess.Popen(
        [*UNSHARE, sys.executable, "-m", "dev.box", str(folder)],
        cwd=paths.CHECKOUT,
        stdin=subprocess.DEVNULL,
        preexec_fn=_enter_and_die_with_parent(cgroups.make(lifetime.cgroup(folder))),
    )
    try:
        wait_until(lambda: outer.poll() is not None or _child_of(outer.pid) is not None, "the box", 10, pause=0.01)
        init = _child_of(outer.pid)
        if init is None:
            return 1
        cgroups.settle(lifetime.cgroup(folder), outer.pid)
        network.connect_host(layout, lifetime.interface(folder), init)
        lifetime.note(folder, os.getpid(), init=init, network=str(layout.network))
        while outer.poll() is None:
            got = signal.sigwait(signals)
            if got != signal.SIGCHLD:
                return 0
        return outer.returncode
    finally:
        outer.kill()
        outer.wait()
        cgroups.remove_when_empty(lifetime.cgroup(folder))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
