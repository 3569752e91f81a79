"""Who takes part in what: the order of the rules, and each kind of condition."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from modelrollout.assignment import Assignment, Attributes, Plan, Reason, Test
from modelrollout.experiments import parse_experiments

EXAMPLES = Path(__file__).parents[3] / "examples" / "experiments"
USERS = range(4000)


def plan(text: str) -> Plan:
    return parse_experiments(yaml.safe_load(text)).plan()


RANKER = plan((EXAMPLES / "segments.yaml").read_text())


def ranker(**attributes: object) -> Assignment:
    return RANKER.assign(attributes)[0]  # type: ignore[arg-type]


def test_the_first_segment_that_applies_decides() -> None:
    assert ranker(user=1, group="qa", country="CN").segment == "excluded"
    assert ranker(user=1, group=["eu", "qa"], beta=True).segment == "qa"
    assert ranker(user=1, beta="true").segment == "beta"


def test_beta_users_are_split_in_half_qa_is_always_on_and_everyone_else_off() -> None:
    beta = [ranker(user=user, beta=True).arm for user in USERS]
    assert 0.46 < beta.count("v8") / len(beta) < 0.54
    assert {ranker(user=user, group="qa").arm for user in range(50)} == {"v8"}
    other = ranker(user=1)
    assert (other.arm, other.reason, other.takes_part) == ("off", Reason.DEFAULT, False)


def test_excluded_users_get_the_default_and_are_not_counted() -> None:
    answer = ranker(user=1, country="RU", group="qa")
    assert (answer.arm, answer.takes_part, answer.reason) == ("off", False, Reason.SEGMENT)


def test_a_user_of_the_allow_list_has_the_arm_by_hand_and_is_not_counted() -> None:
    answer = ranker(user="ada", country="CN")
    assert (answer.arm, answer.takes_part, answer.reason) == ("v8", False, Reason.OVERRIDE)


def test_a_percentage_of_an_audience_takes_part_and_the_rest_goes_on() -> None:
    answers = [ranker(user=user, age=30) for user in USERS]
    within = [each for each in answers if each.segment == "adults"]
    assert 0.08 < len(within) / len(answers) < 0.12
    assert {each.arm for each in within} == {"v7", "v8", "v9"}
    assert {each.reason for each in answers if each.segment is None} == {Reason.DEFAULT}
    assert ranker(user=within[0].unit[0], age=17).reason is Reason.DEFAULT


def test_a_killed_experiment_gives_everybody_the_default() -> None:
    text = (EXAMPLES / "segments.yaml").read_text().replace("kill: false", "kill: true")
    for attributes in ({"user": "ada"}, {"user": 1, "group": "qa"}, {}):
        answer = plan(text).assign(attributes)[0]
        assert (answer.arm, answer.reason, answer.takes_part) == ("off", Reason.KILLED, False)


def test_a_unit_that_is_not_identified_gets_the_default_and_is_told_what_is_missing() -> None:
    answer = ranker(group="qa")
    assert (answer.arm, answer.reason, answer.missing) == ("off", Reason.NO_UNIT, ("user",))


def test_a_users_arm_does_not_depend_on_the_type_of_the_number() -> None:
    assert ranker(user=42, beta=True) == ranker(user="42", beta="true") == ranker(user=42.0, beta=True)


def test_overrides_of_parameters_are_seen_by_later_ones_as_in_planout() -> None:
    text = """
    experiments:
    - name: foo
      unit: userid
      overrides:
      - {when: {tester: true}, parameters: {specific_goal: 0}}
      parameters:
      - {name: group_size, uniformChoice: {choices: [1, 10]}}
      - {name: specific_goal, bernoulliTrial: {p: 0.8}}
      - {name: ratings_per_user_goal, when: {specific_goal: 1}, uniformChoice: {choices: [8, 16, 32, 64]}}
    """
    drawn = plan(text).assign({"userid": 123454})[0]
    assert drawn.parameters == {"group_size": 10, "specific_goal": 1, "ratings_per_user_goal": 32}
    forced = plan(text).assign({"userid": 123454, "tester": True})[0]
    assert (forced.parameters, forced.takes_part) == ({"group_size": 10, "specific_goal": 0}, False)


def test_a_parameter_without_its_unit_is_not_given_and_named() -> None:
    text = """
    experiments:
    - name: page
      unit: user
      parameters:
      - {name: text, unit: [cookie], uniformChoice: {choices: [a, b]}}
      - {name: size, value: 3}
    """
    answer = plan(text).assign({"user": 1})[0]
    assert (answer.parameters, answer.missing) == ({"size": 3}, ("cookie",))


def test_two_parameters_with_one_salt_are_drawn_alike() -> None:
    text = """
    experiments:
    - name: page
      unit: [user, item]
      parameters:
      - {name: a, salt: same, randomInteger: {min: 0, max: 1000000}}
      - {name: b, salt: same, randomInteger: {min: 0, max: 1000000}}
      - {name: c, randomInteger: {min: 0, max: 1000000}}
    """
    given = plan(text).assign({"user": 1, "item": 2})[0].parameters
    assert given["a"] == given["b"] != given["c"]
    assert plan(text).assign({"user": 1, "item": 3})[0].parameters["a"] != given["a"]


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        (Test(any_of=frozenset({"42"})), 42, True),
        (Test(any_of=frozenset({"BR"})), None, False),
        (Test(any_of=frozenset({"BR"})), ["PT", "BR"], True),
        (Test(none_of=frozenset({"BR"})), None, True),
        (Test(none_of=frozenset({"BR"})), ["PT", "BR"], False),
        (Test(minimum=18), "18", True),
        (Test(minimum=18), "17.9", False),
        (Test(minimum=18), "old", False),
        (Test(maximum=18), 18.5, False),
        (Test(minimum=1, maximum=2), ["0", "3"], False),
        (Test(prefix="eu-"), "eu-west", True),
        (Test(prefix="eu-"), "us-west", False),
        (Test(present=True), None, False),
        (Test(present=True), "", True),
        (Test(present=False), None, True),
        (Test(present=False), 1, False),
    ],
)
def test_conditions(test: Test, value: Attributes, holds: bool) -> None:
    assert test.holds(value) is holds  # type: ignore[arg-type]


def test_the_module_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, modelrollout.assignment; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    foreign = {"pydantic", "numpy", "yaml", "aiohttp", "kubernetes", "click"}
    assert foreign.isdisjoint(done.stdout.split())
