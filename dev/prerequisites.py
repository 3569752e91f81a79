"""Debian packages that the whole cluster needs, and what the machine must allow; checked before anything starts."""

import os
import shutil
import subprocess
from pathlib import Path

from dev import node
from dev.errors import DevError
from dev.progress import step

# What is looked for, and the package that has it.
COMMANDS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
}
INSTEAD = "`make control-plane` needs none of this and is enough for the cluster tests."
POLICY = Path("/usr/sbin/policy-rc.d")


def missing_packages() -> list[str]:
    """The packages that this machine lacks, each once."""
    lacking = {package for command, package in COMMANDS.items() if not shutil.which(command)}
    if not any((folder / "ptp").exists() for folder in node.CNI_FOLDERS):
        lacking.add("containernetworking-plugins")
    return sorted(lacking)


def install() -> None:
    """Install what a whole cluster needs and this machine lacks.

    Raises:
        DevError: no root, or no apt-get.
    """
    install_packages(missing_packages())


def install_packages(packages: list[str]) -> None:
    """Install Debian packages without starting any service that they bring; does nothing for an empty list.

    Raises:
        DevError: no root, no apt-get, or apt-get failed.
    """
    if not packages:
        return
    listed = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise DevError(f"These packages are missing and need root and apt-get to be installed: {listed}. {INSTEAD}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    # Debian's packages ask this file whether they may start their service; 101 says no.
    ours = not POLICY.exists()
    with step(f"installing {listed}"):
        try:
            if ours:
                POLICY.write_text("#!/bin/sh\nexit 101\n")
                POLICY.chmod(0o755)
            subprocess.run([*apt, "update"], check=True, env=environment)
            install = [*apt, "install", "--yes", "--no-install-recommends", *packages]
            subprocess.run(install, check=True, env=environment, stdout=subprocess.DEVNULL)
        except subprocess.CalledProcessError as error:
            raise DevError(f"`{' '.join(map(str, error.cmd))}` failed; its message stands above. {INSTEAD}") from error
        finally:
            if ours:
                POLICY.unlink(missing_ok=True)


def check_abilities() -> None:
    """See whether this process may do what a node takes.

    Raises:
        DevError: no root, or no new namespaces; says what to run instead.
    """
    if os.geteuid() != 0:
        raise DevError(f"The whole cluster needs root (containers, a network of its own): run it with sudo. {INSTEAD}")
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--cgroup", "--fork", "--mount-proc", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        why = tried.stderr.strip().splitlines()[-1:] or ["unshare failed"]
        raise DevError(f"This machine gives root no new namespaces ({why[0]}): a virtual machine does. {INSTEAD}")
