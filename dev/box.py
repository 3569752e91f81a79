"""The inside of the box; started as the first process of its namespaces: `python -m dev.box <folder of the cluster>`.

Gives the node a world in which it may write wherever Kubernetes' programs insist on writing: `/run`, `/var/log` and
`/var/lib` of its own, kernel settings that already read as kubelet wants them, and the cluster's folder at a short path
(a socket's path has room for 107 characters only).
"""

import json
import os
import subprocess
import sys
import time
from ipaddress import IPv4Network
from pathlib import Path

from dev import cgroups, network, supervise

HOME = Path("/run/cluster")
LINK_SECONDS = 20.0
# kubelet refuses other values, or changes them for the whole machine: files of the right content lie over them instead.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def _mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def furnish(folder: Path) -> None:
    """Mount what the node sees differently from the machine."""
    with_folder = os.open(folder, os.O_RDONLY)
    # kubelet's mounts must reach containers that ask for them; unshare has cut the tie to the host before.
    _mount("--make-rshared", "/")
    cgroups.mount_own()
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    HOME.mkdir()
    subprocess.run(["mount", "--bind", f"/proc/self/fd/{with_folder}", str(HOME)], check=True, pass_fds=[with_folder])
    os.close(with_folder)
    _mount("-t", "tmpfs", "tmpfs", "/var/log")
    changes, work = Path("/run/var-lib/changes"), Path("/run/var-lib/work")
    changes.mkdir(parents=True)
    work.mkdir()
    _mount("-t", "overlay", "-o", f"lowerdir=/var/lib,upperdir={changes},workdir={work}", "overlay", "/var/lib")
    for setting, value in KERNEL_SETTINGS.items():
        stand_in = Path("/run/kernel") / setting
        stand_in.parent.mkdir(parents=True, exist_ok=True)
        stand_in.write_text(f"{value}\n")
        if Path("/proc/sys", setting).exists():
            _mount("--bind", stand_in, Path("/proc/sys") / setting)


def await_link() -> None:
    """Wait until the keeper outside has put the node's end of the veth pair into this namespace."""
    deadline = time.monotonic() + LINK_SECONDS
    while "eth0:" not in Path("/proc/net/dev").read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no network link after {LINK_SECONDS:.0f} s")
        time.sleep(0.01)


def main(folder: Path) -> int:
    """Furnish the box, connect it, and run the cluster in it until it ends."""
    furnish(folder)
    await_link()
    layout = network.Layout(IPv4Network(json.loads((folder / "box.json").read_text())["network"]))
    cgroups.delegate()
    network.connect_node(layout)
    return supervise.run(HOME / "processes.json")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
