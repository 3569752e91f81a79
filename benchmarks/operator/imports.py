"""How long the command line takes to start, beside a Python that does nothing."""

import resource
import subprocess
import sys
import time
from dataclasses import dataclass, field

_PROGRAMS = {"nothing": "pass", "command line": "import modelrollout.cli"}


@dataclass(slots=True)
class Starts:
    """Milliseconds of each start of one program, by the clock and by the processor."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def measure(times: int) -> tuple[Starts, Starts]:
    """Start a Python that does nothing and one that imports the command line, in turns."""
    starts = {name: Starts() for name in _PROGRAMS}
    for _ in range(times):
        for name, program in _PROGRAMS.items():
            before, began = _spent(), time.perf_counter()
            subprocess.run([sys.executable, "-c", program], check=True)
            starts[name].clock.append(1000 * (time.perf_counter() - began))
            starts[name].processor.append(1000 * (_spent() - before))
    return starts["nothing"], starts["command line"]


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
