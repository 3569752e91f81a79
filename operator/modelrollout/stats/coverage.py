"""Whether labels cover both versions' answers alike."""

import math
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modelrollout.stats import restarts, state
from modelrollout.stats.comparison import Floats, Value
from modelrollout.stats.conditional import conditional_likelihood

LEVEL = 0.001
_FACTORS = np.array([1.05, 1.15, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0, 50.0])
_THETAS = np.concatenate([-np.log(_FACTORS[::-1]), [0.0], np.log(_FACTORS)])
_SCALE = 40.0  # in labels; where the confidence sequence of the lead is tightest
_LOG_WEIGHTS = np.full(2 * len(_FACTORS), -math.log(2 * len(_FACTORS)))


class Coverage:
    """Sequential test of equal label coverage: is the same share of both versions' answers labelled?

    Where labels come for one version's answers more often than for the other's, the labelled ones are no fair sample,
    and what is compared on them is biased. Given how many answers of a stratum are labelled in all, their split
    between the versions has Fisher's noncentral hypergeometric distribution with odds ratio 1 if coverage is equal,
    whatever it is and however it changes; the evidence is a mixture over odds ratios on both sides
    (J. ter Schure et al., arXiv:2011.06931). The nearest alternative is 1.05, so odds that differ by less than about
    2 % never count as unequal, however many answers there are.
    """

    def __init__(self, *, level: float = LEVEL, dispersion: float = 1.0) -> None:
        """Set the level.

        Args:
            level: chance that equal coverage is ever called biased.
            dispersion: at least 1; how much more the counts vary than independent labels would.

        Raises:
            ValueError: a value out of range.
        """
        if not (0 < level < 1 and dispersion >= 1):
            raise ValueError("the level lies between 0 and 1, dispersion is at least 1")
        self._config = {"level": level}
        self.level = level
        self._dispersion = dispersion
        self._shape: tuple[int, ...] | None = None
        self._allocate(1)

    def _allocate(self, size: int) -> None:
        self._logs = np.zeros((len(_LOG_WEIGHTS), size), dtype=np.float32)
        self._peak = np.zeros(size, dtype=np.float32)
        self._sums = np.zeros((4, size))
        self._lead = np.zeros((3, size))  # weighted difference of coverage, its weight, and its variance

    def update(self, candidate: tuple[ArrayLike, ArrayLike], stable: tuple[ArrayLike, ArrayLike]) -> None:
        """Take in one stratum of answers that are old enough to have their label.

        Args:
            candidate: labelled answers and all answers of the candidate, numbers or arrays of one shape; fractions
                are rounded.
            stable: the same of stable. NaN, or a side without answers, carries no evidence.

        Raises:
            ValueError: negative counts, more labels than answers, or arrays of another shape than before.
        """
        given = np.broadcast_arrays(*candidate, *stable)
        shape = given[0].shape
        if self._shape not in (None, shape):
            raise ValueError(f"this test has the shape {self._shape}, not {shape}")
        counts = np.rint(np.array(given, dtype=np.float64).reshape(4, -1))
        counts = np.where(np.isfinite(counts).all(axis=0) & (counts[1] > 0) & (counts[3] > 0), counts, 0.0)
        if (counts < 0).any() or (counts[0] > counts[1]).any() or (counts[2] > counts[3]).any():
            raise ValueError("counts are at least 0, and labels at most as many as answers")
        if self._shape is None:
            self._shape = shape
            self._allocate(math.prod(shape))
        likelihood = conditional_likelihood(tuple(_THETAS)).at(*counts)
        middle = len(_FACTORS)
        evidence = np.delete(likelihood - likelihood[:, [middle]], middle, axis=1).T
        self._logs = restarts.add(self._logs, evidence / self._dispersion)
        self._sums += counts
        self._add_lead(counts)
        self._peak = np.maximum(self._peak, self._log_e().astype(np.float32))

    def _add_lead(self, counts: Floats) -> None:
        labelled_c, answers_c, labelled_s, answers_s = counts
        both = np.maximum(answers_c + answers_s, 1.0)
        share_c, share_s = ((self._sums[at] + 0.5) / (self._sums[at + 1] + 1.0) for at in (0, 2))
        spread = answers_s * share_c * (1 - share_c) + answers_c * share_s * (1 - share_s)
        difference = (labelled_c * answers_s - labelled_s * answers_c) / both
        variance = self._dispersion * answers_c * answers_s * spread / both**2
        self._lead += np.stack([difference, answers_c * answers_s / both, variance])

    def lead(self, level: float) -> tuple[Value, Value]:
        """Confidence sequence of the candidate's labelled share minus stable's, over the strata; asymptotic.

        Args:
            level: chance that the difference lies within at every look.

        Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform central limit theory and
        asymptotic confidence sequences", arXiv:2103.06476 (the normal mixture boundary).
        """
        difference, weight, variance = self._lead
        v = variance + _SCALE
        with np.errstate(divide="ignore", invalid="ignore"):
            centre = np.where(weight > 0, difference / weight, 0.0)
            radius = np.sqrt(v * np.log(v / _SCALE / (1 - level) ** 2)) / weight
        return self._out(np.maximum(-1.0, centre - radius)), self._out(np.minimum(1.0, centre + radius))

    def raise_dispersion(self, dispersion: float) -> None:
        """Use a larger dispersion from here on, and for what was collected so far; a smaller one changes nothing."""
        old = self._dispersion
        if dispersion > old:
            self._dispersion = dispersion
            self._logs = restarts.raise_dispersion(self._logs, old, dispersion)
            self._lead[2] *= dispersion / old

    def _log_e(self) -> Floats:
        result: Floats = restarts.mixed(self._logs[None], _LOG_WEIGHTS)[0]
        return result

    @property
    def dispersion(self) -> float:
        """The dispersion in use."""
        return self._dispersion

    @property
    def log_e(self) -> Value:
        """Natural logarithm of the evidence that coverage is not equal."""
        return self._out(self._log_e())

    @property
    def p_value(self) -> Value:
        """A p-value that may be looked at any time: the running minimum of the inverse evidence."""
        return self._out(np.exp(-self._peak.astype(np.float64)))

    @property
    def verdict(self) -> Literal["Healthy", "Biased"] | NDArray[np.str_]:
        """Once the p-value is at most the level "Biased", for good; else "Healthy"."""
        found = self._peak >= -math.log(self.level)
        if self._shape:
            return np.where(found, "Biased", "Healthy").reshape(self._shape)
        return "Biased" if found[0] else "Healthy"

    @property
    def shares(self) -> tuple[Value, Value]:
        """Labelled share of the candidate's and of stable's answers so far; NaN without answers."""
        with np.errstate(invalid="ignore"):
            return self._out(self._sums[0] / self._sums[1]), self._out(self._sums[2] / self._sums[3])

    def _out(self, values: Floats) -> Value:
        return values.reshape(self._shape) if self._shape else float(values[0])

    def state(self) -> dict[str, Any]:
        """All that is needed to go on, JSON-able, at most 1 KiB for one test."""
        head = np.array([self._shape is not None, self._dispersion], dtype=np.float64)
        arrays: list[NDArray[Any]] = [head, self._logs, self._peak, self._sums, self._lead]
        return state.pack("Coverage", self._config, self._shape or (), arrays)

    @classmethod
    def from_state(cls, stored: Mapping[str, Any]) -> Self:
        """Go on from `state()`: every later result is the same as without the interruption.

        Raises:
            UnknownState: not a state of this class and version.
        """
        reader = state.Reader(stored, "Coverage")
        restored = cls(**reader.config)
        begun, dispersion = reader.read(np.float64, 2)
        restored._dispersion = float(dispersion)
        restored._shape = reader.shape if begun else None
        size = math.prod(reader.shape)
        restored._logs = reader.read(np.float32, len(_LOG_WEIGHTS), size)
        restored._peak = reader.read(np.float32, size)
        restored._sums = reader.read(np.float64, 4, size)
        restored._lead = reader.read(np.float64, 3, size)
        return restored
