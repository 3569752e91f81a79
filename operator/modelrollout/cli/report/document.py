"""The report of an experiment as data: who was tried, what was measured of each pair, and what was decided."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pydantic.alias_generators import to_camel

from modelrollout.api import Better, ModelRolloutSpec
from modelrollout.api.status import MetricStatus, ModelRolloutStatus, Run
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.gathering import readable_status, resolved_spec

_EFFECT = re.compile(r"(ratio|difference) (\S+?)(?: \[(\S+), (\S+)\])?")


@dataclass(frozen=True, slots=True)
class Effect:
    """An effect of the first version against the second: "difference" or "ratio", estimate and interval."""

    kind: str
    estimate: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """A group of requests among those that look worst.

    Attributes:
        value: of the metric's label.
        verdict: as the status has it.
        candidate, stable: what was measured of each version, in this group.
        answers, against_answers: of how many answers, values or users.
        effect, chance: as of the pair, in this group.
    """

    value: str
    verdict: str
    candidate: str | None
    stable: str | None
    answers: int | None
    against_answers: int | None
    effect: Effect | None
    chance: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two versions compared by one metric.

    Attributes:
        version, against: the two.
        metric, role, better: which metric, what it decides, and which direction is good.
        value, against_value: what was measured of each.
        answers, against_answers: of how many answers, values or users.
        effect: with the interval that may be looked at at any time; of a fixed horizon the classical one.
        chance: that the first is the better one, 0 to 1.
        p_value: of the classical test, with a fixed horizon.
        verdict, reason, message: as the status has them.
        label: that tells the groups of requests apart, empty where the metric has no slices.
        slices: the worst groups.
    """

    version: str
    against: str
    metric: str
    role: str
    better: str
    value: str | None
    against_value: str | None
    answers: int | None
    against_answers: int | None
    effect: Effect | None
    chance: float | None
    p_value: float | None
    verdict: str
    reason: str
    message: str
    label: str = ""
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that was tried: whether it was taken out and why, and whom it is proven to be better than."""

    version: str
    revision: str
    state: str
    reason: str
    message: str
    beats: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment as it stands, or as it ended.

    Attributes:
        decision: the outcome in one word, empty while it goes on; `why` in a sentence.
        winner: who got, or would have got, all traffic; empty without one.
        split: whether traffic was split as intended: "AsIntended", or why it is in doubt; empty while unknown.
        horizon: "Sequential" or "Fixed".
    """

    namespace: str
    name: str
    hypothesis: str
    strategy: str
    horizon: str
    run: str
    stable: str
    began: datetime | None
    ended: datetime | None
    decision: str
    why: str
    winner: str
    split: str
    candidates: tuple[Candidate, ...]
    pairs: tuple[Pair, ...]

    def document(self) -> dict[str, Any]:
        """As JSON: camelCase, moments as text."""
        return {to_camel(name): _camel(value) for name, value in asdict(self).items()}


def report_of(document: Mapping[str, Any], plan: Mapping[str, Any] | None = None) -> Report:
    """The report of the present experiment, or of the last one.

    Args:
        document: the ModelRollout as the API server returns it.
        plan: resolved spec of the run, when it could be read; else the spec stands in for it.

    Raises:
        CommandFailed: its last run is no experiment.
    """
    metadata, spec = document["metadata"], document.get("spec") or {}
    status, _ = readable_status(document)
    run, resolved = status.run, resolved_spec(plan or spec)
    if run is None or not run.arms:
        raise CommandFailed(
            f"{metadata['name']} has no experiment to report",
            "A report is made of runs with candidates: strategy.abTest or strategy.bandit.",
        )
    test = resolved.strategy.ab_test if resolved is not None else None
    return Report(
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        hypothesis=str(spec.get("hypothesis") or ""),
        strategy=status.strategy,
        horizon=str(test.horizon) if test is not None else "Sequential",
        run=run.id,
        stable=run.stable,
        began=run.exposed_at,
        ended=run.ended_at,
        decision=str(run.outcome or ""),
        why=run.message or status.message,
        winner=_winner(run),
        split=_split(status),
        candidates=tuple(
            Candidate(arm.version, arm.revision, str(arm.state), arm.reason, arm.message, tuple(arm.beats))
            for arm in run.arms
        ),
        pairs=tuple(_pairs(status, resolved)),
    )


def _winner(run: Run) -> str:
    if run.outcome in ("Promoted", "Forced"):
        return run.target
    others = {run.stable, *(arm.version for arm in run.arms if arm.state != "Out")}
    return next((arm.version for arm in run.arms if others - {arm.version} <= set(arm.beats) and arm.beats), "")


def _split(status: ModelRolloutStatus) -> str:
    said = status.condition("SplitMatches")
    if said is None:
        return "AsIntended" if status.metrics else ""
    return "AsIntended" if said.status == "True" else said.message


def _pairs(status: ModelRolloutStatus, spec: ModelRolloutSpec | None) -> Iterator[Pair]:
    for one in status.metrics:
        metric = spec.metric(one.name) if spec is not None else None
        better = metric.better if metric is not None and metric.better is not None else Better.LOWER
        yield Pair(
            version=one.version,
            against=one.against,
            metric=one.name,
            role=one.role,
            better=str(better),
            value=one.candidate,
            against_value=one.stable,
            answers=one.candidate_count,
            against_answers=one.stable_count,
            effect=_effect(one.effect),
            chance=None if one.chance is None else float(one.chance),
            p_value=None if one.p_value is None else float(one.p_value),
            verdict=str(one.verdict),
            reason=one.reason,
            message=one.message,
            label=metric.slices.label if metric is not None and metric.slices is not None else "",
            slices=tuple(_slices(one)),
        )


def _slices(metric: MetricStatus) -> Iterator[Slice]:
    for one in metric.slices or ():
        yield Slice(
            value=one.value,
            verdict=str(one.verdict),
            candidate=one.candidate,
            stable=one.stable,
            answers=one.candidate_count,
            against_answers=one.stable_count,
            effect=_effect(one.effect),
            chance=None if one.chance is None else float(one.chance),
        )


def _effect(text: str | None) -> Effect | None:
    found = _EFFECT.fullmatch(text or "")
    if found is None:
        return None
    low, high = (None if one is None else float(one) for one in found.groups()[2:])
    return Effect(found[1], float(found[2]), low, high)


def _camel(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {to_camel(key): _camel(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_camel(one) for one in value]
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
