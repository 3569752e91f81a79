"""Slices of a metric: which groups of requests are judged apart, and their evidence."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from modelrollout.api import Metric, MetricSlices
from modelrollout.decisions.kinds import Kind
from modelrollout.decisions.kinds.kind import Frozen
from modelrollout.stats import Strata
from modelrollout.stats.counters import Floats

OTHER = "other"
"""Name of all groups together that came when there was no more room."""


@dataclass(frozen=True, slots=True)
class SliceState:
    """Evidence of a metric's slices.

    Attributes:
        test: all at once: an element for each value in its order, then room for more, and the last for `OTHER`.
        values: those of the label that are judged apart, in the order in which they were first seen.
        failed: the values that failed in this run.
    """

    test: Any
    values: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    def stored(self) -> dict[str, Any]:
        """As JSON."""
        return {"test": self.test.state(), "values": list(self.values), "failed": list(self.failed)}

    @classmethod
    def from_stored(cls, document: Mapping[str, Any], fresh: Any) -> Self:  # noqa: ANN401 - a test
        """From `stored()`; `fresh` is a test of the same kind. KeyError, TypeError or ValueError for anything else."""
        return cls(
            type(fresh).from_state(document["test"]),
            tuple(map(str, document["values"])),
            tuple(map(str, document["failed"])),
        )

    def names(self, places: int) -> list[str]:
        """What each element of the test is called; empty for room that nobody has taken."""
        return [*self.values, *[""] * (places - 1 - len(self.values)), OTHER]

    def enough(self, wanted: MetricSlices) -> NDArray[np.bool_]:
        """Whether each element has the answers that a group needs."""
        sides = [np.atleast_1d(side) >= wanted.min_samples for side in self.test.exposures if side is not None]
        found: NDArray[np.bool_] = np.logical_and.reduce(sides)
        return found

    def judged(self, wanted: MetricSlices) -> Floats:
        """Running maximum of each element's evidence for failing, 0 for those with too few answers."""
        peak: Floats = np.where(self.enough(wanted), np.asarray(self.test.peak_log_e_fail), 0.0)
        return peak


def fold_slices(
    state: SliceState, metric: Metric, kind: Kind, strata: Strata, dispersions: Sequence[float], frozen: Frozen
) -> SliceState:
    """The evidence with strata added: as many of the first ones as there are dispersions, each the one after it.

    Values get their places in the order of the strata in which they first show an answer, within one stratum the
    busiest first; so the same strata give the same places, in whatever pieces they come.
    """
    if metric.slices is None or not len(strata):
        return state
    reference, most = kind.reference(metric), metric.slices.max_values
    busy = {value: columns.candidate[reference] + columns.stable[reference] for value, columns in strata.slices.items()}
    values = list(state.values)
    test = type(state.test).from_state(state.test.state())
    sides = []
    places = _places(values, busy, most, len(strata))
    for side in ("candidate", "stable"):
        columns = {name: np.zeros((len(strata), most + 1)) for name in getattr(strata, side)}
        for value, of_value in strata.slices.items():
            for name, rose in getattr(of_value, side).items():
                columns[name][:, places[value]] += rose
        sides.append(kind.counted(metric, columns, frozen))
    for i, dispersion in enumerate(dispersions):
        with contextlib.suppress(ValueError):  # said of all requests together, of which these are a part
            kind.update(test, sides[0], sides[1], i, float(strata.starts[i]))
        test.raise_dispersion(dispersion)
    return replace(state, test=test, values=tuple(values))


def _places(values: list[str], busy: Mapping[str, Floats], most: int, strata: int) -> dict[str, int]:
    """Each value's element; `values` is added to."""
    fresh = [value for value in busy if value not in values]
    for i in range(strata):
        if len(values) >= most or not fresh:
            break
        shown = sorted((value for value in fresh if busy[value][i] > 0), key=lambda value: (-busy[value][i], value))
        values.extend(shown[: most - len(values)])
        fresh = [value for value in fresh if value not in shown]
    return {value: values.index(value) if value in values else most for value in busy}
