"""The page's part about experiments, from the results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.stats.experiments.judges import BELIEVED, LABELS, OURS, POWER
from benchmarks.stats.experiments.situations import ANSWERS, MINUTES, SITUATIONS, STRATA

FALSE_WINNERS = 5.0  # percent
KEYS = ("lost_in_all", "answers")

BEGIN, END = "<!-- from benchmarks/stats/results/experiments.json -->\n", "<!-- end -->\n\n"

_HEAD = """## Experiments: what finding the best of several versions costs

Written by `{command}`; the figures stand in `benchmarks/stats/results/experiments.json`. {runs:,} runs a situation and
judge (fewer where a table says so), each with draws of its own, since a bandit's weights decide what is drawn; seed
{seed}. All versions together give {answers:,} answers in {minutes} minutes, which is one stratum and one look; a
situation ends after {strata} of them ({in_all:,} answers). Stable gives 10 % good answers.

- **ours, bandit**: `strategy.bandit` as it comes, with an interval of {minutes} minutes. **ours, equal split,
  sequential**: `strategy.abTest` as it comes. Tests, race, weights and end are the operator's own code.
- **ours, equal split, fixed horizon**: `horizon: Fixed`, its size planned for the true effect against stable
  (where nobody is better: for 11 or 13 %) with {power:.0f} % power at its level. It knows beforehand what the others
  have to find out.
- **Thompson sampling, believed at {believed:.0f} %**: shares are the chances to be the best by all counts so far, and
  whoever's chance reaches {believed:.0f} % wins; stable may. So do many dashboards.

*Right* is the winner that is better than all others, and nobody where there is none. *Wrong* is any other winner; ours
promise at most {limit:g} %. *Good answers lost* are those that the best version would have given more, on average.
After its decision the winner gets all traffic, without one stable; a decision counts from the stratum after it.

"""


@dataclass(frozen=True, slots=True)
class Loss:
    """A judge that kept the promise in a situation, and did better than the bandit.

    Attributes:
        situation: its name.
        rival: the judge.
        measure: which figure: "answers", "lost" or "lost_in_all".
        theirs, ours: the judge's and the bandit's mean.
    """

    situation: str
    rival: str
    measure: str
    theirs: float
    ours: float


MEASURES = {
    "answers": "answers until the decision",
    "lost": "good answers lost until the decision",
    "lost_in_all": "good answers lost in all",
}


def losses(situations: Mapping[str, Any]) -> Iterator[Loss]:
    """Wherever the bandit's mean is the larger one by more than chance: the intervals do not meet."""
    for name, situation in situations.items():
        judges = situation["judges"]
        for rival, found in judges.items():
            if rival == "bandit" or found["wrong"]["is"] > FALSE_WINNERS:
                continue
            for measure in MEASURES:
                theirs, mine = found[measure], judges["bandit"][measure]
                if theirs["high"] < mine["low"]:
                    yield Loss(name, rival, measure, theirs["is"], mine["is"])


def section(document: Mapping[str, Any]) -> str:
    """In Markdown."""
    head = _HEAD.format(
        **{key: document[key] for key in ("command", "runs", "seed")},
        answers=ANSWERS,
        minutes=MINUTES,
        strata=STRATA,
        in_all=ANSWERS * STRATA,
        power=100 * POWER,
        believed=100 * BELIEVED,
        limit=FALSE_WINNERS,
    )
    # Stored results are in the order of their names.
    situations = {
        name: {**found, "judges": {judge: found["judges"][judge] for judge in LABELS if judge in found["judges"]}}
        for name, found in ((name, document["situations"].get(name)) for name in SITUATIONS)
        if found is not None
    }
    return (
        BEGIN
        + head
        + _promise(situations)
        + _beside(situations)
        + _losses(situations)
        + "".join(_table(*one) for one in situations.items())
        + END
    )


def written(page: str, document: Mapping[str, Any]) -> str:
    """The page of all benchmarks of the statistics with this part in its place."""
    before, _, rest = page.partition(BEGIN)
    return before + section(document) + rest.partition(END)[2]


def _promise(situations: Mapping[str, Any]) -> str:
    wrong = [
        (name, judge, one["wrong"]) for name, found in situations.items() for judge, one in found["judges"].items()
    ]
    beyond = [(name, judge, found) for name, judge, found in wrong if found["low"] > FALSE_WINNERS]
    mine = sum(judge in OURS for _, judge, _ in wrong)
    missed = sum(judge in OURS for _, judge, _ in beyond)
    text = (
        f"{mine} promises of ours about wrong winners were put to the test: {mine - missed} kept, {missed} missed.\n\n"
    )
    if beyond:
        told = (f"{LABELS[judge]} in {name}: {_interval(found)} %" for name, judge, found in beyond)
        text += f"More wrong winners than that, by more than chance: {'; '.join(told)}.\n\n"
    return text


def _beside(situations: Mapping[str, Any]) -> str:
    """The bandit and the equal split that is judged alike."""
    text = "### The bandit beside the equal split\n\nBoth by the sequential engine. In brackets the median.\n\n"
    text += "| situation | lost in all: bandit | equal split | answers until the decision: bandit | equal split |\n"
    text += "|---|---|---|---|---|\n"
    for name, situation in situations.items():
        both = [situation["judges"][judge] for judge in ("bandit", "split")]
        cells = [f"{_number(one[key]['is'])} ({_number(one[key]['median'])})" for key in KEYS for one in both]
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text + "\n"


def _losses(situations: Mapping[str, Any]) -> str:
    text = "### Where the bandit loses\n\n"
    rows = [
        f"| {one.situation} | {LABELS[one.rival]} | {MEASURES[one.measure]} | {_number(one.theirs)}"
        f" | {_number(one.ours)} |\n"
        for one in losses(situations)
    ]
    if not rows:
        return text + "Nowhere in these runs.\n\n"
    text += (
        "Judges with at most as many wrong winners as promised, and a mean below the bandit's by more than chance. "
        "Who is right in one situation may be wrong in another.\n\n"
    )
    return text + "| situation | judge | what | its | the bandit's |\n|---|---|---|---|---|\n" + "".join(rows) + "\n"


def _table(name: str, situation: Mapping[str, Any]) -> str:
    text = f"### {name}\n\n{situation['title']}.\n\n"
    text += "| judge | runs | right % | wrong % | nobody % | answers until the decision | median"
    text += " | good answers lost by then | lost in all |\n|---|---|---|---|---|---|---|---|---|\n"
    for judge, found in situation["judges"].items():
        cells = [
            f"**{LABELS[judge]}**" if judge in OURS else LABELS[judge],
            str(found["runs"]),
            *(_interval(found[key]) for key in ("right", "wrong")),
            _number(found["nobody"]["is"]),
            _interval(found["answers"]),
            _number(found["answers"]["median"]),
            *(_interval(found[key]) for key in ("lost", "lost_in_all")),
        ]
        text += f"| {' | '.join(cells)} |\n"
    return text + "\n"


def _interval(found: Mapping[str, float]) -> str:
    return f"{_number(found['is'])} [{_number(found['low'])} to {_number(found['high'])}]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
