"""The base that stands in for a public Python image: Debian with its own Python, from Debian's packages."""

import hashlib
from pathlib import Path

from dev.images import store
from dev.progress import step

SUITE = "bookworm"
PACKAGES = ("python3-minimal", "python3-venv", "ca-certificates")
# Manuals and translations are half of the files and are read by nobody; the licences stay.
PATHS = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


def arguments() -> list[str]:
    """The arguments of mmdebstrap that decide what is in the base."""
    options = [f"--dpkgopt={path}" for path in PATHS]
    return ["--variant=minbase", f"--include={','.join(PACKAGES)}", *options, SUITE]


def reference() -> str:
    """The name of the base in the store; another recipe has another name."""
    recipe = "\0".join(arguments())
    return f"localhost/modelrollout-base:{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"


def ensure(at: store.Store) -> str:
    """Make the base where the store does not have it, and return its name."""
    name = reference()
    if at.has(name):
        return name
    folder = at.root / "base"
    folder.mkdir(parents=True, exist_ok=True)
    tree = folder / "base.tar"
    with step("making the base image from Debian packages (a minute or two the first time, then kept)"):
        store.run(["mmdebstrap", "--quiet", *arguments(), str(tree)], log=at.root / "base.log")
        (folder / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["/usr/bin/python3"]\n')
        at.buildah("bud", "--quiet", "--tag", name, str(folder), log=at.root / "base.log")
    _clear(folder)
    return name


def _clear(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
