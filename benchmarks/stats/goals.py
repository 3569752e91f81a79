"""What the engine promises, held against the results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FALSE_ROLLBACK, FALSE_PROMOTION = 1.0, 5.0  # percent
HALF_WAY = 1.5  # from this ratio on the stricter limit holds
LIMITS = {"ours": (1.2, 1.3), "ours-late": (1.4, 1.4), "ours-operator": (1.4, 1.4)}
RIVALS = {"kayenta-5": "5", "kayenta-30": "30"}  # minutes between its looks
EXCESS = 0.2
TABLE = ("bad-3-at-50", "bad-5-at-50", "bad-10-at-50", "bad-5-at-5", "bad-10-at-5")

SINGLE, RUN = "ours", "ours-operator"


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise in one scenario.

    Attributes:
        scenario: its name.
        judge: which of ours.
        promise: in words.
        value: what was measured, with the ends of its 95 % interval.
        limit: what was promised.
        oracle: what the test reaches that knows the effect; none that keeps the promises does better.
    """

    scenario: str
    judge: str
    promise: str
    value: float
    low: float
    high: float
    limit: float
    oracle: float | None = None

    @property
    def missed(self) -> bool:
        """Beyond the limit by more than chance: the whole interval lies above."""
        return self.low > self.limit

    @property
    def open(self) -> bool:
        """Above the limit, but the interval reaches below."""
        return self.value > self.limit and not self.missed


def goals(scenarios: Mapping[str, Any]) -> Iterator[Goal]:
    """Every promise that a scenario puts to the test."""
    for name, scenario in scenarios.items():
        judges = scenario["judges"]
        for judge in (SINGLE, "ours-late", RUN, "ours-mean"):
            if judge in judges and scenario["truth"] != "indifferent":
                if judge != RUN and scenario["bursty"]:
                    continue
                yield _wrong(name, judge, scenario["truth"], judges[judge]["wrong"])
        if scenario["truth"] in ("bad", "margin"):
            yield from _speed(name, scenario["ratio"], judges)
    yield from _excess(scenarios)


def _wrong(name: str, judge: str, truth: str, found: Mapping[str, float]) -> Goal:
    rollback = truth in ("equal", "late", "better")
    promise, limit = ("false rollbacks, %", FALSE_ROLLBACK) if rollback else ("false promotions, %", FALSE_PROMOTION)
    return Goal(name, judge, promise, found["is"], found["low"], found["high"], limit)


def _speed(name: str, ratio: float | None, judges: Mapping[str, Any]) -> Iterator[Goal]:
    for judge, (large, small) in LIMITS.items():
        found = judges.get(judge, {}).get("to_oracle")
        if ratio is not None and found is not None:
            limit = large if ratio >= HALF_WAY else small
            yield Goal(name, judge, "exposures to the oracle's", found["is"], found["low"], found["high"], limit)


def _excess(scenarios: Mapping[str, Any]) -> Iterator[Goal]:
    """Of the whole table of bad candidates, not of each: a fault at the margin leaves no room for a fifth."""
    table = [one["judges"] for name, one in scenarios.items() if name in TABLE]
    for rival, minutes in RIVALS.items():
        both = [judges for judges in table if rival in judges and RUN in judges]
        most = sum(judges[rival]["excess_bad"]["is"] for judges in both)
        if most > 0:
            value, low, high = (
                sum(judges[RUN]["excess_bad"][key] for judges in both) / most for key in ("is", "low", "high")
            )
            oracle = sum(judges["oracle"]["excess_bad"]["is"] for judges in both) / most
            yield Goal("table of bad candidates", RUN, f"excess bad answers to Kayenta's ({minutes} min)",
                       value, low, high, EXCESS, oracle)  # fmt: skip
