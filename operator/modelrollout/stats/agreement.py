"""Agreement: the share of answers in which candidate and stable say the same, against a least share."""

from modelrollout.stats import bernoulli
from modelrollout.stats.comparison import Floats
from modelrollout.stats.share_alone import ShareAlone


class Agreement(ShareAlone):
    """Sequential test of a share of the candidate's answers (those equal to stable's) against a least share.

    Where requests are mirrored, both versions answer the same one, and the pair counts once. *Fail*: the evidence that
    the share lies below the least one reaches 1/alpha. *Pass*: the evidence that it lies above reaches 1/beta.
    From the first Pass on the evidence of a Fail is collected anew. `update` takes the equal answers and all answers
    that were compared.

    The confidence sequence is a mixture, too, over a flat prior (H. Robbins, Ann. Math. Statist. 41 (1970) 1397-1409);
    it is meant for a share that stays the same.
    """

    def __init__(
        self,
        *,
        min: float,  # noqa: A002 - as `Threshold` and the API have it
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the least share.

        Args:
            min: the least share of equal answers that may be promoted, above 0 and below 1.
            alpha: chance that a candidate at the least share ever fails.
            beta: chance that a candidate at the least share ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: a value out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        super().__init__(config, "Higher", min)

    def _bounds(self, level: float) -> tuple[Floats, Floats]:
        events, total = self._sums / self.dispersion
        return bernoulli.share_bounds(events, total, level, prior=1.0)
