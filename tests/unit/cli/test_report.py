"""The report of an experiment: data and page."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest

from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.report.document import Report, report_of
from modelrollout.cli.report.page import page
from tests.unit.decisions.experiment_world import ExperimentWorld
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
