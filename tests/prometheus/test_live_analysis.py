"""Gather, fold and judge against a real Prometheus that scrapes real counters every second."""

import asyncio
import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from modelrollout.decisions.analysis.looking import fold, initial, judge
from modelrollout.decisions.analysis.state import AnalysisState
from modelrollout.decisions.findings import Evidence
from modelrollout.decisions.questions import Question
from modelrollout.metrics import Bounds, Gatherer
from tests.prometheus.conftest import Exporter, Server
from tests.prometheus.models import RATE, Model, World

BOUNDS = Bounds(connect=1, seconds=2)
ERRORS = {
    "name": "errors",
    "better": "Lower",
    "proportion": {"bad": 'http_requests_total{code=~"5.."}', "total": "http_requests_total"},
    "margin": {"difference": 0.03},
}
SLOW = {
    "name": "slow",
    "better": "Lower",
    "latency": {"histogram": "http_request_duration_seconds", "above": "250ms"},
    "margin": {"difference": 0.05},
}


async def watch(gatherer: Gatherer, asked: Question, state: AnalysisState, done, seconds: float = 40):
    """Look twice a second until the evidence satisfies `done`."""
    async with asyncio.timeout(seconds):
        while True:
            now = time.time()
            state = fold(state, asked, await gatherer.gather(asked, state, now), now)
            if done(judge(state, asked)):
                return state
            await asyncio.sleep(0.5)


def verdicts(evidence: Evidence) -> dict[str, str]:
    return {one.metric: str(one.verdict) for one in evidence.findings}


@pytest.fixture(scope="module")
def worlds(prometheus: Server, exporter: Exporter) -> dict[str, World]:
    """Worlds that are scraped from the beginning, since Prometheus takes seconds to notice a new target."""
    return {
        "good": World(prometheus, exporter, v7=Model("v7"), v8=Model("v8")),
        "bad": World(prometheus, exporter, v7=Model("v7"), v8=Model("v8", bad=0.08)),
        "strange": World(prometheus, exporter, v7=Model("v7"), v8=Model("v8", price=6, slow=0.5, bad_in_france=0.1)),
        "resetting": World(prometheus, exporter, v7=Model("v7"), v8=Model("v8")),
        "lonely": World(prometheus, exporter, v7=Model("v7")),
    }


async def test_a_good_candidate_passes(prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor):
    world = worlds["good"]
    asked, gatherer = world.question(ERRORS, SLOW), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: set(verdicts(said).values()) == {"Pass"})
    errors, slow = judge(state, asked).findings
    assert errors.candidate == pytest.approx(0.01, abs=0.003)
    assert slow.candidate == pytest.approx(0.05, abs=0.01)
    assert errors.fresh
    assert errors.inside_margin


async def test_a_bad_candidate_fails_and_a_restarted_operator_agrees(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    world = worlds["bad"]
    asked = world.question(ERRORS, analysis={"dispersion": "Auto"})
    gatherer = Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: verdicts(said)["errors"] == "Fail")
    assert state.metrics["errors"].dispersion == 2  # Prometheus has no two hours of history
    finding = judge(state, asked).findings[0]
    assert (finding.reason, finding.candidate) == ("Worse", pytest.approx(0.08, abs=0.01))
    samples = await gatherer.gather(asked, initial(asked), state.at)
    assert judge(fold(initial(asked), asked, samples, state.at), asked) == judge(state, asked)


KINDS = (
    {
        "name": "value",
        "better": "Higher",
        "mean": {"sum": "order_value_sum", "count": "order_value_count", "sumOfSquares": "order_squares"},
        "margin": {"difference": 2},
    },
    {
        "name": "refusals",
        "better": "Lower",
        "rate": {"events": 'http_requests_total{code="503"}', "exposure": "gpu_hours_total"},
        "margin": {"ratio": 3},
    },
    {
        "name": "drift",
        "distribution": {"histogram": "http_request_duration_seconds", "margin": {"jensenShannon": 0.3}},
    },
    {
        "name": "by-country",
        "better": "Lower",
        "proportion": {"bad": "refused_total", "total": "asked_total"},
        "slices": {"label": "country", "minSamples": 100},
        "margin": {"difference": 0.05},
    },
)


async def test_every_kind_of_counters_is_read_and_passes_for_equal_versions(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    asked, gatherer = worlds["good"].question(*KINDS), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: set(verdicts(said).values()) == {"Pass"})
    value, refusals, drift, _ = judge(state, asked).findings
    assert value.candidate == pytest.approx(10, abs=0.1)
    assert refusals.candidate == pytest.approx(0.4, abs=0.1)
    assert drift.candidate == pytest.approx(0, abs=0.1)
    assert state.metrics["drift"].frozen == (0.1, 0.25, math.inf)
    assert sorted(state.metrics["by-country"].slices.values) == ["de", "fr"]


async def test_worse_values_other_answers_and_one_bad_group_fail(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    asked, gatherer = worlds["strange"].question(*KINDS), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    failing = {"value", "drift", "by-country"}
    state = await watch(
        gatherer,
        asked,
        initial(asked),
        lambda said: {name for name, verdict in verdicts(said).items() if verdict == "Fail"} == failing,
    )
    assert judge(state, asked).findings[3].slices[0].value == "fr"


async def test_a_quantile_without_two_hours_of_history_is_an_error_that_says_so(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    quantile = {"histogram": "http_request_duration_seconds", "quantile": 0.9}
    asked = worlds["good"].question({"name": "slowest", "better": "Lower", "quantile": quantile})
    gatherer = Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: said.findings[0].reason == "NoHistory")
    assert not judge(state, asked).findings[0].fresh


async def test_counters_that_start_again_lose_little_and_invent_nothing(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    world = worlds["resetting"]
    asked, gatherer = world.question(ERRORS), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: said.answers.get("v8", 0) > RATE)
    world.models["v8"].born = time.time()
    state = await watch(gatherer, asked, state, lambda said: said.answers["v8"] > 6 * RATE)
    answers = judge(state, asked).answers
    assert answers["v7"] - 2 * RATE <= answers["v8"] <= answers["v7"] + RATE / 4


async def test_another_namespace_with_the_same_names_is_never_counted(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    asked = worlds["lonely"].question({**ERRORS, "series": "version"}, {**ERRORS, "name": "pods"})
    gatherer = Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: said.findings[0].message.endswith("version"))
    for finding in judge(state, asked).findings:
        assert (finding.verdict, finding.reason, finding.candidate_count) == ("Inconclusive", "NoData", 0)


async def test_a_bound_that_is_no_bucket_is_an_error_that_names_the_nearest(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    world = worlds["good"]
    slow = {**SLOW, "latency": {**SLOW["latency"], "above": "200ms"}}
    asked, gatherer = world.question(slow), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: said.findings[0].reason == "NoSuchBucket")
    finding = judge(state, asked).findings[0]
    assert (finding.verdict, finding.fresh) == ("Error", False)
    assert "nearest are 0.1 s and 0.25 s" in finding.message


@pytest.mark.parametrize(
    ("query", "verdict", "reason"),
    [
        ('max(memory_ratio{namespace="{{namespace}}",pod=~"{{pods}}"})', "Pass", "WithinBounds"),
        ("scalar(max(memory_ratio))", "Pass", "WithinBounds"),
        ('sum(memory_ratio{namespace="{{namespace}}",service="{{service}}"})', "Fail", "OutsideBounds"),
        ('memory_ratio{namespace="{{namespace}}",version="{{version}}"}', "Error", "SeveralValues"),
        ('memory_ratio{namespace="{{namespace}}",workload="{{workload}}"}[1m]', "Error", "WrongType"),
        ('absent_ratio{namespace="{{namespace}}"}', "Inconclusive", "NoData"),
        ('nothing_ratio{namespace="{{namespace}}",version="v8"}', "Inconclusive", "NoData"),
        ("sum(memory_ratio", "Error", "QueryFailed"),
        ('"text"', "Error", "WrongType"),
    ],
)
async def test_a_threshold_takes_one_number_and_says_what_else_it_got(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor, query: str, verdict: str, reason: str
):
    world = worlds["good"]
    metric = {"name": "memory", "threshold": {"query": query, "max": 0.9, "consecutive": 1}}
    asked, gatherer = world.question(metric), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(
        gatherer,
        asked,
        initial(asked),
        lambda said: (said.findings[0].verdict, said.findings[0].reason) == (verdict, reason),
    )
    assert judge(state, asked).findings[0].message


async def test_a_restart_of_prometheus_and_a_hang_change_no_evidence(
    prometheus: Server, worlds: dict[str, World], executor: ThreadPoolExecutor
):
    world = worlds["good"]
    asked, gatherer = world.question(ERRORS), Gatherer(executor, prometheus.address, bounds=BOUNDS)
    state = await watch(gatherer, asked, initial(asked), lambda said: said.answers.get("v8", 0) > RATE)

    prometheus.kill()
    state = await watch(gatherer, asked, state, lambda said: "refused" in said.unreachable)
    down = judge(state, asked)
    assert (down.findings[0].verdict, down.findings[0].reason, down.findings[0].fresh) == (
        "Error",
        "Unreachable",
        False,
    )
    await asyncio.to_thread(prometheus.start)
    before = down.answers["v8"]
    state = await watch(gatherer, asked, state, lambda said: said.answers["v8"] > before and not said.unreachable)

    prometheus.freeze(True)
    try:
        began = time.monotonic()
        state = await watch(gatherer, asked, state, lambda said: said.findings[0].reason == "TimedOut")
        assert time.monotonic() - began < 6
    finally:
        prometheus.freeze(False)
    before = judge(state, asked).answers["v8"]
    state = await watch(gatherer, asked, state, lambda said: said.answers["v8"] > before and not said.unreachable)

    samples = await gatherer.gather(asked, initial(asked), state.at)
    assert judge(fold(initial(asked), asked, samples, state.at), asked) == judge(state, asked)
