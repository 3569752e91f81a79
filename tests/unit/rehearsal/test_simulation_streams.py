"""What simulated versions show is what was said of them."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from modelrollout.rehearsal.streams.stream import Value
from tests.unit.rehearsal.metrics import VALUES, spec_of, stream_for

RUNS = 2000


def drawn(kind: str, stable: Value, candidate: Value, changed: float = 1.0, **more: object):
    stream = stream_for(spec_of(kind, **more).metrics[0], stable, candidate)
    requests = np.full(RUNS, 50.0)
    return stream, stream.draw(np.random.default_rng(3), requests, requests, np.full(RUNS, changed))


def test_shares_of_events_are_as_said_and_change_half_way() -> None:
    for changed, wanted in ((1.0, 0.3), (0.5, 0.2), (0.0, 0.1)):
        _, data = drawn("proportion", Value(0.1), Value(0.3), changed)
        assert data.candidate[0].sum() / data.candidate[1].sum() == pytest.approx(wanted, rel=0.02)
        assert data.stable[0].sum() / data.stable[1].sum() == pytest.approx(0.1, rel=0.05)


def test_sums_have_the_mean_and_the_scatter_of_single_values() -> None:
    _, data = drawn("mean", Value(10, 3), Value(12, 2))
    for side, mean, spread in ((data.candidate, 12, 2), (data.stable, 10, 3)):
        total, count, squares = side
        within = (squares - total**2 / count) / (count - 1)
        assert total.sum() / count.sum() == pytest.approx(mean, rel=0.01)
        assert within.mean() == pytest.approx(spread**2, rel=0.02)
        assert (total / count).std() == pytest.approx(spread / math.sqrt(50), rel=0.05)
        assert within.std() == pytest.approx(spread**2 * math.sqrt(2 / 49), rel=0.08)


def test_a_drift_has_the_distance_that_was_said() -> None:
    _, data = drawn("distribution", Value(0), Value(0.2))
    own, usual = (side[0].sum(axis=0) / side[0].sum() for side in (data.candidate, data.stable))
    middle = (own + usual) / 2
    divergence = (own * np.log2(own / middle) + usual * np.log2(usual / middle)).sum() / 2
    assert math.sqrt(divergence) == pytest.approx(0.2, abs=0.01)


def test_beyond_stables_quantile_lies_what_was_said() -> None:
    stream, data = drawn("quantile", Value(1 - 0.95), Value(0.1))
    bad = stream.bad(data)
    assert bad is not None
    assert bad.sum() / (RUNS * 50) == pytest.approx(0.1, rel=0.03)
    assert data.stable[0][:, 2:].sum() / (RUNS * 50) == pytest.approx(0.05, rel=0.05)


@pytest.mark.parametrize("kind", VALUES)
def test_a_candidate_at_the_margin_is_the_last_that_may_be_promoted(kind: str) -> None:
    metric = spec_of(kind).metrics[0]
    stream = stream_for(metric, *VALUES[kind])
    edge = stream.at_margin()
    at = stream_for(metric, stream.stable, edge)
    assert at.standing() == ("acceptable" if kind == "agreement" else "between")  # that has one limit only
    step = 1e-6 if stream.worse(replace(edge, level=edge.level + 1e-6)) > stream.worse(edge) else -1e-6
    assert stream_for(metric, stream.stable, replace(edge, level=edge.level + step)).standing() == "beyond"
    assert stream_for(metric, stream.stable, stream.stable).standing() == "acceptable"


def test_the_floor_and_a_gain_count_in_where_a_candidate_stands() -> None:
    def standing(candidate: float, **more: object) -> str:
        return stream_for(spec_of("proportion", **more).metrics[0], Value(0.001), Value(candidate)).standing()

    assert standing(0.002) == "acceptable"  # below the floor nobody minds
    assert standing(0.0021) == "beyond"
    goal = {"role": "Goal", "gain": {"difference": 0.0005}}
    assert standing(0.0004, **goal) == "acceptable"
    assert standing(0.0005, **goal) == "beyond"  # the gain must be exceeded


@pytest.mark.parametrize("kind", ["proportion", "good", "latency", "rate", "mean", "quantile"])
def test_what_comes_on_average_adds_up_to_what_was_said(kind: str) -> None:
    stream = stream_for(spec_of(kind).metrics[0], *VALUES[kind])
    edges = np.array([0.0, 7.0, 300.0, 10_000.0])
    parts = [stream.average(np.array([a, 3 * a]), np.array([b, 3 * b])) for a, b in itertools.pairwise(edges)]
    whole = stream.average(np.array([0.0, 0.0]), np.array([10_000.0, 30_000.0]))
    for side in ("candidate", "stable"):
        for column in range(len(getattr(whole, side))):
            added = sum(getattr(part, side)[column] for part in parts)
            assert np.allclose(added, getattr(whole, side)[column])
