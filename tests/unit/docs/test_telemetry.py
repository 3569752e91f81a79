"""What docs/telemetry.md tells people to send is taken by a running collector."""

import asyncio
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from modelrollout.collector import Settings
from modelrollout.collector.process import Collector
from modelrollout.kube.fake import FakeServer
from tests.unit.collector.world import fraud, until

PAGE = Path(__file__).parents[3] / "docs" / "telemetry.md"
TOKEN = "documented"  # noqa: S105 - of this test alone


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def _calls() -> list[tuple[str, dict[str, str], str]]:
    """Path, headers and body of each curl of the page."""
    calls = []
    for block in _blocks("sh"):
        for command in re.findall(r"curl .*?(?=\ncurl |\Z)", block.strip(), re.DOTALL):
            words = shlex.split(command.replace("$TOKEN", TOKEN))
            options = dict(pairwise(words))
            headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
            calls.append((words[2].removeprefix("$COLLECTOR"), headers, options["-d"]))
    return calls


def test_the_page_shows_every_kind_of_message() -> None:
    assert [path for path, _, _ in _calls()] == ["/v1/events", "/v1/labels", "/v1/signals", "/v1/heartbeats"]


async def test_what_the_page_sends_is_taken_and_counted(tmp_path: Path) -> None:
    telemetry: dict[str, Any] = yaml.safe_load(_blocks("yaml")[0])["telemetry"]
    server = FakeServer()
    # The page's delay is half an hour, which nobody waits for here.
    server.put(
        "/apis/modelrollout.io/v1alpha1/namespaces/risk/modelrollouts/fraud", fraud(telemetry | {"labelDelay": "0s"})
    )
    (tmp_path / "tokens").write_text(TOKEN)
    settings = Settings(
        store=f"sqlite:///{tmp_path / 'c.db'}",  # type: ignore[arg-type]
        namespaces=("risk",),
        host="127.0.0.1",
        probe_host="127.0.0.1",
        port=0,
        probe_port=0,
        token_file=str(tmp_path / "tokens"),
        settle=0.5,
    )
    collector, stopped = Collector(settings, server), asyncio.Event()
    task = asyncio.create_task(collector.run(stopped))
    await until(lambda: collector.server.port and collector.known())
    async with aiohttp.ClientSession() as session:
        for path, headers, body in _calls():
            url = f"http://127.0.0.1:{collector.server.port}{path}"
            async with session.post(url, data=body.encode(), headers=headers) as answer:
                assert (answer.status, (await answer.json())["refused"]) == (202, 0), path

        async def metrics() -> str:
            async with session.get(f"http://127.0.0.1:{collector.probes.port}/metrics") as answer:
                return await answer.text()

        whose = 'namespace="risk",rollout="fraud",version="v7"'
        outcome = f'model_outcomes_total{{{whose},country="BR",correct="true"}} 1.0'

        async def counted() -> bool:
            return outcome in await metrics()

        await until(counted)
        text = await metrics()
    stopped.set()
    await task
    assert f'model_signals_total{{{whose},country="BR",signal="complaint"}} 1.0' in text
    assert f'model_invariant_failures_total{{{whose},country="BR",invariant="probability"}} 0.0' in text
    assert f'model_heartbeat_age_seconds{{{whose},source="chargebacks"}}' in text


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(model_[a-z_]+[a-z])", PAGE.read_text()))))
def test_every_counter_of_the_page_is_one(name: str) -> None:
    from modelrollout.collector import exposition, series

    known = {*series.HELP, exposition.HEARTBEAT, exposition.DISTANCE, exposition.PROBLEM}
    assert any(one == name or one.startswith(f"{name}_") or f"{one}_bucket" == name for one in known)
