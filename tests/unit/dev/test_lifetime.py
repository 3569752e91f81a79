"""Promises of dev.lifetime, dev.supervise and dev.paths: one holder per cluster, and nothing outlives its parent."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev import lifetime, paths, supervise
from dev.controlplane import free_ports
from dev.errors import DevError
from dev.progress import wait_until


def test_the_process_that_was_noted_holds_the_cluster(tmp_path: Path) -> None:
    lifetime.note(tmp_path, os.getpid(), network="10.210.0.0/16")
    assert lifetime.holder(tmp_path) == os.getpid()
    assert lifetime.state(tmp_path)["network"] == "10.210.0.0/16"


def test_a_later_process_with_the_same_number_holds_nothing(tmp_path: Path) -> None:
    lifetime.note(tmp_path, os.getpid())
    noted = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps({**noted, "started": "1"}))
    assert lifetime.holder(tmp_path) is None


def test_without_a_note_nobody_holds_the_cluster(tmp_path: Path) -> None:
    assert lifetime.holder(tmp_path) is None


def test_a_running_cluster_is_refused_with_the_command_that_ends_it(tmp_path: Path) -> None:
    lifetime.note(tmp_path, os.getpid())
    with pytest.raises(DevError, match=f"python -m dev down --name {tmp_path.name}"):
        lifetime.refuse_if_running(tmp_path)


def test_what_a_crashed_cluster_left_is_swept_and_running_or_starting_ones_stay(tmp_path: Path) -> None:
    for name in ("crashed", "running", "starting"):
        (tmp_path / name).mkdir()
    lifetime.note(tmp_path / "running", os.getpid())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    lifetime.note(tmp_path / "crashed", gone.pid)
    gone.wait()
    assert lifetime.sweep_crashed(tmp_path) == ["crashed"]
    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["running", "starting"]


def test_interface_names_fit_the_kernel_and_differ_between_checkouts() -> None:
    names = {lifetime.interface(Path(folder)) for folder in ("/a/.cluster/dev", "/b/.cluster/dev")}
    assert len(names) == 2
    assert all(len(name) <= 15 for name in names)


@pytest.mark.parametrize("name", ["", "..", "a/b", "Dev", "-a", "a" * 31])
def test_a_name_that_is_no_label_is_refused(name: str) -> None:
    with pytest.raises(DevError, match="cannot name a cluster"):
        paths.cluster_folder(name)


def test_free_ports_differ() -> None:
    assert len(set(free_ports(3))) == 3


def supervised(tmp_path: Path, *command: str) -> Path:
    spec = tmp_path / "processes.json"
    supervise.write(spec, tmp_path, [supervise.Process("child", list(command))])
    return spec


def test_the_end_of_one_process_ends_all_and_its_last_words_are_said(tmp_path: Path) -> None:
    spec = supervised(tmp_path, sys.executable, "-c", "print('out of luck'); raise SystemExit(3)")
    command = [sys.executable, "-m", "dev.supervise", str(spec)]
    done = subprocess.run(command, cwd=paths.CHECKOUT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert "child ended with 3" in done.stdout
    assert "out of luck" in done.stdout


def test_a_bound_supervisor_ends_with_its_children_when_the_parent_is_gone(tmp_path: Path) -> None:
    child = tmp_path / "pid"
    code = f"import os, pathlib, signal; pathlib.Path({str(child)!r}).write_text(str(os.getpid())); signal.pause()"
    spec = supervised(tmp_path, sys.executable, "-c", code)
    supervisor = supervise.spawn("dev.supervise", spec, tmp_path / "supervisor.log")
    wait_until(lambda: child.exists() and child.read_text() != "", "the child", 20, pause=0.01)
    assert supervisor.stdin
    supervisor.stdin.close()
    assert supervisor.wait(20) == 0
    assert not Path("/proc", child.read_text()).exists()
