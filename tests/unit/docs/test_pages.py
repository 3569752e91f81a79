"""What README and docs say can be done: commands exist, manifests are right, links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from modelrollout.api import TemplateKind, parse_rollout, parse_template
from modelrollout.cli.root import root
from modelrollout.decisions.decision import Reason
from modelrollout.presets import MissingTemplate, resolution_errors, template_errors
from tests.unit.docs.pages import ROOT, Block, anchors, blocks, links
from tests.unit.presets.shelves import EMPTY

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = [block for page in PAGES for block in blocks(page) if block.language in ("sh", "console")]
MANIFESTS = [block for page in PAGES for block in blocks(page) if block.language == "yaml"]


def lines(block: Block) -> Iterator[str]:
    """The commands of a block; in a console these follow a prompt, unless there is none at all."""
    text = [line for line in block.text.splitlines() if line.strip()]
    prompted = [line[2:] for line in text if line.startswith("$ ")]
    for line in prompted or text:
        yield re.sub(r"(^|\s)#.*", "", line)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(found), f"{page.name}: {target}"


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_every_make_target_that_is_named_exists(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in lines(block):
        for name in re.findall(r"\bmake ([a-z-]+)", line):
            assert name in targets, line


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_every_command_of_the_plugin_is_one_with_such_options(block: Block) -> None:
    for line in lines(block):
        for found in re.finditer(r"\bkubectl modelrollout ([^|;&]*)", line):
            words = re.sub(r'"[^"]*"|<[^>]*>', "TEXT", found[1]).split()
            command = root.get_command(click.Context(root), words[0]) if not words[0].startswith("-") else root
            assert command is not None, line
            if isinstance(command, click.Group) and command is not root:
                command = command.commands.get(words[1], command)
            known = {option for one in command.params for option in one.opts} | {"--help", "-h"}
            assert {word.partition("=")[0] for word in words[1:] if word.startswith("-")} <= known, line


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_every_file_that_a_command_of_ours_names_exists(block: Block) -> None:
    for line in lines(block):
        for path in re.findall(r"(?<![\w./$])(?:examples|charts|crds|dev)/[\w./-]*", line):
            assert (ROOT / path).exists(), line


@pytest.mark.parametrize("block", MANIFESTS, ids=str)
def test_every_manifest_of_ours_would_be_accepted(block: Block) -> None:
    for document in yaml.safe_load_all(block.text):
        if document.get("kind") in set(TemplateKind):
            assert template_errors(parse_template(document).spec) == ()
        whole = _whole(document)
        if whole is not None:
            errors = resolution_errors(parse_rollout(whole).spec, "fraud", EMPTY)
            assert [one for one in errors if not isinstance(one, MissingTemplate)] == []


def _whole(document: dict[str, Any]) -> dict[str, Any] | None:
    """The document as a whole ModelRollout: one stays as it is, a part is put into the smallest; None for others."""
    if document.get("kind") == "ModelRollout":
        return document
    if not document.keys() <= {"metrics", "strategy"}:
        return None
    smallest: dict[str, Any] = yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())
    return smallest | {"spec": smallest["spec"] | document}


def test_the_readme_shows_the_smallest_example_and_the_one_by_hand_differs_where_it_says() -> None:
    shown = next(block for block in blocks(ROOT / "README.md") if block.language == "yaml")
    smallest = yaml.safe_load(shown.text)
    assert smallest == yaml.safe_load((ROOT / "examples/minimal.yaml").read_text())
    by_hand = yaml.safe_load((ROOT / "examples/by-hand/rollout.yaml").read_text())
    assert by_hand["spec"].keys() == smallest["spec"].keys()
    added = by_hand["spec"]["metrics"][0].keys() - smallest["spec"]["metrics"][0].keys()
    assert added == {"series", "margin"}


def test_every_reason_of_an_event_is_explained() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    table = text[text.index("## Events") : text.index("## At 3 a.m.")]
    explained = {
        word for row in table.splitlines() if row.startswith("| ") for word in re.findall(r"\w+", row.split("|")[1])
    }
    source = "".join(path.read_text() for path in (ROOT / "operator/modelrollout").rglob("*.py"))
    assert {str(one) for one in Reason if f"Reason.{one.name}" in source} == explained - {"reason"}
