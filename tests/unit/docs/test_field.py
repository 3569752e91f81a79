"""What docs/field.md says is shown by a test is shown by a test that is there and runs."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "field.md"
AREAS = [
    "Strategies",
    "Traffic",
    "Workloads",
    "Verdicts",
    "No data",
    "Control",
    "Status",
    "Operations",
    "Experiments",
    "Telemetry of models",
]
_LINK = re.compile(r"\[(test_\w+)\]\(\.\./([\w/.]+\.py)\)")
_LEFT_OUT = ("skip", "xfail")


def lines() -> dict[str, dict[str, list[tuple[str, str]]]]:
    """By area and line the tests that are named there: file and name."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for text in PAGE.read_text().splitlines():
        if text.startswith("## "):
            found[text.removeprefix("## ")] = {}
        elif text.startswith("| ") and not text.startswith("| what "):
            _, what, shown, _ = text.split("|")
            found[list(found)[-1]][what.strip()] = [(file, name) for name, file in _LINK.findall(shown)]
            assert shown.count("[") == len(_LINK.findall(shown)), f"{what.strip()}: a link that names no test"
    return found


def running(file: str) -> set[str]:
    """Tests of a file that nothing leaves out."""
    tree = ast.parse((ROOT / file).read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any(word in ast.unparse(one) for one in node.decorator_list for word in _LEFT_OUT)
    }


def test_every_area_is_there_and_every_line_is_shown_by_a_test() -> None:
    found = lines()
    assert list(found) == AREAS
    assert {(area, what) for area, all_ in found.items() for what, tests in all_.items() if not tests} == set()
    assert sum(map(len, found.values())) > 50


def test_every_test_that_is_named_is_there_and_runs() -> None:
    named = {one for area in lines().values() for tests in area.values() for one in tests}
    assert {(file, name) for file, name in named if name not in running(file)} == set()
