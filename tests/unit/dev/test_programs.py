"""Promises of dev.programs and dev.golang: the key of a build changes with whatever changes the program."""

from dataclasses import replace
from pathlib import Path

import pytest

from dev import paths, programs
from dev.golang import version_of


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> programs.Program:
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "go.mod").write_text("module example\n")
    monkeypatch.setattr(paths, "TOOLS", tmp_path)
    return programs.Program("tool", "module", "example.local/tool")


def test_the_same_sources_and_flags_have_one_key(program: programs.Program) -> None:
    assert program.key("1.26") == program.key("1.26")


def test_another_go_flag_or_pin_has_another_key(program: programs.Program) -> None:
    keys = {program.key("1.26"), program.key("1.27"), replace(program, tags=("small",)).key("1.26")}
    (paths.TOOLS / "module" / "go.sum").write_text("example.local/tool v1 h1:x\n")
    keys.add(program.key("1.26"))
    assert len(keys) == 4


def test_programs_that_a_person_brings_along_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert programs.path_of(programs.ETCD) == tmp_path / "etcd"


def test_versions_of_go_are_compared_as_numbers() -> None:
    assert version_of("go version go1.26.8 linux/amd64") == (1, 26, 8)
    assert version_of("go version go1.9.1 linux/amd64") < version_of("go version go1.26.8 linux/amd64")
    assert version_of("no such thing") == ()
