"""What an experiment file may say, and how it is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modelrollout.assignment import Reason
from modelrollout.errors import InvalidSpec
from modelrollout.experiments import parse_experiments

ROOT = Path(__file__).parents[3]


def file(**changes: Any) -> dict[str, Any]:
    return {"experiments": [{"name": "button", "unit": "user", **changes}]}


@pytest.mark.parametrize("path", sorted((ROOT / "examples/experiments").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_can_be_asked(path: Path) -> None:
    answers = parse_experiments(yaml.safe_load(path.read_text())).plan().assign({"user": 42, "cookie": "c1"})
    assert all(each.reason is not Reason.NO_UNIT for each in answers)


def test_the_file_of_the_docs_can_be_asked() -> None:
    page = (ROOT / "docs/assignment.md").read_text()
    text = page.split("```yaml\n")[1].split("```")[0]
    text = text.replace("page: 30", "other: 30")
    asked = parse_experiments(yaml.safe_load(text)).plan()
    answer = asked.assign({"user": "ada"})[0]
    assert (answer.arm, answer.parameters) == ("v8", {"pages": 5})


SPLIT = {"name": "all", "split": {"a": 50, "b": 50}}


@pytest.mark.parametrize(
    ("content", "field", "message"),
    [
        ({}, "experiments", "this field is required"),
        ("text", "", "valid dictionary"),
        (file(unit=[]), "experiments[0].unit", "at least 1"),
        (file(kil=True), "experiments[0].kil", "unknown field"),
        (file(layer="home"), "experiments", "a layer home that is not there: add it to layers"),
        (file(segments=[{**SPLIT, "split": {"a": 50, "b": 49}}]), "experiments[0].segments[0].split", "100 together"),
        (file(segments=[{**SPLIT, "split": {"a": 33.333, "b": 66.667}}]), "split.a", "two decimals"),
        (file(segments=[{**SPLIT, "arm": "a"}]), "experiments[0].segments[0]", "one of arm, split and exclude"),
        (file(segments=[{"name": "all", "before": [{"a": 100}]}]), "segments[0].before", "write split too"),
        (file(segments=[SPLIT, SPLIT]), "experiments[0].segments", "two segments are called all"),
        (file(segments=[{"name": "x", "when": {"age": {"least": 3}}}]), "when.age.least", "unknown field"),
        (file(overrides=[{"when": {}, "arm": "a"}]), "experiments[0].overrides[0].when", "at least 1"),
        (file(parameters=[{"name": "a"}]), "experiments[0].parameters[0]", "exactly one of value"),
        (file(parameters=[{"name": "a", "value": 1, "sample": {"choices": [1]}}]), "parameters[0]", "exactly one of"),
        (file(parameters=[{"name": "segment", "value": 1}]), "experiments[0].parameters", "another name"),
        (file(parameters=[{"name": "arm", "value": 1}]), "experiments[0].parameters", "another name"),
        (
            file(parameters=[{"name": "a", "value": 1}, {"name": "b", "value": 1}, {"name": "a", "value": 2}]),
            "experiments[0].parameters",
            "entries of a one after another",
        ),
        (
            file(parameters=[{"name": "a", "salt": "x", "value": 1}, {"name": "a", "value": 2}]),
            "experiments[0].parameters",
            "need the same salt",
        ),
        (
            file(parameters=[{"name": "a", "weightedChoice": {"choices": [1, 2], "weights": [1]}}]),
            "experiments[0].parameters[0]",
            "this cannot be drawn: there must be one weight for each choice",
        ),
        (
            file(parameters=[{"name": "a", "bernoulliTrial": {"p": 2}}]),
            "experiments[0].parameters[0].bernoulliTrial.p",
            "less than or equal to 1",
        ),
        ({"experiments": [file()["experiments"][0]] * 2}, "experiments", "two experiments are called button"),
        (
            {"layers": [{"name": "button", "unit": "user", "shares": {"button": 10}}], **file(layer="button")},
            "experiments",
            "button is hashed with twice",
        ),
        (
            {"layers": [{"name": "home", "unit": "user", "shares": {"other": 10}}], **file(layer="home")},
            "layers",
            "no share for button",
        ),
        (
            {"layers": [{"name": "home", "unit": "user", "shares": {"a": 60, "b": 60}}], **file()},
            "layers[0].shares",
            "more than 100 together",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_field_and_what_to_do(content: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_experiments(content)
    assert message in refused.value.message
    assert refused.value.field.endswith(field), refused.value.field
