"""`assign`: answers for one unit, for people and for programs."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

EXAMPLES = Path(__file__).parents[3] / "examples" / "experiments"
SEGMENTS, PLANOUT = str(EXAMPLES / "segments.yaml"), str(EXAMPLES / "planout.yaml")


def test_the_answer_of_the_docs_is_what_is_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(EXAMPLES.parents[1])
    page = (EXAMPLES.parents[1] / "docs/assignment.md").read_text()
    command, *shown = page.split("```console\n$ kubectl modelrollout ")[1].split("```")[0].splitlines()
    ran = run(*command.split())
    assert (ran.code, [line.rstrip() for line in ran.out.splitlines()]) == (0, shown)


def test_an_answer_for_programs(run: Run) -> None:
    ran = run("assign", "-f", SEGMENTS, "--unit", "user=42", "--attr", "beta=true", "-o", "json")
    assert json.loads(ran.out) == [
        {
            "experiment": "ranker",
            "unit": ["42"],
            "arm": "v8",
            "takesPart": True,
            "reason": "Split",
            "segment": "beta",
            "slot": 6765,
            "parameters": {},
        }
    ]


def test_an_attribute_may_have_several_values(run: Run) -> None:
    asked = ("assign", "-f", SEGMENTS, "--unit", "user=42", "--attr", "group=eu", "--attr", "group=qa")
    assert "in segment qa" in " ".join(run(*asked).out.split())


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ((), "in no segment"),
        (("country=CN",), "excluded by segment excluded"),
        (("user=ada",), "the attribute user identifies the unit and is missing"),
    ],
)
def test_it_says_why(run: Run, attributes: tuple[str, ...], why: str) -> None:
    ran = run("assign", "-f", SEGMENTS, "--unit", "user=1", *(f"--attr={one}" for one in attributes))
    assert why in " ".join(ran.out.split())  # a narrow terminal fills lines


def test_only_one_experiment(run: Run) -> None:
    layers = str(EXAMPLES / "layers.yaml")
    ran = run("assign", "-f", layers, "--unit", "user=1", "--experiment", "price", "-o", "json")
    assert [one["experiment"] for one in json.loads(ran.out)] == ["price"]
    ran = run("assign", "-f", layers, "--unit", "user=1", "--experiment", "prize")
    assert (ran.code, ran.err) == (
        1,
        f"error: there is no experiment prize in {layers}\nIt has: banner, headline, price, gift.\n",
    )


def test_a_wrong_file_is_refused_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(Path(SEGMENTS).read_text().replace("arm: v8\n  - name: beta", "armm: v8\n  - name: beta"))
    ran = run("assign", "-f", str(file), "--unit", "user=1")
    assert ran.code == 1
    assert ran.err.splitlines() == [
        f"{file}:16:5: error: experiments[0].segments[1].armm: unknown field: remove it, or correct its spelling",
        f"error: {file} is no experiment file that can be asked",
        "Mend what is named above.",
    ]


def test_a_key_that_stands_twice_and_a_file_of_two_documents_are_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("experiments:\n- {name: a, unit: user, unit: item}\n")
    assert "the key unit stands twice here" in run("assign", "-f", str(file), "--unit", "user=1").err
    file.write_text(Path(PLANOUT).read_text() + "---\n" + Path(PLANOUT).read_text())
    assert "2 documents" in run("assign", "-f", str(file), "--unit", "user=1").err


def test_a_unit_needs_a_name_and_a_value(run: Run) -> None:
    ran = run("assign", "-f", PLANOUT, "--unit", "42")
    assert (ran.code, "'42' is no NAME=VALUE: write for example user=42" in ran.err) == (2, True)
