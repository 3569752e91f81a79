"""The module gives the published vectors, and so does the shell of docs/assignment.md, which shares no code with it."""

import re
import shlex
import subprocess
from typing import Any

import pytest

from modelrollout.assignment import Draw, Salt, Split, slot_of
from modelrollout.assignment.parameters import Operator
from tests.unit.assignment.vectors import PAGE, VECTORS, runs

ARGUMENTS = {"min": "low", "max": "high"}
SHELL = re.search(r"```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)


def test_the_hash() -> None:
    for each in VECTORS["integers"]:
        assert str(Salt(each["salt"]).integer(each["unit"])) == each["integer"]
        assert Salt(each["salt"]).fraction(each["unit"]) == each["fraction"]


def test_draws() -> None:
    for each in VECTORS["draws"]:
        arguments = {
            ARGUMENTS.get(name, name): tuple(value) if isinstance(value, list) else value
            for name, value in each["arguments"].items()
        }
        drawn = Draw(Operator(each["operator"]), **arguments).of(Salt(each["salt"]), each["unit"])
        assert (drawn, type(drawn)) == (each["value"], type(each["value"])), each


def test_slots_and_tables() -> None:
    for each in VECTORS["slots"]:
        assert slot_of(each["salt"], each["unit"]) == each["slot"]
    for each in VECTORS["splits"]:
        *before, shares = each["shares"]
        assert runs(Split(shares, before).owners()) == each["owners"]


def test_what_planout_publishes_is_among_them() -> None:
    published = [each for each in VECTORS["draws"] if "source" in each]
    assert {each["salt"]: each["value"] for each in published} == {
        "foo.group_size": 10,  # ratings_goal 320 of its interpreter's test is 10 times 32
        "foo.specific_goal": 1,
        "foo.ratings_per_user_goal": 32,
        "test_salt.foo": "b",
        "test_salt.bar": "a",
        "test_salt.fiz": "b",
        "test_salt.buz": "a",
    }


def shell(script: str) -> list[str]:
    assert SHELL is not None
    done = subprocess.run(["bash", "-euc", SHELL[1] + script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("what", ["integers", "slots", "draws"])
def test_the_shell_gives_the_same(what: str) -> None:
    asked = [(each, _asked(what, each)) for each in VECTORS[what]]
    asked = [(each, line) for each, line in asked if line]
    printed = shell("".join(f"{line}\n" for _, line in asked))
    assert len(asked) > 4
    for (each, line), text in zip(asked, printed, strict=True):
        assert text == str(each.get("integer", each.get("slot", each.get("value")))), line


def test_the_shell_gives_the_same_fractions() -> None:
    asked = VECTORS["integers"]
    printed = shell("".join(f"fraction {_at(each)}\n" for each in asked))
    assert [float(text) for text in printed] == [each["fraction"] for each in asked]


def test_the_shell_gives_the_same_tables() -> None:
    for each in VECTORS["splits"]:
        times = [" ".join(f"{name}={slots}" for name, slots in sorted(one.items())) for one in each["shares"]]
        printed = [None if owner == "-" else owner for owner in shell("owners " + shlex.join(times))]
        assert runs(printed) == each["owners"]


def _at(each: dict[str, Any]) -> str:
    return shlex.quote(".".join([each["salt"], *each["unit"]]))


def _asked(what: str, each: dict[str, Any]) -> str:
    if what == "integers":
        return f"integer {_at(each)}"
    if what == "slots":
        return f"slot {shlex.join([each['salt'], '.'.join(each['unit'])])}"
    given = each["arguments"]
    match each["operator"]:
        case "uniformChoice":
            return f"uniform_choice {_at(each)} {shlex.join(map(str, given['choices']))}"
        case "weightedChoice":
            pairs = [f"{name}={weight}" for name, weight in zip(given["choices"], given["weights"], strict=True)]
            return f"weighted_choice {_at(each)} {shlex.join(pairs)}"
        case "bernoulliTrial":
            return f"bernoulli_trial {_at(each)} {given['p']}"
        case "randomInteger":
            return f"random_integer {_at(each)} {given['min']} {given['max']}"
    return ""
