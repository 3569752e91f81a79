"""Runs kubectl, helm and the like against one cluster."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from dev.errors import DevError


def run(command: Sequence[str], kubeconfig: Path, text: str | None = None) -> str:
    """Run a command against the cluster of the kubeconfig, with `text` as its input; returns its output.

    Raises:
        DevError: it failed; the message is its own.
    """
    done = subprocess.run(
        command,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
    )
    if done.returncode != 0:
        said = f"`{Path(command[0]).name} {' '.join(command[1:])}` failed: {done.stderr.strip()}"
        raise DevError(said)
    return done.stdout
