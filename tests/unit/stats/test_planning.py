"""What a test is expected to need, against what it needs in simulated runs."""

import math

import numpy as np
import pytest

from modelrollout.rehearsal.power import expected_by, power_of
from modelrollout.rehearsal.streams.stream import Value
from modelrollout.stats import Proportion
from modelrollout.stats.planning import expected_exposures
from tests.unit.rehearsal.metrics import spec_of, stream_for


@pytest.mark.parametrize(
    ("kind", "stable", "candidate"),
    [
        ("proportion", Value(0.02), Value(0.02)),
        ("proportion", Value(0.02), Value(0.06)),
        ("good", Value(0.7), Value(0.7)),
        ("latency", Value(0.1), Value(0.16)),
        ("rate", Value(0.05), Value(0.12)),
        ("mean", Value(10, 4), Value(10, 4)),
    ],
)
def test_about_half_of_the_runs_are_over_by_then(kind: str, stable: Value, candidate: Value) -> None:
    spec = spec_of(kind)
    stream = stream_for(spec.metrics[0], stable, candidate)
    power = power_of(spec, stream, dispersion=1.0, runs=60, seed=4, most=60_000)
    most = power.needed[0.8]
    assert power.expected is not None
    assert most is not None
    assert 0.45 * most < power.expected < 1.05 * most
    assert most <= (power.needed[0.95] or math.inf)


def test_a_service_without_errors_needs_some_multiple_of_the_floors_inverse() -> None:
    spec = spec_of("proportion")
    stream = stream_for(spec.metrics[0], Value(0), Value(0))
    needed = expected_by(spec, stream, 1.0, "Pass")
    assert needed is not None
    assert math.log(2 / 0.05) / 0.002 < needed < 1.25 * math.log(2 / 0.05) / 0.002
    doubled = expected_by(spec, stream, 2.0, "Pass")
    assert doubled == pytest.approx(2 * needed, rel=0.03)


def test_what_is_never_expected_is_none() -> None:
    spec = spec_of("proportion")
    worse = stream_for(spec.metrics[0], Value(0.02), Value(0.06))
    assert expected_by(spec, worse, 1.0, "Pass") is None

    def nothing(test: Proportion, before: float, after: float) -> None:
        test.update(candidate=(0, round(after) - round(before)), stable=(0, 0))

    silent = expected_exposures(Proportion(margin_ratio=1.5), nothing, 3.0, "Pass", most=1e4)
    assert silent is None  # one side alone says nothing


def test_the_expected_number_does_not_hang_on_the_size_of_the_pieces() -> None:
    spec = spec_of("proportion")
    stream = stream_for(spec.metrics[0], Value(0.02), Value(0.06))
    whole = expected_by(spec, stream, 1.0, "Fail")
    test, row, have = Proportion(margin_ratio=1.5, alpha=0.01, late_faults=True), np.zeros(1, dtype=np.intp), 0.0
    while np.asarray(test.log_e_fail).item() < math.log(100):
        sides = np.array([have, have])
        stream.update(test, stream.average(sides, sides + 25), row, None)
        have += 25
    assert whole == pytest.approx(have, rel=0.08)
