"""Writes docs/benchmarks-statistics.md and its pictures from the results."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.stats.catalogue import SCENARIOS
from benchmarks.stats.experiments.page import section
from benchmarks.stats.goals import RUN, Goal, goals
from benchmarks.stats.judges import LABELS, OURS
from benchmarks.stats.losses import losses
from benchmarks.stats.pictures import Bar, bars, courses

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks-statistics.md"
PICTURES = ROOT / "docs" / "images"

COLOURS = {
    "ours": "#7fb3e6",
    "ours-operator": "#1f6fb8",
    "oracle": "#111",
    "fixed": "#8a8a8a",
    "peeked": "#d9534f",
    "sequence": "#e8a33d",
    "group": "#5a9e5a",
    "kayenta-5": "#9467bd",
    "kayenta-30": "#c9b3de",
    "argo": "#b07a4a",
    "flagger": "#d8b08c",
}
COURSE = "bad-5-at-5"

TRUTHS = {
    "equal": "equal: must not be rolled back",
    "bad": "bad: must not be promoted",
    "margin": "at or beyond the margin: must not be promoted",
    "late": "a fault that begins late: must be rolled back, but not before",
    "held": "bad, and the rollout is held to the end: must be rolled back by then",
    "indifferent": "between equal and the margin: either decision is right",
}

_HEAD = """# The statistical engine beside other judges

Written by `{command}`; the same figures stand in `benchmarks/stats/results/engine.json`. Do not edit it by hand.

Every judge sees the same simulated streams: {runs:,} runs a scenario (fewer where a table says so), seed {seed}.
Measured on {cores} cores ({processor}), Python {python}, in {minutes:g} minutes. Square brackets hold 95 % intervals:
Wilson's for shares, bootstrap for means and ratios.

Unless a scenario says otherwise, both versions answer 20 requests a second together, stable errs in 2 %, counters are
scraped every 15 seconds, and a candidate that errs up to 1.5 times as often as stable may be promoted. A false rollback
may happen in 1 % of the rollouts, a false promotion in 5 %.

## The judges

- **ours, single test**: `Proportion` of this project, without restarts, for independent answers.
- **ours, with restarts for late faults**: the same with a part of its stake kept for faults that begin late.
- **ours, as the operator runs it**: with restarts, and with the dispersion that the operator measures on the 150
  minutes of the stable version before. This is what a rollout gets.
- **oracle SPRT**: knows both rates at every moment, and asks only whether the candidate is worse. No one can have it.
- **fixed-horizon z, one look**: 1 % one-sided, its sample planned for the true effect with 95 % power (for an equal
  candidate: for one at the margin). Not proven worse counts as promoted. **group sequential** has the same plan, ten
  looks and O'Brien-Fleming boundaries by Lan-DeMets spending.
- **z at every scrape**: the same z, believed as soon as it crosses.
- **pooled confidence sequence**: asymptotic, on the sums since the start, as GrowthBook's sequential testing.
- **Kayenta**: Mann-Whitney on one value a minute, 98 % interval, tolerance of a quarter of the shift, direction
  increase, scores 95 and 75, all data since the start at every look, a lifetime of an hour. At most {kayenta} runs.
- **Argo Rollouts, Flagger**: fixed thresholds on the candidate alone, one check a minute.

An equal candidate counts as rolled back if the judge would have done so at any time of the scenario, also after it had
promoted; any other candidate meets the first decision. Exposures are the candidate's answers until the first decision
(all of them where there is none), excess bad answers those beyond stable's rate.

"""


def publish(document: Mapping[str, Any], experiments: Mapping[str, Any]) -> None:
    """Writes the page and its pictures, from the results of the engine and of experiments."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(document["scenarios"]).items():
        (PICTURES / name).write_text(picture)
    PAGE.write_text(page(document, experiments))


def page(document: Mapping[str, Any], experiments: Mapping[str, Any] | None = None) -> str:
    """The page in Markdown; the part about experiments is left out without results of it."""
    scenarios = _in_order(document["scenarios"])
    most = max(
        (one["judges"]["kayenta-5"]["runs"] for one in scenarios.values() if "kayenta-5" in one["judges"]), default=0
    )
    head = _HEAD.format(
        **{key: document[key] for key in ("command", "runs", "seed", "minutes")},
        **document["machine"],
        kayenta=most,
    )
    return head + "".join(
        (
            _goals(list(goals(scenarios))),
            _pictures(),
            _losses(scenarios),
            "" if experiments is None else section(experiments),
            "## Every scenario\n\n",
            *(_scenario(name, one) for name, one in scenarios.items()),
        )
    )


def pictures(scenarios: Mapping[str, Any]) -> dict[str, str]:
    """File names and pictures."""
    scenarios = _in_order(scenarios)
    rivals = ("ours-operator", "peeked", "sequence", "kayenta-5")
    false = [
        (name, [_bar(judge, one["judges"][judge]["wrong"]) for judge in rivals if judge in one["judges"]])
        for name, one in scenarios.items()
        if one["truth"] == "equal" and "peeked" in one["judges"]
    ]
    fast = [
        (
            name,
            [
                _bar(judge, one["judges"][judge]["to_oracle"])
                for judge in ("ours", "ours-operator", "sequence", "fixed", "group", "kayenta-5", "kayenta-30")
                if "to_oracle" in one["judges"].get(judge, {})
            ],
        )
        for name, one in scenarios.items()
        if name.startswith("bad-") and one["ratio"] is not None and one["truth"] != "indifferent"
    ]
    course = {
        LABELS[judge]: (found["course"], COLOURS[judge])
        for judge, found in scenarios.get(COURSE, {"judges": {}})["judges"].items()
        if judge in COLOURS
    }
    return {
        "stats-false-rollbacks.svg": bars(
            "False rollbacks of an equal candidate", false, (0.1, 1, 10, 100), " %", line=1.0
        ),
        "stats-exposures.svg": bars(
            "Answers of a bad candidate until the decision, times the oracle's", fast, (0.5, 1, 2, 5, 10, 50), "",
            line=1.4,
        ),
        "stats-course.svg": courses(
            "Rolled back by now: 5 % errors against 2 %, weight 5 % (answers of the candidate)",
            course,
            (10, 30, 100, 300, 1000, 3000),
        ),
    }  # fmt: skip


def _in_order(scenarios: Mapping[str, Any]) -> dict[str, Any]:
    """Scenarios and judges as the code lists them; stored results are in the order of their names."""
    return {
        name: {**one, "judges": {judge: one["judges"][judge] for judge in LABELS if judge in one["judges"]}}
        for name, one in ((name, scenarios.get(name)) for name in SCENARIOS)
        if one is not None
    }


def _bar(judge: str, found: Mapping[str, float]) -> Bar:
    return Bar(LABELS[judge].split(":")[0], found["is"], found["low"], found["high"], COLOURS[judge])


def _goals(found: list[Goal]) -> str:
    missed, open_ = [one for one in found if one.missed], [one for one in found if one.open]
    kept = len(found) - len(missed) - len(open_)
    text = f"## Goals\n\n{len(found)} promises were put to the test: {kept} kept, {len(missed)} missed, {len(open_)} "
    text += "above the limit, but by less than chance may bring.\n\n"
    if missed or open_:
        text += "| | scenario | judge | promise | measured | limit |\n|---|---|---|---|---|---|\n"
        for word, many in (("**missed**", missed), ("open", open_)):
            for one in many:
                shown = f"{one.value:.3g} [{one.low:.3g} to {one.high:.3g}]"
                text += f"| {word} | {one.scenario} | {LABELS[one.judge]} | {one.promise} | {shown} | {one.limit:g} |\n"
        text += "\n"
    for one in missed:
        if one.oracle is not None and one.oracle > one.limit:
            text += (
                f"No test can keep the promise on {one.promise}: the oracle, which knows the effect before it begins, "
            )
            text += f"reaches {one.oracle:.3g}.\n\n"
    return text


def _pictures() -> str:
    return (
        "![Bars: false rollbacks of an equal candidate by scenario and judge](images/stats-false-rollbacks.svg)\n\n"
        "![Bars: answers until the decision over the oracle's, by fault and judge](images/stats-exposures.svg)\n\n"
        "![Lines: share of bad candidates rolled back over the answers they gave](images/stats-course.svg)\n\n"
    )


def _losses(scenarios: Mapping[str, Any]) -> str:
    rows = [
        f"| {one.scenario} | {LABELS[one.rival]} | {one.theirs:,.4g} | {one.ours:,.4g} | {one.wrong:.3g} % |\n"
        for one in losses(scenarios)
    ]
    text = (
        "## Where others are faster\n\nJudges that kept the promise of the scenario and decided with fewer answers of"
        f" the candidate than {LABELS[RUN]}. The planned tests among them know the effect and how long the trial"
        " lasts; a judge may be right here and wrong elsewhere."
        "\n\n"
    )
    if not rows:
        return text + "None in these runs.\n\n"
    head = "| scenario | judge | its exposures | ours | its wrong decisions |\n|---|---|---|---|---|\n"
    return text + head + "".join(rows) + "\n"


def _scenario(name: str, one: Mapping[str, Any]) -> str:
    text = f"### {name}\n\n{_sentence(one['title'])} {_sentence(TRUTHS[one['truth']])}"
    text += f" {one['note']}\n\n" if one["note"] else "\n\n"
    text += "| judge | runs | wrong % | rolled back % | promoted % | exposures | median | to oracle | excess bad |\n"
    text += "|---|---|---|---|---|---|---|---|---|\n"
    return text + "".join(f"| {' | '.join(cells)} |\n" for cells in _rows(one["judges"])) + "\n"


def _rows(judges: Mapping[str, Any]) -> Iterator[list[str]]:
    for judge, found in judges.items():
        label = f"**{LABELS[judge]}**" if judge in OURS else LABELS[judge]
        ratio = found.get("to_oracle")
        yield [
            label,
            str(found["runs"]),
            _interval(found["wrong"]),
            _interval(found["rolled_back"]),
            _interval(found["promoted"]),
            _interval(found["exposures"]),
            f"{found['exposures']['median']:,.4g}",
            "" if ratio is None else f"{_interval(ratio)}, median {ratio['median']:.2f}",
            _interval(found["excess_bad"]),
        ]


def _interval(found: Mapping[str, float]) -> str:
    return f"{_number(found['is'])} [{_number(found['low'])} to {_number(found['high'])}]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
