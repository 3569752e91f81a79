"""Every scenario by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.stats.counters import COUNTERS
from benchmarks.stats.families import FAMILIES
from benchmarks.stats.judges import verdicts
from benchmarks.stats.latency import LATENCY
from benchmarks.stats.outcomes import Outcomes
from benchmarks.stats.scenarios import PROPORTIONS
from benchmarks.stats.split import SPLITS
from benchmarks.stats.streams import Scenario
from benchmarks.stats.telemetry import TELEMETRY
from benchmarks.stats.users import USERS


class Case(Protocol):
    """What the campaign needs of a scenario."""

    @property
    def title(self) -> str:
        """One line for people."""
        ...

    @property
    def truth(self) -> str:
        """What the right decision is."""
        ...

    @property
    def note(self) -> str:
        """A sentence for the page."""
        ...

    @property
    def ratio(self) -> float | None:
        """Of the true rates, None where no goal asks for it."""
        ...

    @property
    def yardstick(self) -> str | None:
        """The judge that exposures are compared with, None without one."""
        ...

    @property
    def bursty(self) -> bool:
        """Whether answers are not independent."""
        ...

    @property
    def most_runs(self) -> int:
        """How many runs are enough, or all that time allows."""
        ...

    def outcomes(self, rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        """What came of so many runs under each judge; Kayenta judges the first `kayenta_runs` of them."""
        ...


@dataclass(frozen=True, slots=True)
class OneProportion:
    """A scenario in which every judge compares one proportion."""

    scenario: Scenario

    @property
    def title(self) -> str:
        """One line for people."""
        return self.scenario.title

    @property
    def truth(self) -> str:
        """What the right decision is."""
        return self.scenario.truth

    @property
    def note(self) -> str:
        """A sentence for the page."""
        return self.scenario.note

    @property
    def ratio(self) -> float | None:
        """Of the true rates."""
        design = self.scenario.design
        comparable = self.scenario.oracle and self.truth in ("bad", "margin", "indifferent") and design.base > 0
        return round(design.effect / design.base, 3) if comparable else None

    @property
    def yardstick(self) -> str | None:
        """The judge that exposures are compared with."""
        return "oracle" if self.scenario.oracle else None

    @property
    def bursty(self) -> bool:
        """Whether answers are not independent."""
        return self.scenario.bursty

    @property
    def most_runs(self) -> int:
        """As many as are asked for."""
        return 10**9

    def outcomes(self, rng: np.random.Generator, runs: int, kayenta_runs: int) -> Outcomes:
        """Builds the streams once and shows them to every judge."""
        stream = self.scenario.build(rng, runs)
        return dict(verdicts(stream, self.scenario, min(runs, kayenta_runs)))


SCENARIOS: Mapping[str, Case] = {
    **{one.name: OneProportion(one) for one in PROPORTIONS},
    **{one.name: one for one in (*FAMILIES, *COUNTERS, *USERS, *LATENCY, *SPLITS, *TELEMETRY)},
}
