"""An experiment is judged pair by pair: each candidate against stable, and the candidates against each other.

Every pair is a comparison like that of a canary: stratum by stratum, each with what both sides answered in it. So
nothing is pooled over time, and weights that change (a bandit's, or of a candidate that lost its pods) do no harm: a
weight is decided before the answers that it brings, and given how many each side answered in a stratum, who of them
was right does not depend on it.

All versions' series are asked for together, so one query serves all pairs that have the same window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelrollout.decisions.analysis.looking import fold, judge, state_from_checkpoint
from modelrollout.decisions.analysis.samples import Samples
from modelrollout.decisions.analysis.state import LARGEST, AnalysisState
from modelrollout.decisions.findings import Duel, Evidence, Split
from modelrollout.decisions.questions import Question

PairStates = Mapping[str, AnalysisState]
"""The evidence of each pair, by `name_of`."""


def name_of(pair: Question) -> str:
    """Name of a pair in the checkpoint; names of versions have no slash."""
    return f"{pair.candidate}/{pair.stable}"


def restored(checkpoint: object, question: Question) -> PairStates:
    """Where folding goes on after a restart, pair by pair as `state_from_checkpoint`."""
    stored = checkpoint.get("pairs") if isinstance(checkpoint, Mapping) else None
    known: Mapping[str, Any] = stored if isinstance(stored, Mapping) else {}
    return {name_of(pair): state_from_checkpoint(known.get(name_of(pair)), pair) for pair in question.pairs}


def fold_pairs(
    states: PairStates, question: Question, samples: Mapping[str, Samples], until: float
) -> dict[str, AnalysisState]:
    """Add to every pair what its samples hold; see `fold`. Pairs that are no longer asked about are forgotten."""
    names = [(name_of(pair), pair) for pair in question.pairs]
    return {name: fold(states[name], pair, samples[name], until) for name, pair in names}


def judge_pairs(states: PairStates, question: Question) -> Evidence:
    """What all pairs say. After a promotion that is what the winner's own says, as of any promoted version."""
    judged = {name_of(pair): (pair, judge(states[name_of(pair)], pair)) for pair in question.pairs}
    arms = {pair.candidate: said for pair, said in judged.values() if pair.stable == question.stable}
    duels = tuple(
        Duel(pair.candidate, pair.stable, said.findings[0])
        for pair, said in judged.values()
        if pair.stable != question.stable
    )
    ends = [said.until for said in arms.values()]
    known = [end for end in ends if end is not None]
    answers: dict[str, int] = {}
    for said in arms.values():
        answers |= said.answers
    kept = Evidence(
        run=question.run,
        step=question.step,
        until=min(known) if known and len(known) == len(ends) else None,
        answers=answers,
        split=_worst(tuple(arms.values())),
        unreachable=next((said.unreachable for said in arms.values() if said.unreachable), ""),
        checkpoint=_checkpoint(states, question.run),
        arms=arms,
        duels=duels,
    )
    if not question.watching:
        return kept
    return replace(kept, findings=arms[question.candidate].findings, arms={}, duels=())


def _worst(arms: Sequence[Evidence]) -> Split | None:
    """The split that speaks loudest against the weights, its p-value corrected for how many there are."""
    splits = [said.split for said in arms if said.split is not None]
    if not splits:
        return None
    worst = min(splits, key=lambda one: (not one.mismatch, one.p_value))
    return replace(worst, p_value=min(1.0, worst.p_value * len(splits)))


def _checkpoint(states: PairStates, run: str) -> dict[str, Any]:
    room = LARGEST // max(1, len(states))
    return {"v": 1, "run": run, "pairs": {name: state.checkpoint(room) for name, state in states.items()}}
