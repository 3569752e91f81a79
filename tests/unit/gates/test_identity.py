"""Which model a server says it serves, over real HTTP, and when that is an alarm."""

from typing import Any

import pytest

from modelrollout.api import ModelInfo
from modelrollout.api.status import Verdict
from modelrollout.gates import GateFinder
from tests.unit.gates.pods import Pods, a_check

DECLARED = ModelInfo(name="fraud", version="8")
PATH = "GET /v2/models/fraud"
INDEX = "POST /v2/repository/index"
V2 = {"name": "mlserver", "version": "1.7.1", "extensions": []}


def told(*versions: str) -> tuple[int, Any]:
    return 200, {"name": "fraud", "versions": list(versions), "platform": ""}


async def ask(finder: GateFinder, pods: Pods, model: ModelInfo = DECLARED) -> tuple[Verdict, str, str]:
    found = await finder.find(a_check(model, await pods.start()))
    return found.verdict, found.reason, found.message


async def test_the_declared_version_is_confirmed(finder: GateFinder, pods: Pods) -> None:
    pods.answers[PATH] = told("7", "8")
    assert (await ask(finder, pods))[:2] == (Verdict.PASS, "Confirmed")
    assert [one[0] for one in pods.asked] == [PATH]
    assert pods.asked[0][1]["Host"] == "fraud-v8.risk.svc:8080"


async def test_another_version_is_told_with_what_was_found_and_expected(finder: GateFinder, pods: Pods) -> None:
    pods.answers[PATH] = told("7")
    verdict, reason, message = await ask(finder, pods)
    assert (verdict, reason) == (Verdict.FAIL, "VersionDiffers")
    assert "serves fraud 7, and spec.versions declares fraud 8" in message


async def test_a_server_that_leaves_versions_out_is_asked_for_its_index(finder: GateFinder, pods: Pods) -> None:
    entries = [{"name": "fraud", "version": "8", "state": "READY"}, {"name": "other", "version": "1", "state": "READY"}]
    pods.answers = {PATH: told(), INDEX: (200, entries)}
    assert (await ask(finder, pods))[0] is Verdict.PASS
    pods.answers[INDEX] = 200, [{"name": "fraud", "version": "7", "state": "READY"}]
    assert (await ask(finder, pods))[0] is Verdict.FAIL


@pytest.mark.parametrize(
    "answers",
    [
        {PATH: told()},
        {PATH: (200, {"name": "fraud"}), INDEX: (200, {"error": "not a list"})},
        {PATH: (200, {"name": "fraud", "versions": "8"}), INDEX: (200, [{"name": "fraud", "version": None}, 3])},
        {PATH: (200, b"<html>welcome</html>")},
        {PATH: (503, {"error": "the model is being loaded"})},
        {PATH: (302, "http://metadata/"), "GET /v2": (200, V2)},
        {"GET /v2": (200, {"name": "something else"})},
    ],
)
async def test_a_server_that_does_not_tell_gives_no_alarm(
    finder: GateFinder, pods: Pods, answers: dict[str, Any]
) -> None:
    pods.answers = answers
    assert (await ask(finder, pods))[:2] == (Verdict.INCONCLUSIVE, "NotTold")


async def test_a_v2_server_that_knows_no_such_model_is_the_wrong_one(finder: GateFinder, pods: Pods) -> None:
    pods.answers["GET /v2"] = 200, V2
    verdict, reason, message = await ask(finder, pods, ModelInfo(name="fraud"))
    assert (verdict, reason) == (Verdict.FAIL, "ModelNotServed")
    assert "serves no model of the name fraud" in message


async def test_every_ready_pod_is_asked_and_one_wrong_one_is_enough(finder: GateFinder, pods: Pods) -> None:
    pods.answers[PATH] = lambda number, _: told("8" if number == 1 else "7")
    check = a_check(DECLARED, await pods.start(), await pods.start())
    found = await finder.find(check)
    assert found.verdict is Verdict.FAIL
    assert check.addresses[1] in found.message


async def test_a_pod_that_is_not_there_cannot_be_asked(finder: GateFinder, pods: Pods) -> None:
    address = await pods.start()
    await pods.close()
    found = await finder.find(a_check(DECLARED, address))
    assert (found.verdict, found.reason) == (Verdict.ERROR, "CannotBeAsked")
    assert address in found.message
    nobody = await finder.find(a_check(DECLARED))
    assert (nobody.verdict, nobody.reason) == (Verdict.ERROR, "CannotBeAsked")


async def test_an_answer_without_end_is_not_read_to_its_end(finder: GateFinder, pods: Pods) -> None:
    pods.answers[PATH] = 200, b"x" * (2 << 20)
    verdict, _, message = await ask(finder, pods)
    assert verdict is Verdict.ERROR
    assert "larger than 1 MiB" in message


async def test_a_pod_that_hangs_is_given_up(finder: GateFinder, pods: Pods, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelrollout.gates.identity._SECONDS", 0.05)
    pods.hang = True
    verdict, _, message = await ask(finder, pods)
    assert verdict is Verdict.ERROR
    assert "gave no answer within 0.05 s" in message


async def test_a_proxy_of_the_environment_is_not_used(
    finder: GateFinder, pods: Pods, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    pods.answers[PATH] = told("8")
    assert (await ask(finder, pods))[0] is Verdict.PASS
