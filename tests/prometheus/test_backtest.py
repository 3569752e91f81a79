"""`backtest --from-prometheus` over a history that a real Prometheus has."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import requests
import yaml
from click.testing import CliRunner, Result

from modelrollout.cli.backtest.prometheus import question_of_past, record
from modelrollout.cli.root import root
from modelrollout.decisions.analysis.looking import fold, initial, judge
from modelrollout.metrics import Bounds, Gatherer
from modelrollout.rehearsal.replay.playing import gathered
from modelrollout.rehearsal.replay.roles import Roles
from tests.prometheus.conftest import Exporter, Server, until
from tests.unit.rehearsal.recordings import ERRORS, SLOW, policy

SCRAPE, SECONDS, RATE = 10, 1800, 40
FAULT = 600
PODS = {"v7": ("fraud-v7-7c9f6d5b8-q2w4z",), "v8": ("fraud-v8-5d9c7b6f4-x2x8q", "fraud-v8-5d9c7b6f4-b7b9d")}
MEMORY = {
    "name": "memory",
    "role": "Monitor",
    "threshold": {"query": 'max(memory_ratio{namespace="{{namespace}}",pod=~"{{pods}}"})', "max": 0.9},
}


@dataclass(frozen=True)
class History:
    """Half an hour that ended a moment ago: v8 is as good as v7 for ten minutes, then every twelfth answer is bad."""

    start: int
    namespace: str = "past"

    def page(self, version: str, pod: str) -> str:
        """All scrapes of a pod at once, each sample with the time at which it was scraped."""
        rng = np.random.default_rng([len(pod), ord(pod[-1])])
        lines = []
        good, codes, fast = 0, {"500": 0, "503": 0}, 0
        for elapsed in range(0, SECONDS + 1, SCRAPE):
            answers = int(rng.poisson(RATE * SCRAPE))
            bad = int(rng.binomial(answers, 0.08 if version == "v8" and elapsed > FAULT else 0.01))
            # The second code is seen late: its counter is not there from the beginning.
            codes["503" if elapsed > 400 else "500"] += bad
            good += answers - bad
            fast += int(rng.binomial(answers, 0.95))
            total, at = good + sum(codes.values()), (self.start + elapsed) * 1000
            lines += [
                f'http_requests_total{{code="200"}} {good} {at}',
                *(f'http_requests_total{{code="{code}"}} {count} {at}' for code, count in codes.items() if count),
                f'http_request_duration_seconds_bucket{{le="0.25"}} {fast} {at}',
                f'http_request_duration_seconds_bucket{{le="+Inf"}} {total} {at}',
                f"http_request_duration_seconds_count {total} {at}",
                f"memory_ratio {0.5 if elapsed < 300 else 0.95} {at}",
            ]
        return "\n".join(sorted(lines, key=lambda line: line.partition(" ")[0])) + "\n"


@pytest.fixture(scope="module")
def history(prometheus: Server, exporter: Exporter) -> Iterator[History]:
    past = History(int(time.time()) - SECONDS - 120)
    for version, pods in PODS.items():
        for pod in pods:
            page = past.page(version, pod)
            exporter.show(f"/past/{pod}", lambda _, page=page: page)
            prometheus.scrape({"path": f"/past/{pod}", "namespace": past.namespace, "pod": pod})

    def there() -> bool:
        query = {"query": f'count_over_time(memory_ratio{{namespace="past"}}[{SECONDS + 1}s])'}
        query["time"] = str(past.start + SECONDS)
        found = requests.get(f"{prometheus.address}/api/v1/query", query, timeout=5).json()["data"]["result"]
        counts = [int(one["value"][1]) for one in found]
        return len(counts) == 3 and min(counts) == SECONDS // SCRAPE + 1

    until(there, seconds=60)
    yield past
    for pods in PODS.values():
        for pod in pods:
            exporter.show(f"/past/{pod}", None)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rollout = policy(ERRORS, SLOW, MEMORY, canary={"weights": [5, 50], "hold": "8m"})
    file = tmp_path / "rollout.yaml"
    file.write_text(
        yaml.safe_dump(json.loads(rollout.model_dump_json(by_alias=True, exclude_none=True, exclude={"status"})))
    )
    return file


def backtest(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["backtest", *arguments, "-o", "json"], standalone_mode=False)


def test_the_past_is_replayed_and_can_be_passed_on_as_a_file(
    prometheus: Server, history: History, manifest: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "incident.jsonl"
    span = ("--start", str(history.start), "--end", str(history.start + SECONDS))
    where = ("-f", str(manifest), "--from-prometheus", prometheus.address, "-n", history.namespace)
    first = backtest(*where, *span, "--write-samples", str(kept))
    live = json.loads(first.stdout)
    assert (live["outcome"], live["reason"]) == ("RolledBack", "GuardrailFailed")
    assert FAULT < live["after"] < FAULT + 240
    last = {one["metric"]: one for one in live["steps"][-1]["metrics"]}
    assert last["errors"]["verdict"] == "Fail"
    assert last["slow"]["verdict"] == "Pass"
    assert (last["memory"]["verdict"], last["memory"]["candidate"]["value"]) == ("Fail", 0.95)
    again = json.loads(backtest("-f", str(manifest), "--data", str(kept), "--since", str(live["exposedAt"])).stdout)
    source = {"data": {}, "notes": []}
    assert again | source == live | source


async def test_recorded_samples_lead_to_the_evidence_that_asking_at_each_moment_gives(
    prometheus: Server, history: History, executor: ThreadPoolExecutor
) -> None:
    written = policy(ERRORS, SLOW, MEMORY)
    metadata = written.metadata.model_copy(update={"namespace": history.namespace})
    rollout = written.model_copy(update={"metadata": metadata})
    asked = question_of_past(rollout, Roles("v8", "v7"), float(history.start))
    asked = replace(asked, weight=500)
    end = history.start + SECONDS
    # It has an event loop of its own, and so needs a thread of its own.
    recording = executor.submit(record, prometheus.address, "", asked, end, lambda _: None).result()
    gatherer = Gatherer(executor, prometheus.address, bounds=Bounds(connect=1, seconds=5))
    there = here = initial(asked)
    first = -(-history.start // SCRAPE) * SCRAPE
    for at in range(first, first + 1500, 70):
        there = fold(there, asked, await gatherer.gather(asked, there, float(at)), float(at))
        here = fold(here, asked, gathered(recording, asked, here, float(at)), float(at))
        assert judge(here, asked) == judge(there, asked)
    assert [str(one.verdict) for one in judge(here, asked).findings] == ["Fail", "Pass", "Fail"]


def test_a_server_that_does_not_answer_is_named(manifest: Path) -> None:
    ran = backtest("-f", str(manifest), "--from-prometheus", "http://127.0.0.1:9", "--start", "0", "--end", "60")
    assert "127.0.0.1:9 cannot be asked: the connection is refused" in str(ran.exception)


def test_a_metric_that_was_not_scraped_then_is_named(prometheus: Server, history: History, manifest: Path) -> None:
    span = ("--start", str(history.start - 40000), "--end", str(history.start - 36000))
    ran = backtest("-f", str(manifest), "--from-prometheus", prometheus.address, "-n", history.namespace, *span)
    assert "nothing was recorded of the metric errors" in str(ran.exception)
