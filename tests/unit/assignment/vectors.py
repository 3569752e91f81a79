"""docs/assignment-vectors.json, as tests read it."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "assignment.md"
VECTORS: dict[str, list[dict[str, Any]]] = json.loads((ROOT / "docs" / "assignment-vectors.json").read_text())


def runs(owners: list[str | None] | tuple[str | None, ...]) -> list[list[Any]]:
    """A table of owners as the file writes it: owner, first slot, last slot."""
    found: list[list[Any]] = []
    for slot, owner in enumerate(owners):
        if found and found[-1][0] == owner:
            found[-1][2] = slot
        else:
            found.append([owner, slot, slot])
    return found
