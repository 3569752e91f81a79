"""What an experiment asks: a question for each pair of versions, of the run's one plan."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelrollout.api import Effect, ModelRollout, ModelRolloutSpec
from modelrollout.api.arms import ArmState
from modelrollout.api.status import ModelRolloutStatus
from modelrollout.decisions.experiments.shape import ranking
from modelrollout.decisions.observed import Observed
from modelrollout.decisions.questions import Question, question_of
from modelrollout.decisions.traffic import intent, shares, weights_agree


def against_stable(spec: ModelRolloutSpec, arms: int) -> ModelRolloutSpec:
    """The plan by which a candidate is compared with stable: the allowed errors are shared out among the candidates."""
    analysis = spec.analysis
    rates = {
        "false_rollback": analysis.false_rollback / arms,
        "false_promotion": analysis.false_promotion / arms,
    }
    return spec.model_copy(update={"analysis": analysis.model_copy(update=rates)})


def against_each_other(spec: ModelRolloutSpec, arms: int) -> ModelRolloutSpec:
    """The plan by which two candidates are compared: by the ranking metric alone, and any gain counts."""
    metric = ranking(spec)
    ratio = metric.gain is not None and metric.gain.ratio is not None
    none = Effect(ratio=1) if ratio else Effect(difference=0)
    level = spec.analysis.false_promotion / arms
    return spec.model_copy(
        update={
            "metrics": (metric.model_copy(update={"gain": none, "slices": None}),),
            "analysis": spec.analysis.model_copy(update={"false_rollback": level, "false_promotion": level}),
        }
    )


def question_about(
    rollout: ModelRollout, spec: ModelRolloutSpec, status: ModelRolloutStatus, observed: Observed
) -> Question | None:
    """As `question_of`; that of an experiment has its pairs, and is None while no candidate is left to ask about."""
    question, run = question_of(rollout, spec, status, observed), status.run
    if question is None or run is None:
        return None
    wanted = intent(rollout, spec, status)
    question = replace(question, arrived=wanted is None or weights_agree(observed.route, wanted))
    if not run.arms:
        return question
    weights = shares(status)
    stable = Side(run.stable, weights.get(run.stable, 0), run.stable_revision)
    asked = [
        Side(arm.version, weights.get(arm.version, 0), arm.revision)
        for arm in run.arms
        if (arm.version == run.target if question.watching else arm.state is not ArmState.OUT)
    ]
    return replace(question, pairs=pairs_of(question, stable, asked, len(run.arms))) if asked else None


@dataclass(frozen=True, slots=True)
class Side:
    """A version of an experiment as its pairs need it: name, weight of 1000, and the revision it is tried with."""

    name: str
    weight: int
    revision: str = ""


def pairs_of(question: Question, stable: Side, arms: Sequence[Side], planned: int) -> tuple[Question, ...]:
    """The pairs that an experiment's question is asked in.

    Args:
        question: about the run, with the targets of all versions.
        stable: who serves.
        arms: the candidates that are still tried; after a promotion the winner alone.
        planned: how many candidates there were at the beginning, among which the allowed errors are shared.
    """
    versions = (stable.name, *(arm.name for arm in arms))
    first = against_stable(question.spec, planned)
    found = [_pair(question, arm, stable, stable, first, versions) for arm in arms]
    if not question.watching and len(arms) > 1:
        second = against_each_other(question.spec, planned)
        for place, arm in enumerate(arms):
            found += [_pair(question, arm, other, stable, second, versions) for other in arms[place + 1 :]]
    return tuple(found)


def _pair(
    question: Question, one: Side, other: Side, stable: Side, spec: ModelRolloutSpec, versions: Sequence[str]
) -> Question:
    both = one.weight + other.weight
    return replace(
        question,
        spec=spec,
        candidate=one.name,
        stable=other.name,
        weight=1000 if question.watching else 1000 * one.weight / both if both else 0,
        baseline=other.revision,
        history=stable.name,
        together=tuple(versions),
        pairs=(),
    )
