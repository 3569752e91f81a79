"""What is asked of the version that serves, after the watch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelrollout.api import Metric
from modelrollout.api.monitoring_status import Reference
from modelrollout.decisions.questions import Question


@dataclass(frozen=True, slots=True)
class Monitored:
    """Everything needed to look at a version that serves.

    Attributes:
        asked: how it is found in series; it is both sides of the question. `since` is when it began to serve alone.
        metrics: which of the spec's are looked at.
        every: seconds between two looks.
        looks: how many of them make the reference.
        mean_looks: looks, at least, that pass on average between two false alarms of all metrics together.
        references: what is fixed already, by the metric's name.
    """

    asked: Question
    metrics: tuple[Metric, ...]
    every: float
    looks: int
    mean_looks: float
    references: Mapping[str, Reference] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Identity of what is looked at: another version, revision or definition is another one."""
        return self.asked.run

    @property
    def candidate(self) -> str:
        """The version that serves."""
        return self.asked.candidate

    @property
    def interval(self) -> float:
        """Seconds between two questions."""
        return self.every

    @property
    def alarm(self) -> float:
        """The logarithm that a metric's sum of e-processes has to reach; each metric has its share of the promise."""
        return math.log(max(2.0, self.mean_looks) * len(self.metrics))
