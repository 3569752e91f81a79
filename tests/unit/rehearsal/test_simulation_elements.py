"""A test that is taken apart and put together goes on as if nothing had happened."""

from typing import Any

import numpy as np
import pytest

from modelrollout.decisions.analysis.limits import comparison
from modelrollout.rehearsal.simulation.elements import Elements
from modelrollout.rehearsal.streams.stream import Data, Stream
from tests.unit.rehearsal.metrics import KINDS, VALUES, spec_of, stream_for

SIZE = 8  # as many as a test has alternatives: no axis is known by its length


def data(stream: Stream, size: int, seed: int) -> Data:
    chance = np.random.default_rng(seed)
    return stream.draw(chance, np.full(size, 90.0), np.full(size, 400.0), np.ones(size))


def fed(stream: Stream, test: Any, seeds: range, rows: Any) -> Any:
    for seed in seeds:
        stream.update(test, data(stream, SIZE, seed), np.array(rows), 600.0 * seed)
    return test


def said(test: Any) -> np.ndarray[Any, Any]:
    exposures = test.step_exposures[0]
    return np.stack([test.log_e_fail, test.log_e_pass, test.peak_log_e_fail, test.step_effect, exposures])


@pytest.mark.parametrize("kind", KINDS)
def test_parts_of_a_test_go_on_alone_and_together(kind: str) -> None:
    spec = spec_of(kind)
    stream = stream_for(spec.metrics[0], *VALUES[kind])

    def fresh() -> Any:
        return comparison(spec, spec.metrics[0], 1.3, stream.frozen())

    def probe(size: int) -> Any:
        test = fresh()
        stream.update(test, data(stream, size, 0), np.arange(size), None)
        return test

    elements: Elements[Any] = Elements(probe)
    everyone = list(range(SIZE))
    whole = fed(stream, fresh(), range(1, 4), everyone)
    before = said(whole)
    some, others = [6, 1, 3], [0, 2, 4, 5, 7]
    parts = [elements.take(whole, np.array(rows)) for rows in (some, others)]
    assert np.array_equal(said(parts[0]), before[:, some], equal_nan=True)
    for part, rows in zip(parts, (some, others), strict=True):
        part.restart(at=2000.0)
        fed(stream, part, range(4, 6), rows)
    assert np.array_equal(said(whole), before, equal_nan=True)  # it was not touched
    joined = fed(stream, elements.join(parts, SIZE), range(6, 8), some + others)
    whole.restart(at=2000.0)
    fed(stream, whole, range(4, 8), everyone)
    assert np.array_equal(said(joined), said(whole)[:, some + others], equal_nan=True)
    assert (said(whole)[2] > 0).any()


def test_a_field_that_grows_in_two_directions_is_refused() -> None:
    class Odd:
        __module__ = "modelrollout.odd"

        def __init__(self, size: int) -> None:
            self.square = np.zeros((size, size))

    with pytest.raises(TypeError, match="more than one axis"):
        Elements(Odd)
