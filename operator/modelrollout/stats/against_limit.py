"""One version's proportion against a fixed limit, for when no other version answers at the same time."""

from modelrollout.stats.comparison import Value
from modelrollout.stats.share_alone import ShareAlone
from modelrollout.stats.zone import Better


class AgainstLimit(ShareAlone):
    """Sequential test of one proportion against a limit that was fixed before.

    After a promotion the new version is alone, and stable's recent history gives the limit. That is a weaker baseline
    than a concurrent one: what changes for both versions alike looks like a change of this one.

    *Fail*: the evidence that the share of bad answers lies above the limit reaches 1/alpha. *Pass*: the evidence that
    it lies below reaches 1/beta. A Pass changes nothing: what fails is the same limit before and after.
    """

    _anew_after_pass = False

    def __init__(
        self,
        better: Better = "Lower",
        *,
        limit: float,
        alpha: float = 0.01,
        beta: float = 0.05,
        dispersion: float = 1.0,
        late_faults: bool = False,
    ) -> None:
        """Set the limit.

        Args:
            better: "Lower" if the events are bad answers, "Higher" if they are good ones.
            limit: share of events (as given) that must not be exceeded, or with "Higher" not be fallen short of.
            alpha: chance that a version at the limit ever fails.
            beta: chance that a version at the limit ever passes.
            dispersion: at least 1; how much more the counts vary than independent answers would.
            late_faults: keep part of the stake for restarts, so that hours of good answers do not hide a late fault.

        Raises:
            ValueError: a value out of range.
        """
        config = {key: value for key, value in locals().items() if key not in ("self", "__class__")}
        super().__init__(config, better, limit)

    @property
    def counts(self) -> tuple[Value, Value]:
        """Events (as given) and total so far."""
        return self._out(self._sums[0]), self._out(self._sums[1])
