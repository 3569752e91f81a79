"""The report of an experiment: data and page."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.report.document import Report, report_of
from modelrollout.cli.report.page import CHARACTER, WIDTH, page, pictures
from modelrollout.decisions.experiments.statements import experiment_metrics
from tests.unit.decisions.experiment_world import ExperimentWorld
from tests.unit.decisions.test_experiment_slices import asked, evidence, goal
from tests.unit.decisions.test_experiments import button
from tests.unit.decisions.world import World


def reported(world: World, **spec: object) -> Report:
    document = {
        "metadata": {"name": "fraud", "namespace": "risk"},
        "spec": {**world.document, **spec},
        "status": world.status.document(),
    }
    return report_of(document)


def over() -> ExperimentWorld:
    world = button()
    world.now += timedelta(days=7, seconds=1)
    world.reconcile()
    return world


def test_the_report_of_the_button_texts_has_effects_chances_and_no_winner() -> None:
    told = reported(over())
    goals = {(one.version, one.against): one for one in told.pairs if one.metric == "clicks"}
    assert (told.decision, told.winner, told.horizon) == ("Reported", "", "Fixed")
    best = goals["v8", "v7"]
    assert best.effect is not None
    assert (best.effect.kind, best.effect.estimate) == ("difference", pytest.approx(0.0263, abs=0.0001))
    assert best.chance == pytest.approx(0.9998, abs=0.0001)
    assert best.p_value == pytest.approx(0.000498, abs=0.000002)
    between = goals["v8", "v9"].effect
    assert between is not None
    assert between.low is not None
    assert between.low < 0, "the first two are not told apart"
    assert {one.version: one.beats for one in told.candidates} == {"v8": ("v7",), "v9": ("v7",), "v10": ()}


def test_the_report_as_json_is_camel_case_and_can_be_read_back() -> None:
    document = json.loads(json.dumps(reported(over()).document()))
    assert document["pairs"][0]["againstValue"] is None or isinstance(document["pairs"][0]["againstValue"], str)
    assert {"hypothesis", "candidates", "pairs", "winner", "split"} <= set(document)


def sliced() -> Report:
    """Of a goal judged by country, too: better in Brazil and worse in Japan."""
    world, of = ExperimentWorld().start(), asked(goal())
    world.status.metrics = experiment_metrics(of.spec, world.status.run, evidence(of), [])
    return reported(world, metrics=[goal()])


def test_every_group_of_requests_has_its_chance_in_the_data_and_on_the_page() -> None:
    told = sliced()
    pair = json.loads(json.dumps(told.document()))["pairs"][0]
    assert (pair["version"], pair["against"], pair["label"]) == ("v8", "v7", "country")
    chances = {one["value"]: one["chance"] for one in pair["slices"]}
    assert (chances["JP"], chances["BR"]) == (0.0, 1.0)
    assert pair["slices"][0].keys() == {
        *("value", "verdict", "candidate", "stable", "answers", "againstAnswers", "effect", "chance")
    }
    rows = re.findall(r'<tr class="group">(.*?)</tr>', page(told))
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]
    assert [one[0] for one in cells[:3]] == ["country JP", "country DE", "country BR"]
    assert (cells[0][5], cells[2][5]) == ("&lt; 0.1%", "&gt; 99.9%")
    assert "at most three" in page(told)
    assert "at most three" not in page(reported(over())), "it has no slices"


def test_no_text_of_a_picture_lies_on_a_line() -> None:
    for told in (sliced(), reported(over())):
        for picture in pictures(told):
            for bar in picture.bars:
                assert (
                    CHARACTER * len(bar.label)
                    < bar.low
                    <= bar.estimate
                    <= bar.high
                    < WIDTH - CHARACTER * len(bar.numbers)
                )


def test_a_name_without_end_is_cut_in_the_picture_alone() -> None:
    told = sliced()
    long = replace(told, pairs=tuple(replace(pair, version="v" * 63) for pair in told.pairs))
    assert pictures(long)[0].bars[0].label == f"{'v' * 29}…"
    assert f"<td>{'v' * 63} / v7</td>" in page(long)


def test_a_winner_is_named_before_and_after_its_promotion() -> None:
    world = ExperimentWorld({"abTest": {"until": {"duration": "1h"}, "then": "Report"}}).start()
    world.better_than_stable("v8", "v9")
    world.duels["v8", "v9"] = world.said["v8", "clicks"]
    world.after(minutes=1)
    told = reported(world)
    assert (told.decision, told.winner) == ("Reported", "v8")


def test_the_page_needs_nothing_but_itself_and_its_pictures_lie_inside() -> None:
    text = page(reported(over()))
    assert not re.search(r"(src|href)=", text)
    pictures = re.findall(r'<svg viewBox="0 0 (\d+) (\d+)"(.*?)</svg>', text, re.DOTALL)
    assert len(pictures) == 1, "the scripted guardrail has no effect to draw"
    for width, height, inside in pictures:
        for x in re.findall(r'(?:cx|x1|x2|x)="([0-9.]+)"', inside):
            assert 0 <= float(x) <= float(width)
        for y in re.findall(r'(?:cy|y1|y2|y)="([0-9.]+)"', inside):
            assert 0 <= float(y) <= float(height)


def test_the_page_is_well_formed_and_escapes_what_people_wrote() -> None:
    text = page(reported(over(), hypothesis='<script>alert("1")</script> & more'))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert _Balance.unclosed(text) == []


def test_a_rollout_without_an_experiment_has_no_report() -> None:
    world = World().start()
    with pytest.raises(CommandFailed, match="no experiment"):
        reported(world)


class _Balance(HTMLParser):
    """Notes tags that are not closed."""

    _ALONE = frozenset({"meta", "br", "line", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    @classmethod
    def unclosed(cls, text: str) -> list[str]:
        """Tags that are open at the end."""
        parser = cls()
        parser.feed(text)
        return parser.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Such a one is closed already."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
