"""Gives a cluster a cgroup of its own in every hierarchy of the machine, version 1 or 2, and removes it again.

The box sees this cgroup as the root (a cgroup namespace), so what kubelet and containerd make lies below it, and
removing the one tree removes all of it without touching another cluster's.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dev.progress import wait_until

ROOT = Path("/sys/fs/cgroup")
LEAF = "init"
NEEDED = ("cpuset", "cpu", "memory", "pids")
NOT_CONTROLLERS = {"rw", "ro", "xattr", "clone_children", "nsdelegate", "memory_recursiveprot", "noprefix"}


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted cgroup file system: where, of which type, and the mount options that select it."""

    mountpoint: Path
    kind: str
    options: str


def hierarchies(mountinfo: str) -> list[Hierarchy]:
    """The cgroup file systems in the text of /proc/self/mountinfo."""
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind not in {"cgroup", "cgroup2"}:
            continue
        chosen = [option for option in options.split(",") if option.partition("=")[0] not in NOT_CONTROLLERS]
        # A hierarchy without controllers is told by its name, and wants to hear that it has none.
        named = bool(chosen) and all(option.startswith("name=") for option in chosen)
        selects = ",".join([*(["none"] if named else []), *chosen]) if kind == "cgroup" else ""
        found.append(Hierarchy(Path(left.split(" ")[4]), kind, selects))
    return found


def mounted() -> list[Hierarchy]:
    """The cgroup file systems of this machine."""
    return hierarchies(Path("/proc/self/mountinfo").read_text())


def make(name: str) -> list[Path]:
    """Make the cgroup in every hierarchy; returns the files to which a process writes its number to move in."""
    doors = []
    for hierarchy in mounted():
        folder = hierarchy.mountpoint / name
        folder.mkdir(exist_ok=True)
        if hierarchy.kind == "cgroup2":
            _hand_on(hierarchy.mountpoint, NEEDED)
        if "cpuset" in hierarchy.options.split(","):
            # In version 1 a new cpuset is empty, and no process may enter it before it has processors and memory.
            for part in ("cpuset.cpus", "cpuset.mems"):
                (folder / part).write_text((hierarchy.mountpoint / part).read_text())
        doors.append(folder / "cgroup.procs")
    return doors


def enter(doors: list[Path]) -> None:
    """Move this process in."""
    for door in doors:
        door.write_text(str(os.getpid()))


def settle(name: str, pid: int) -> None:
    """Move a process from the cluster's cgroup into a leaf below it, where version 2 wants processes to be."""
    for hierarchy in mounted():
        if hierarchy.kind == "cgroup2":
            leaf = hierarchy.mountpoint / name / LEAF
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text(str(pid))


def mount_own() -> None:
    """Inside the new namespaces: mount every hierarchy again, so that the own cgroup is the root that is seen."""
    all_hierarchies = mounted()
    if all_hierarchies[0].mountpoint != ROOT:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(ROOT)], check=True)
    for hierarchy in all_hierarchies:
        hierarchy.mountpoint.mkdir(exist_ok=True)
        options = ["-o", hierarchy.options] if hierarchy.options else []
        command = ["mount", "-t", hierarchy.kind, *options, hierarchy.kind, str(hierarchy.mountpoint)]
        subprocess.run(command, check=True)


def delegate() -> None:
    """Inside, once the process outside has settled: hand the controllers of version 2 on to kubelet's cgroups.

    Version 2 gives controllers only to the children of a cgroup that has no processes of its own.
    """
    for hierarchy in mounted():
        if hierarchy.kind == "cgroup2":
            leaf = hierarchy.mountpoint / LEAF
            leaf.mkdir(exist_ok=True)
            for pid in (hierarchy.mountpoint / "cgroup.procs").read_text().split():
                (leaf / "cgroup.procs").write_text(pid)
            _hand_on(hierarchy.mountpoint, (hierarchy.mountpoint / "cgroup.controllers").read_text().split())


def _hand_on(folder: Path, controllers: Iterable[str]) -> None:
    control = folder / "cgroup.subtree_control"
    available = (folder / "cgroup.controllers").read_text().split()
    missing = (set(controllers) & set(available)) - set(control.read_text().split())
    for controller in sorted(missing):
        control.write_text(f"+{controller}")


def remove_when_empty(name: str, seconds: float = 10.0) -> None:
    """Remove the cgroup as soon as the last process in it is gone."""

    def gone() -> bool:
        remove(name)
        return not any((hierarchy.mountpoint / name).exists() for hierarchy in mounted())

    wait_until(gone, f"the end of all processes in cgroup {name}", seconds, pause=0.02)


def remove(name: str) -> None:
    """Remove the cgroup and all below it, in every hierarchy, as far as no process is in it."""
    for hierarchy in mounted():
        top = hierarchy.mountpoint / name
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(FileNotFoundError, OSError):
                Path(folder).rmdir()
