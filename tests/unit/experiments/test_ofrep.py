"""The service against OpenFeature's own client, and against what the protocol says of requests that no client sends."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, OpenFeatureError, TargetingKeyMissingError
from openfeature.flag_evaluation import Reason

from modelrollout.errors import InvalidSpec
from modelrollout.experiments.service import PlanFile, application

EXAMPLES = Path(__file__).parents[3] / "examples" / "experiments"
FLAGS = "/ofrep/v1/evaluate/flags"


class Served:
    """A service on a free port of loopback."""

    def __init__(self, file: Path, token: str) -> None:
        self.runner = web.AppRunner(application(PlanFile(file).plan, "user", token))
        self.address = ""

    async def start(self) -> "Served":
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{self.runner.addresses[0][1]}"
        return self

    async def post(self, path: str, body: bytes, **headers: str) -> tuple[int, Any, str]:
        async with aiohttp.ClientSession() as session:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            async with session.post(self.address + path, data=body, headers=sent) as answer:
                text = await answer.text()
                return answer.status, json.loads(text) if text else None, answer.headers.get("ETag", "")


@pytest.fixture
async def serve() -> AsyncIterator[Any]:
    running: list[Served] = []

    async def served(file: Path, token: str = "") -> Served:
        running.append(await Served(file, token).start())
        return running[-1]

    yield served
    for one in running:
        await one.runner.cleanup()


def about(**context: Any) -> bytes:
    return json.dumps({"context": context}).encode()


async def test_openfeatures_client_gets_arms_and_parameters_with_their_reasons(serve) -> None:
    segments, planout = await serve(EXAMPLES / "segments.yaml"), await serve(EXAMPLES / "planout.yaml")

    def asked() -> None:
        client = OFREPProvider(segments.address)
        beta = EvaluationContext("42", {"beta": True})
        found = client.resolve_string_details("ranker", "none", beta)
        assert (found.value, found.reason, found.variant) == ("v8", Reason.SPLIT, "v8")
        assert found.flag_metadata["slot"] == 6765
        found = client.resolve_string_details("ranker", "none", EvaluationContext("ada"))
        assert (found.value, found.reason) == ("v8", Reason.TARGETING_MATCH)
        found = client.resolve_string_details("ranker", "none", EvaluationContext("42"))
        assert (found.value, found.reason) == ("off", Reason.DEFAULT)
        client = OFREPProvider(planout.address)
        user = EvaluationContext("42", {"cookie": "c1", "country": "US"})
        assert client.resolve_string_details("page.color", "none", user).value == "red"
        assert client.resolve_integer_details("page.has_translate", 5, user).value == 1
        without_cookie = client.resolve_string_details("page.text", "none", EvaluationContext("42"))
        assert (without_cookie.value, without_cookie.reason) == ("none", Reason.DEFAULT)

    await asyncio.to_thread(asked)


async def test_openfeatures_client_is_told_what_is_wrong(serve) -> None:
    served = await serve(EXAMPLES / "segments.yaml")

    def asked() -> None:
        client = OFREPProvider(served.address)
        with pytest.raises(FlagNotFoundError, match="there is no rancor"):
            client.resolve_string_details("rancor", "none", EvaluationContext("42"))
        with pytest.raises(TargetingKeyMissingError, match="the attribute user identifies the unit"):
            client.resolve_string_details("ranker", "none", EvaluationContext())

    await asyncio.to_thread(asked)


async def test_a_killed_experiment_is_disabled(serve, tmp_path: Path) -> None:
    file = tmp_path / "experiments.yaml"
    file.write_text((EXAMPLES / "segments.yaml").read_text().replace("kill: false", "kill: true"))
    _, answer, _ = await (await serve(file)).post(f"{FLAGS}/ranker", about(targetingKey="42", beta=True))
    assert (answer["reason"], answer["value"]) == ("DISABLED", "off")


async def test_all_flags_at_once_are_sent_again_only_when_they_differ(serve) -> None:
    served = await serve(EXAMPLES / "layers.yaml")
    status, answer, tag = await served.post(FLAGS, about(targetingKey="42"))
    assert status == 200
    assert [one["key"] for one in answer["flags"]] == ["banner", "headline", "headline.size", "price", "gift"]
    assert "value" not in answer["flags"][2]  # in no slot of its layer: the caller's default stands
    assert await served.post(FLAGS, about(targetingKey="42"), If_None_Match=f'"other", W/{tag}') == (304, None, tag)
    status, _, other = await served.post(FLAGS, about(targetingKey="43"), If_None_Match=tag)
    assert (status, other != tag) == (200, True)


async def test_in_all_flags_one_that_cannot_be_told_does_not_hide_the_others(serve, tmp_path: Path) -> None:
    file = tmp_path / "experiments.yaml"
    file.write_text(
        "experiments:\n"
        "- {name: a, unit: cookie, segments: [{name: all, arm: x}]}\n"
        "- {name: b, unit: user, segments: [{name: all, arm: x}]}\n"
    )
    status, answer, _ = await (await serve(file)).post(FLAGS, about(targetingKey="42"))
    assert (status, answer["flags"][0]["errorCode"], answer["flags"][1]["value"]) == (200, "TARGETING_KEY_MISSING", "x")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"\xff", "PARSE_ERROR"),
        (b"[" * 50_000, "PARSE_ERROR"),
        (b"[]", "INVALID_CONTEXT"),
        (b'{"context": 3}', "INVALID_CONTEXT"),
        (b'{"context": {"user": {"id": 3}}}', "INVALID_CONTEXT"),
        (b'{"context": {"user": null}}', "INVALID_CONTEXT"),
        (b"", "TARGETING_KEY_MISSING"),
        (b"{}", "TARGETING_KEY_MISSING"),
    ],
)
async def test_a_request_that_cannot_be_read_is_refused_with_the_protocols_code(serve, body: bytes, code: str) -> None:
    served = await serve(EXAMPLES / "segments.yaml")
    status, answer, _ = await served.post(f"{FLAGS}/ranker", body)
    assert (status, answer["errorCode"], answer["key"]) == (400, code, "ranker")
    status, answer, _ = await served.post(FLAGS, body)
    one_by_one = answer["flags"][0]["errorCode"] if status == 200 else answer["errorCode"]
    assert one_by_one == code


async def test_who_has_no_token_gets_nothing_but_the_probe(serve) -> None:
    served = await serve(EXAMPLES / "segments.yaml", token="secret")  # noqa: S106
    for sent in ({}, {"Authorization": "Bearer other"}, {"Authorization": "secret"}):
        assert (await served.post(FLAGS, about(targetingKey="42"), **sent))[0] == 401
    assert (await served.post(FLAGS, about(targetingKey="42"), Authorization="Bearer secret"))[0] == 200
    async with aiohttp.ClientSession() as session, session.get(f"{served.address}/healthz") as answer:
        assert answer.status == 200


def test_a_changed_file_is_read_anew_and_a_wrong_one_leaves_what_was(tmp_path: Path) -> None:
    file, new = tmp_path / "experiments.yaml", tmp_path / "new"

    def exchange(text: str) -> None:
        new.write_text(text)
        os.utime(new, (1, 1))  # a mounted ConfigMap may come with any time
        new.rename(file)

    exchange("experiments: [{name: a, unit: user, default: x}]")
    plans = PlanFile(file)
    assert [one.default for one in plans.plan().experiments] == ["x"]
    exchange("experiments: [{name: a, unit: user, default: yy}]")
    assert [one.default for one in plans.plan().experiments] == ["yy"]
    exchange("experiments: [{name: a, unitt: user}]")
    assert [one.default for one in plans.plan().experiments] == ["yy"]
    file.unlink()
    assert [one.default for one in plans.plan().experiments] == ["yy"]
    exchange("experiments: [{name: a, unit: user, default: zzz}]")
    assert [one.default for one in plans.plan().experiments] == ["zzz"]


def test_a_service_does_not_start_with_a_wrong_file(tmp_path: Path) -> None:
    file = tmp_path / "experiments.yaml"
    file.write_text("experiments: [}")
    with pytest.raises(InvalidSpec, match="is no YAML"):
        PlanFile(file)


async def test_an_error_of_the_client_library_would_be_seen(serve) -> None:
    served = await serve(EXAMPLES / "segments.yaml", token="secret")  # noqa: S106

    def asked() -> None:
        with pytest.raises(OpenFeatureError, match="unauthorized"):
            OFREPProvider(served.address).resolve_string_details("ranker", "none", EvaluationContext("42"))

    await asyncio.to_thread(asked)
