"""A container storage of our own below the cache, and buildah on it: the machine's own storage is never touched."""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dev import paths
from dev.errors import DevError

LAST_LINES = 25


def run(command: list[str], *, log: Path, environment: dict[str, str] | None = None) -> None:
    """Run a long command with its output in a log.

    Raises:
        DevError: it failed; the message has the end of the log.
    """
    with log.open("wb") as file:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment, check=False)
    if done.returncode:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
        raise DevError(f"`{command[0]}` ended with {done.returncode} (all of its output is in {log}):\n{end}")


@dataclass(frozen=True, slots=True)
class Store:
    """Layers and images on disk.

    Args:
        root: the folder that holds all of it.
    """

    root: Path

    @classmethod
    def open(cls) -> "Store":
        """The store below the cache, with settings of its own."""
        root = paths.cache() / "images"
        root.mkdir(parents=True, exist_ok=True)
        _keep(root / "policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}\n')
        _keep(root / "registries.conf", "unqualified-search-registries = []\n")
        where = f'graphroot = "{root / "storage"}"\nrunroot = "{root / "run"}"\n'
        _keep(root / "storage.conf", f'[storage]\ndriver = "{_driver()}"\n{where}')
        return cls(root)

    def command(self, verb: str, arguments: Iterable[str]) -> list[str]:
        """A buildah command line; in a mount namespace of its own, so that no mount outlives it, however it ends."""
        checked = {
            "bud": ["--signature-policy", str(self.root / "policy.json"), "--pull-never", "--layers"],
            "push": ["--signature-policy", str(self.root / "policy.json"), "--quiet"],
        }
        own = ["unshare", "--mount", "buildah", "--registries-conf", str(self.root / "registries.conf")]
        return [*own, verb, *checked.get(verb, []), *arguments]

    def environment(self) -> dict[str, str]:
        """The variables under which buildah uses this store and needs neither a service nor a runtime."""
        return {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(self.root / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
            "TMPDIR": str(self.root),  # large intermediate files; /tmp may be small or in memory
        }

    def buildah(self, verb: str, *arguments: str, log: Path) -> None:
        """Run buildah on this store.

        Raises:
            DevError: it failed.
        """
        run(self.command(verb, arguments), log=log, environment=self.environment())

    def has(self, reference: str) -> bool:
        """Whether an image of this name is here."""
        command = self.command("inspect", ["--type", "image", "--format", "{{.FromImageID}}", reference])
        return subprocess.run(command, env=self.environment(), capture_output=True, check=False).returncode == 0


def _keep(path: Path, text: str) -> None:
    # Another run may be reading it: with half of its settings buildah would work on the machine's own storage.
    if path.exists() and path.read_text() == text:
        return
    whole = path.with_suffix(f".{os.getpid()}")
    whole.write_text(text)
    whole.rename(path)


def _driver() -> str:
    # "vfs" copies every layer whole, but works where the kernel has no overlay file system.
    return "overlay" if "overlay" in Path("/proc/filesystems").read_text() else "vfs"
