"""Where things lie: the checkout, the state of clusters in it, and the cache shared by all checkouts of a person."""

import os
import re
from pathlib import Path

from dev.errors import DevError

CHECKOUT = Path(__file__).resolve().parent.parent
TOOLS = CHECKOUT / "dev" / "tools"
CLUSTERS = CHECKOUT / ".cluster"
DEFAULT_NAME = "dev"


def cache() -> Path:
    """The folder for what is costly to make and safe to delete: built programs, wheels, base images."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelrollout"
    root.mkdir(parents=True, exist_ok=True)
    return root


def cluster_folder(name: str) -> Path:
    """The folder that holds everything a cluster writes: keys, data, logs, kubeconfig.

    Raises:
        DevError: the name would not do as a DNS label.
    """
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,28}[a-z0-9])?", name):
        raise DevError(f"{name!r} cannot name a cluster: use up to 30 of a-z, 0-9 and hyphens, a letter first.")
    return CLUSTERS / name
