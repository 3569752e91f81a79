"""How many archives of an image are kept: checkouts share one cache, and must not evict each other's at every turn."""

from pathlib import Path

KEPT = 4
"""Of one image."""


def used(archive: Path) -> Path:
    """The archive itself, marked as used now; of the same image all go but those that were used last."""
    archive.touch()
    others = (one for one in archive.parent.glob("*.tar") if one != archive)
    for old in sorted(others, key=_used_at, reverse=True)[KEPT - 1 :]:
        old.unlink(missing_ok=True)
    return archive


def _used_at(archive: Path) -> float:
    try:
        return archive.stat().st_mtime
    except FileNotFoundError:
        return 0.0  # another run has just removed it
