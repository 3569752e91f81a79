"""What the benchmark counts, and how it sums up."""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.operator.audit import Audit
from benchmarks.operator.figures import figure


def entry(verb: str, resource: str, name: str = "", query: str = "", user: str = "operator", part: str = "") -> str:
    about = {"resource": resource, "namespace": "many", **({"name": name} if name else {})}
    about |= {"subresource": part} if part else {}
    event = {
        "stageTimestamp": "2026-11-20T10:00:00.250000Z",
        "user": {"username": user},
        "verb": verb,
        "objectRef": about,
        "requestURI": f"/namespaces/many/{resource}/{name}{query}",
        "responseStatus": {"code": 200},
    }
    return json.dumps(event) + "\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


def test_quantiles_are_values_that_were_measured() -> None:
    one = figure("x", "s", [4.0, 1.0, 3.0, 2.0], goal=3.0, judged="p50")
    assert (one.p50, one.p99, one.max, one.met) == (2.0, 4.0, 4.0, True)


def test_a_goal_is_missed_by_the_number_it_is_about() -> None:
    assert figure("x", "s", [1.0, 9.0], goal=3.0).met is False
    assert figure("x", "s", [1.0, 9.0], goal=3.0, judged="p50").met is True


def test_a_request_belongs_to_the_model_that_its_path_or_selector_names(log: Path) -> None:
    log.write_text(
        entry("patch", "modelrollouts", "model-0001", part="status")
        + entry("get", "configmaps", "model-0001-settings")
        + entry("list", "pods", query="?labelSelector=app%3Dmodel-0001-v8")
        + entry("patch", "httproutes", "model-0002")
        + entry("patch", "httproutes", "model-0001", user="somebody")
    )
    cost = Audit(log).by_model("many", "operator", since=0.0)
    expected = Counter({"patch modelrollouts/status": 1, "get configmaps": 1, "list pods": 1})
    assert cost == {"model-0001": expected, "model-0002": Counter({"patch httproutes": 1})}


def test_watches_lists_of_a_kind_and_the_lease_are_counted_apart(log: Path) -> None:
    log.write_text(entry("watch", "httproutes") + entry("list", "services") + entry("update", "leases", "modelrollout"))
    audit = Audit(log)
    assert audit.by_model("many", "operator", since=0.0) == {}
    assert audit.apart("many", "operator", since=0.0).total() == 3


def test_a_line_that_is_still_being_written_is_read_later(log: Path) -> None:
    line = entry("patch", "httproutes", "model-0001")
    log.write_text(line[:40])
    audit = Audit(log)
    assert list(audit.entries("many", "operator")) == []
    log.write_text(line)
    assert len(list(audit.entries("many", "operator"))) == 1
