"""Programs that build images, from the distribution where they are missing."""

import os
import shutil
import subprocess

from dev.errors import DevError
from dev.progress import step

# Program → Debian package. Neither package starts a service.
PROGRAMS = {"buildah": "buildah", "mmdebstrap": "mmdebstrap", "unshare": "util-linux"}
# The base is Debian whatever distribution this machine runs, so its keys are needed on Ubuntu too.
KEYRING = ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring")


def missing() -> list[str]:
    """The packages that would have to be installed."""
    packages = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    return packages if os.path.exists(KEYRING[0]) else [*packages, KEYRING[1]]  # noqa: PTH110 (a constant path)


def ensure() -> None:
    """Install what is missing.

    Raises:
        DevError: without root, or on a machine without apt-get.
    """
    packages = missing()
    if os.geteuid() != 0:
        raise DevError(
            "Building images needs root, because it writes a root file system; run the same command with sudo."
        )
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise DevError(f"Building images needs {', '.join(packages)}, and there is no apt-get; install them by hand.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(packages)}"):
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(
                [command[0], "-qq", "-o", "DPkg::Lock::Timeout=300", *command[1:]],
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise DevError(f"`{' '.join(command)}` failed: {(done.stderr or done.stdout).strip()[-800:]}")
