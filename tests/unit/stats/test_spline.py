"""The spline that interval ends are read from, against scipy's."""

import numpy as np
from scipy.interpolate import CubicSpline

from modelrollout.stats.effects import _FINE, _SPLINE, NODES


def test_the_curve_between_the_nodes_is_the_not_a_knot_cubic_spline() -> None:
    values = np.random.default_rng(1).normal(size=(len(NODES), 4))
    np.testing.assert_allclose(_SPLINE @ values, CubicSpline(NODES, values, axis=0)(_FINE), atol=1e-12)
