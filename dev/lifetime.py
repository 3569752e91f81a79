"""Which process holds a cluster, and how a cluster ends without leaving anything behind."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from dev import cgroups, paths
from dev.errors import DevError
from dev.progress import wait_until

END_SECONDS = 30.0


def identity(folder: Path) -> str:
    """Eight characters that tell a cluster from those of other names and other checkouts on this machine."""
    return hashlib.sha256(str(folder).encode()).hexdigest()[:8]


def interface(folder: Path) -> str:
    """The host's end of the cluster's veth pair."""
    return f"mr-{identity(folder)}"


def cgroup(folder: Path) -> str:
    """The cgroup, in every hierarchy, below which everything of the cluster runs."""
    return f"modelrollout-{identity(folder)}"


def note(folder: Path, pid: int, **facts: str | int) -> None:
    """Note which process holds the cluster; its start time tells it from a later process with the same number."""
    partial = folder / "state.json.partial"
    partial.write_text(json.dumps({"pid": pid, "started": _field(pid, 19), **facts}))
    partial.rename(folder / "state.json")


def state(folder: Path) -> dict[str, Any]:
    """What `note` wrote; empty where there is nothing."""
    try:
        content: dict[str, Any] = json.loads((folder / "state.json").read_text())
    except FileNotFoundError:
        return {}
    return content


def holder(folder: Path) -> int | None:
    """The process that holds the cluster, or None when it is gone."""
    noted = state(folder)
    alive = noted and noted["started"] and _field(noted["pid"], 19) == noted["started"]
    return noted["pid"] if alive and _field(noted["pid"], 0) != "Z" else None


def refuse_if_running(folder: Path) -> None:
    """Raise DevError when a cluster of this name runs."""
    if holder(folder):
        raise DevError(
            f"A cluster named {folder.name!r} is already running: "
            f"end it with `python -m dev down --name {folder.name}` or choose another --name."
        )


def end(name: str) -> None:
    """End a cluster, running or crashed, and remove every trace of it; does nothing where there is none."""
    folder = paths.cluster_folder(name)
    pid = holder(folder)
    if pid:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: holder(folder) is None, f"the end of process {pid}", END_SECONDS)
    sweep(folder)


def sweep_crashed(clusters: Path) -> list[str]:
    """Sweep every cluster whose holder has died without ending it; returns their names.

    A folder without a note belongs to a cluster that is just being started, and is left alone.
    """
    crashed = [folder for folder in sorted(clusters.glob("*")) if state(folder) and holder(folder) is None]
    for folder in crashed:
        sweep(folder)
    return [folder.name for folder in crashed]


def sweep(folder: Path) -> None:
    """Remove what a cluster without processes left: interface (and with it the routes), cgroups, folder."""
    if Path("/sys/class/net", interface(folder)).exists():
        # The kernel also removes the pair, once it has taken down the namespace: who comes second finds nothing.
        subprocess.run(["ip", "link", "delete", interface(folder)], check=False, capture_output=True)
    cgroups.remove_when_empty(cgroup(folder))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _field(pid: int, index: int) -> str:
    """A field of /proc/<pid>/stat, counted from the state (0) on; 19 is the start time. Empty without a process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[index]
    except (FileNotFoundError, ProcessLookupError):
        return ""
