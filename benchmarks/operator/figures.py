"""Quantiles of what was measured, and what the machine was like meanwhile."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the results.

    Attributes:
        name: what was measured.
        unit: of all numbers of the row.
        goal: what it should be at most, None where nothing was promised.
        judged: which of p50, p99 and max the goal is about.
        n: how many measurements there are.
        p50, p99, max: of them, by nearest rank: each is a value that was measured.
    """

    name: str
    unit: str
    goal: float | None
    judged: str
    n: int
    p50: float
    p99: float
    max: float

    @property
    def measured(self) -> float:
        """The number that the goal is about."""
        return {"p50": self.p50, "p99": self.p99, "max": self.max}[self.judged]

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached, None without one."""
        return None if self.goal is None else self.measured <= self.goal

    def document(self) -> dict[str, Any]:
        """Its JSON form."""
        return asdict(self) | {"met": self.met}


def figure(name: str, unit: str, values: Sequence[float], *, goal: float | None = None, judged: str = "max") -> Figure:
    """Sum up measurements.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError(f"nothing was measured for {name!r}")
    ranked = sorted(values)
    return Figure(name, unit, goal, judged, len(ranked), *(round(quantile(ranked, q), 4) for q in (0.5, 0.99, 1.0)))


def quantile(ranked: Sequence[float], share: float) -> float:
    """The smallest of the ranked values that at least this share of them does not exceed."""
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def machine() -> dict[str, Any]:
    """What a reader needs to judge times; no names and no places."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in cpu.splitlines() if line.startswith("model name")), "")
    memory = int(Path("/proc/meminfo").read_text().split(maxsplit=2)[1])
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory / 2**20),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def load() -> list[float]:
    """Processes that wanted to run, averaged over 1, 5 and 15 minutes: more than there are cores slows every figure."""
    return [round(one, 1) for one in os.getloadavg()]
