"""Every kind of metric is recorded in lines and replayed by the kind's own test."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from modelrollout.api import ModelRollout
from modelrollout.api.status import Verdict
from modelrollout.rehearsal.recording.lines import read_lines
from modelrollout.rehearsal.recording.writer import write_lines
from modelrollout.rehearsal.replay.playing import replay
from modelrollout.rehearsal.replay.result import Ending, Replay
from modelrollout.rehearsal.replay.roles import check_policy, exposure
from tests.unit.rehearsal.recordings import ROLES, T0, policy

MEAN = {"sum": "worth_sum", "count": "worth_count", "sumOfSquares": "worth_squares"}
PER = {"sum": "visits_sum", "sumOfSquares": "visits_squares", "sumOfProducts": "worth_visits"}
KINDS: dict[str, dict[str, Any]] = {
    "proportion": {
        "better": "Higher",
        "proportion": {"good": "good_total", "total": "labelled_total", "requests": "requests_total"},
        "slices": {"label": "country"},
        "margin": {"difference": 0.04},
    },
    "latency": {"better": "Lower", "latency": {"histogram": "seconds", "above": "1s"}, "margin": {"difference": 0.05}},
    "quantile": {
        "better": "Lower",
        "quantile": {"histogram": "seconds", "quantile": 0.9},
        "margin": {"difference": 0.05},
    },
    "distribution": {"distribution": {"histogram": "score", "margin": {"jensenShannon": 0.15}}},
    "mean": {"better": "Higher", "mean": MEAN, "margin": {"difference": 2}},
    "per": {"better": "Higher", "mean": MEAN | {"per": PER}, "margin": {"difference": 2}},
    "rate": {"better": "Lower", "rate": {"events": "preemptions", "exposure": "hours"}, "margin": {"ratio": 2}},
    "agreement": {"agreement": {"agreed": "equal_total", "total": "compared_total", "min": 0.9}},
}
BOUNDS = ("0.1", "0.5", "1", "2.5", "+Inf")


def one_metric(name: str) -> ModelRollout:
    """A policy of this one metric, in steps of a minute."""
    return policy({"name": name, **KINDS[name]}, canary={"weights": [50], "hold": "1m"})


def scraped(name: str, rng: np.random.Generator, worse: bool) -> dict[str, float]:
    """By how much a pod's counters rise between two scrapes."""
    answers = int(rng.poisson(400))
    match name:
        case "proportion":
            labelled = answers - answers // 4
            return {"good": int(rng.binomial(labelled, 0.8 if worse else 0.95)), "total": labelled, "requests": answers}
        case "latency" | "quantile" | "distribution":
            shares = (0.1, 0.3, 0.2, 0.2, 0.2) if worse else (0.3, 0.4, 0.22, 0.06, 0.02)
            return dict(zip(BOUNDS, np.cumsum(rng.multinomial(answers, shares)).tolist(), strict=True))
        case "mean" | "per":
            worth, visits = rng.normal(10 if worse else 20, 5, answers), rng.poisson(1, answers) + 1
            found = {"sum": worth.sum(), "count": answers, "sumOfSquares": (worth**2).sum()}
            per = {"per.sum": visits.sum(), "per.sumOfSquares": (visits**2).sum(), "sumOfProducts": worth @ visits}
            return {key: float(value) for key, value in (found | per if name == "per" else found).items()}
        case "rate":
            return {"events": int(rng.poisson(60 if worse else 20)), "exposure": 10.0}
        case _:
            return {"agreed": int(rng.binomial(answers, 0.6 if worse else 0.97)), "total": answers}


def lines(name: str, *, worse: bool) -> Iterator[bytes]:
    """Ten minutes of v7 alone, then five of both, as lines."""
    rng = np.random.default_rng(3)
    for version in ("v7", "v8"):
        for group in ("de", "fr") if name == "proportion" else (None,):
            counters: dict[str, float] = {}
            for at in range(-600 if version == "v7" else 0, 300, 10):
                rise = scraped(name, rng, worse=worse and version == "v8")
                counters = {key: counters.get(key, 0) + value for key, value in rise.items()}
                shown = {"buckets": counters} if "+Inf" in counters else counters
                line = {"t": T0 + at, "metric": name, "version": version, "slice": group, "counters": shown}
                yield json.dumps(line).encode()


def replayed(name: str, *, worse: bool) -> Replay:
    rollout = one_metric(name)
    recording = read_lines(lines(name, worse=worse), rollout.spec).recording
    check_policy(rollout.spec, recording)
    assert exposure(rollout.spec, recording, ROLES) == T0
    again = read_lines(write_lines(recording, rollout.spec), rollout.spec).recording
    done = replay(rollout, recording, ROLES, T0)
    assert replay(rollout, again, ROLES, T0) == done
    return done


@pytest.mark.parametrize("name", KINDS)
def test_an_equal_candidate_passes(name: str) -> None:
    done = replayed(name, worse=False)
    assert done.ending is Ending.PROMOTED
    assert done.steps[0].metrics[0].finding.verdict is Verdict.PASS


@pytest.mark.parametrize("name", KINDS)
def test_a_worse_candidate_fails(name: str) -> None:
    done = replayed(name, worse=True)
    assert (done.ending, done.reason) == (Ending.ROLLED_BACK, "GuardrailFailed")
