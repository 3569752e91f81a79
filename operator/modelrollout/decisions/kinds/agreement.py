"""Agreement: the share of the candidate's answers that are equal to stable's."""

from collections.abc import Mapping

import numpy as np

from modelrollout.api import AgreementMetric, Metric
from modelrollout.decisions.kinds.kind import Counted, Errors, Frozen, Kind, WantedCounter
from modelrollout.decisions.kinds.wording import percent
from modelrollout.stats import Comparison
from modelrollout.stats.agreement import Agreement
from modelrollout.stats.counters import Floats

AGREED, TOTAL, IDENTICAL = "agreed", "total", "identical"


class AgreementKind(Kind):
    """`agreement`: (agreed, total) of the candidate; each answer was compared with stable's to the same request."""

    one_sided = True
    no_baseline = "not judged after a promotion, for nobody answers the same requests any more"

    def wanted(self, metric: Metric) -> tuple[WantedCounter, ...]:
        """Equal answers, all that were compared, and where wanted those that are exactly equal."""
        of = _of(metric)
        exact = () if of.identical is None else (WantedCounter(IDENTICAL, of.identical),)
        return (WantedCounter(AGREED, of.agreed), WantedCounter(TOTAL, of.total), *exact)

    def reference(self, metric: Metric) -> str:
        """All answers that were compared."""
        return TOTAL

    def counted(self, metric: Metric, columns: Mapping[str, Floats], frozen: Frozen) -> Counted:
        """(agreed, total)."""
        # both counters of one instant can be a request apart in a busy process
        return np.minimum(columns[AGREED], columns[TOTAL]), columns[TOTAL]

    def identical(self, metric: Metric, columns: Mapping[str, Floats]) -> Floats | None:
        """Exactly equal answers, None where nobody counts them."""
        return None if _of(metric).identical is None else columns[IDENTICAL]

    def test(self, metric: Metric, errors: Errors, frozen: Frozen, *, late_faults: bool) -> Comparison:
        """Against the least share."""
        return Agreement(
            min=_of(metric).min,
            alpha=errors.alpha,
            beta=errors.beta,
            dispersion=errors.dispersion,
            late_faults=late_faults,
        )

    def limit(self, metric: Metric, stable: float | None) -> float | None:
        """The least share."""
        return _of(metric).min

    def inside(self, metric: Metric, test: Comparison) -> bool:
        """By the share in the step's own data."""
        return float(test.step_effect) >= _of(metric).min

    def text(self, metric: Metric, value: float | None) -> str:
        """In percent."""
        return percent(value)


def _of(metric: Metric) -> AgreementMetric:
    if metric.agreement is None:
        raise ValueError(f"{metric.name} is no agreement")
    return metric.agreement
