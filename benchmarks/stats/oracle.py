"""A test that knows every rate, and asks only whether the candidate is worse: the yardstick, not a rival."""

import numpy as np

from benchmarks.stats.streams import Decisions, Floats, Stream, first_true

ALPHA, BETA = 0.01, 0.05


def oracle(stream: Stream, margin: float) -> Decisions:
    """Wald's sequential probability ratio test for two samples, with both true rates at every scrape.

    The null has the rate that lies nearest to both (their mean, weighted by the scrape's answers), so the ratio is the
    largest one that keeps the promise when nothing but equality is known of the null. It promotes on the ratio of the
    true rates against a candidate at the margin.

    Source: A. Wald, Ann. Math. Statist. 16 (1945) 117-186; for the null, P. Grünwald et al., arXiv:2106.02693.
    """
    b, m, a, n = stream.counts
    rate_c, rate_s = np.broadcast_to(stream.rate_c, m.shape), np.broadcast_to(stream.rate_s, m.shape)
    share = m / np.maximum(m + n, 1)
    null = share * rate_c + (1 - share) * rate_s
    worse = _gain(b, m, rate_c, null) + _gain(a, n, rate_s, null)
    at_margin = np.minimum(rate_s * margin, 0.999)
    better = np.where(rate_c < at_margin, _gain(b, m, rate_c, at_margin), 0.0)
    return Decisions(
        first_true(np.cumsum(worse, axis=0) >= -np.log(ALPHA)),
        first_true(np.cumsum(better, axis=0) >= -np.log(BETA)),
    )


def _gain(bad: Floats, total: Floats, rate: Floats, null: Floats) -> Floats:
    """Log likelihood ratio of a rate to another."""
    rate, null = np.clip(rate, 1e-12, 1 - 1e-12), np.clip(null, 1e-12, 1 - 1e-12)
    result: Floats = bad * np.log(rate / null) + (total - bad) * np.log((1 - rate) / (1 - null))
    return result
