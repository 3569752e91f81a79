"""What keeps telemetry from saying anything is said, and nothing else is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelrollout.collector.catalogue import Catalogue, Entry
from modelrollout.collector.diagnosis import LEAST, Diagnosis, Problem, What
from modelrollout.collector.engines import Store
from modelrollout.collector.events import NOT_JSON, NOT_SENT
from modelrollout.collector.hashing import Hasher
from tests.unit.collector.world import CLASSES, KEY, World, answered, asked, exchange, fraud, label

MANY = range(LEAST)
NUMBERS = {"prediction": "price", "compare": {"kind": "Number"}}


def entry(telemetry: Mapping[str, Any] = CLASSES) -> Entry:
    catalogue = Catalogue(Hasher(b"key"))
    catalogue.take(fraud(telemetry))
    found = catalogue.get(KEY)
    assert found is not None
    return found


def told(diagnosis: Diagnosis, *entries: Entry) -> list[Problem]:
    return [problem for _, problem in diagnosis.problems(entries)]


def test_nothing_is_said_of_a_few() -> None:
    rollout, diagnosis = entry(), Diagnosis()
    diagnosis.saw(rollout, "v8", What.PREDICTED, "nothing-there", LEAST - 1)
    assert told(diagnosis, rollout) == []
    diagnosis.saw(rollout, "v8", What.PREDICTED, "nothing-there")
    assert [(one.version, one.reason) for one in told(diagnosis, rollout)] == [("v8", "NoPredictions")]


def test_one_that_works_is_enough() -> None:
    rollout, diagnosis = entry(), Diagnosis()
    diagnosis.saw(rollout, "v8", What.PREDICTED)
    diagnosis.saw(rollout, "v8", What.PREDICTED, "nothing-there", 500)
    assert told(diagnosis, rollout) == []


def test_what_worked_long_ago_does_not_hide_that_it_does_no_more() -> None:
    rollout, diagnosis = entry(), Diagnosis()
    diagnosis.saw(rollout, "v8", What.PREDICTED, "", 900)
    for _ in range(20):
        diagnosis.saw(rollout, "v8", What.PREDICTED, "not-json", 500)
    assert [one.reason for one in told(diagnosis, rollout)] == ["NoPredictions"]


def test_an_edit_of_the_telemetry_begins_anew() -> None:
    diagnosis = Diagnosis()
    diagnosis.saw(entry(), "v8", What.PREDICTED, "nothing-there", LEAST)
    edited = entry({"prediction": "klass"})
    assert told(diagnosis, edited) == []
    diagnosis.saw(edited, "v8", What.PREDICTED)
    assert told(diagnosis, edited) == []


def test_telemetry_that_cannot_be_used_is_told_of_every_version() -> None:
    found = told(Diagnosis(), entry({"prediction": "outputs[0"}))
    assert [(one.version, one.reason) for one in found] == [("v7", "Unusable"), ("v8", "Unusable")]
    assert "spec.telemetry.prediction" in found[0].message
    assert "is no JMESPath" in found[0].message


def test_a_rollout_that_is_gone_is_forgotten() -> None:
    rollout, diagnosis = entry(), Diagnosis()
    diagnosis.saw(rollout, "v8", What.PREDICTED, "nothing-there", LEAST)
    assert told(diagnosis) == []
    assert told(diagnosis, rollout) == []


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    store = Store(f"sqlite:///{tmp_path / 'collector.db'}")
    yield World(store, getattr(request, "param", CLASSES))
    store.close()


@pytest.mark.parametrize(
    ("world", "body", "message"),
    [
        (CLASSES, {"klass": "a"}, "has anything at spec.telemetry.prediction"),
        (CLASSES, NOT_SENT, "comes with its body"),
        (CLASSES, NOT_JSON, "is JSON"),
        (NUMBERS, {"price": "high"}, "nothing that spec.telemetry.compare can compare"),
    ],
    indirect=["world"],
)
def test_answers_without_a_prediction_are_told_at_once_by_what_they_lack(
    world: World, body: object, message: str
) -> None:
    for number in MANY:
        world.send(*exchange(str(number), "v8", body))
    (found,) = world.problems()
    assert (found["version"], found["reason"]) == ("v8", "NoPredictions")
    assert message in found["message"]
    assert "model_outcomes_total" in found["series"].split(",")
    assert world.counted("model_telemetry_problem") == 1


def test_failures_are_no_answers_without_a_prediction(world: World) -> None:
    for number in MANY:
        world.send(*exchange(str(number), "v8", code=500))
    assert world.problems() == []


def test_requests_that_are_told_of_without_answers_are_said(world: World) -> None:
    for number in MANY:
        world.send(asked(str(number), "v8"))
    (found,) = world.problems()
    assert (found["version"], found["reason"], found["series"]) == ("v8", "NoAnswers", "")
    world.send(answered("0", "v8", {"class": "a"}))
    assert world.problems() == []


def test_labels_that_meet_no_answer_are_told_from_none_at_all(world: World) -> None:
    for number in MANY:
        world.send(*exchange(str(number), body={"class": "a"}))
    world.later(20)
    (found,) = world.problems()
    assert (found["reason"], found["message"]) == ("NoLabels", "no label has come")
    world.send(label("other", "a"))
    assert world.problems()[0]["message"].startswith("labels come, and none in time")
    world.send(*exchange("right", body={"class": "a"}), label("right", "a"))
    world.later(20)
    assert world.problems() == []


def test_copies_that_meet_no_answer_of_stable_are_said(world: World) -> None:
    for number in MANY:
        world.send(
            *exchange(f"a{number}", body={"class": "a"}, shadow=False),
            *exchange(f"b{number}", "v8", {"class": "a"}, shadow=True),
            label(f"a{number}", "a"),
            label(f"b{number}", "a"),
        )
    world.later(20)
    (found,) = world.problems()
    assert (found["version"], found["reason"]) == ("v8", "NoPairs")
    assert "model_shadow_pairs_total" in found["series"].split(",")
