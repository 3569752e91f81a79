"""The questions one asks before a rollout, each answered by simulated runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from modelrollout.api import Role
from modelrollout.rehearsal.simulation.plan import Plan
from modelrollout.rehearsal.simulation.runs import Outcome, simulate
from modelrollout.rehearsal.simulation.summary import Chance, Summary, summary_of
from modelrollout.rehearsal.simulation.values import Versions

MOST_MARGINS = 4
"""Metrics whose margin is tried; each takes simulations of its own."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a plan does with the candidate, and how often it errs.

    Attributes:
        candidate: what becomes of the candidate that was described.
        harmless: no guardrail has a reason to fail it: a rollback by one is wrong.
        harmful: it must not be promoted: it is beyond a margin, or does not reach a gain.
        wrong_rollback: chance that a guardrail takes back a candidate that is like stable in everything.
        wrong_promotion: by metric, chance that a candidate just at its margin, and else like stable, is promoted.
    """

    candidate: Summary
    harmless: bool
    harmful: bool
    wrong_rollback: Chance | None
    wrong_promotion: Mapping[str, Chance]


def rehearse(
    plan: Plan,
    versions: Versions,
    *,
    runs: int,
    seed: int,
    errors: bool = True,
    progress: Callable[[float], None] = lambda _: None,
) -> Rehearsal:
    """Simulate the candidate, one like stable, and one at each margin.

    Args:
        plan: what is rehearsed.
        versions: what they truly are.
        runs: how many runs of each.
        seed: of the randomness.
        errors: simulate the last two as well.
        progress: told now and then which part is done, 0 to 1.
    """
    deciding = [one for one in versions.streams if one.metric.role != Role.MONITOR]
    guardrails = [one for one in deciding if one.metric.role == Role.GUARDRAIL]
    margins = deciding[:MOST_MARGINS] if errors else []
    total = 1 + (1 + len(margins) if errors else 0)
    done = 0

    def summary(which: Versions, offset: int) -> Summary:
        nonlocal done
        found = simulate(
            plan,
            which.streams,
            which.fixed,
            runs=runs,
            seed=seed + offset,
            progress=lambda part: progress((done + part) / total),
        )
        done += 1
        return summary_of(plan, found)

    candidate = summary(versions, 0)
    equal = summary(versions.with_candidate({}), 1) if errors else None
    promoted = {
        one.metric.name: summary(versions.with_candidate({one.metric.name: one.at_margin()}), 2 + number).outcomes[
            Outcome.PROMOTED
        ]
        for number, one in enumerate(margins)
    }
    return Rehearsal(
        candidate=candidate,
        harmless=all(one.standing() == "acceptable" for one in guardrails),
        harmful=any(one.standing() == "beyond" for one in deciding),
        wrong_rollback=equal.failures if equal is not None and guardrails else None,
        wrong_promotion=promoted,
    )
