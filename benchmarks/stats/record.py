"""Where results are kept: one JSON file per benchmark beside its code."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def read(name: str) -> dict[str, Any]:
    """A result that was written before."""
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return result


def write(name: str, result: dict[str, Any]) -> None:
    """Write a result; keys in order, so that a rerun shows as a small difference."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
