"""What the spec says of an experiment: how it ends, by what versions are ranked, and with which shares it begins."""

from collections.abc import Sequence

from modelrollout.api import ABTest, Bandit, Horizon, Metric, ModelRolloutSpec, Role
from modelrollout.decisions.steps import FULL


def form(spec: ModelRolloutSpec) -> ABTest | Bandit:
    """The experiment as it is written.

    Raises:
        LookupError: the strategy is another one.
    """
    found = spec.strategy.ab_test or spec.strategy.bandit
    if found is None:
        raise LookupError("the spec has no experiment")
    return found


def fixed_horizon(spec: ModelRolloutSpec) -> bool:
    """Whether it is judged once, at its planned end."""
    return spec.strategy.ab_test is not None and spec.strategy.ab_test.horizon is Horizon.FIXED


def ranking(spec: ModelRolloutSpec) -> Metric:
    """The metric by which versions are ranked: the first Goal that compares values.

    Raises:
        LookupError: there is none, which the schema refuses.
    """
    found = next((one for one in spec.metrics if one.role == Role.GOAL and one.directed), None)
    if found is None:
        raise LookupError("an experiment without a goal")
    return found


def planned(spec: ModelRolloutSpec, candidates: Sequence[str]) -> dict[str, int]:
    """Thousandths that each of these candidates begins with; stable has what they leave."""
    split = spec.strategy.ab_test.split if spec.strategy.ab_test is not None else None
    if split is not None:
        return {name: round(split.get(name, 0.0) * FULL / 100) for name in candidates}
    return dict.fromkeys(candidates, FULL // (len(candidates) + 1))


def most(spec: ModelRolloutSpec) -> int:
    """Thousandths that all candidates together may have."""
    bandit = spec.strategy.bandit
    if bandit is not None:
        return FULL - round(bandit.floor * FULL / 100)
    return sum(planned(spec, spec.candidates or ()).values())
