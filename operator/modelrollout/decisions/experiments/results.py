"""What an experiment found, in sentences for people."""

from collections.abc import Iterable

from modelrollout.api import Better, Metric, ModelRolloutSpec
from modelrollout.api.arms import ArmState
from modelrollout.api.status import Run
from modelrollout.api.values import in_words
from modelrollout.decisions.experiments.race import Race
from modelrollout.decisions.experiments.shape import ranking
from modelrollout.decisions.findings import Evidence, Finding, SliceFinding
from modelrollout.decisions.kinds.wording import percent


def chance_of(metric: Metric, finding: Finding | SliceFinding) -> float | None:
    """Chance that the candidate is the better one by this metric, or in a group by it; nothing is decided by it."""
    higher = finding.chance_higher
    if higher is None or metric.better is None:
        return None
    return higher if metric.better == Better.HIGHER else 1 - higher


def result(spec: ModelRolloutSpec, run: Run, standing: Race, evidence: Evidence | None) -> str:
    """Who won and by what numbers, or why nobody did."""
    metric = ranking(spec)
    if standing.winner is not None:
        others = [run.stable, *(one for one in standing.beats if one != standing.winner)]
        return f"{standing.winner} is better than {in_words(others)}: {_numbers(metric, standing.winner, evidence)}"
    better = [one for one in standing.beats if run.stable in standing.beats[one] and one in standing.open]
    if len(better) > 1:
        return (
            f"{in_words(better)} are better than {run.stable}, and which of them is best cannot be told: "
            f"{'; '.join(_numbers(metric, one, evidence) for one in better)}"
        )
    left = [arm.version for arm in run.arms if arm.state is not ArmState.OUT]
    return (
        f"nobody is proven to be better than all others: {'; '.join(_numbers(metric, one, evidence) for one in left)}"
    )


def _numbers(metric: Metric, version: str, evidence: Evidence | None) -> str:
    of = evidence.arms.get(version) if evidence is not None else None
    found = _named(metric.name, of.findings) if of is not None else None
    if found is None:
        return f"{version} was not measured"
    chance = chance_of(metric, found)
    said = "" if chance is None else f", chance to be better {percent(chance)}"
    return f"{version}: {found.message}{said}"


def _named(name: str, findings: Iterable[Finding]) -> Finding | None:
    return next((one for one in findings if one.metric == name), None)
