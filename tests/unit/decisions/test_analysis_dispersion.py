"""Bursts that begin with the run: the dispersion is raised from what the run itself shows."""

import json

import numpy as np
import pytest

from modelrollout.decisions.analysis.looking import initial, judge, state_from_checkpoint
from modelrollout.decisions.analysis.samples import CounterSamples
from modelrollout.stats import CounterSeries
from tests.unit.decisions.analysis_histories import ERRORS, T0, question
from tests.unit.decisions.kind_histories import looked

HOURS = 4


def bursts(spread: float, seed: int = 1) -> CounterSamples:
    """Two equal versions; in each five minutes a version's errors vary by a gamma factor with this variance."""
    rng = np.random.default_rng(seed)
    times = np.round(np.arange(T0 - 300, T0 + HOURS * 3600 + 60, 30.0) + 0.3, 3)
    block = np.floor((times - T0 + 300) / 300).astype(int)
    bad, total = [], []
    for version in ("v7", "v8"):
        factor = rng.gamma(1 / spread, spread, block.max() + 1)[block] if spread else 1.0
        answers = rng.poisson(300, len(times))
        wrong = rng.binomial(answers, np.minimum(0.02 * factor, 1.0))
        for counts, out in ((wrong, bad), (answers, total)):
            out.append(CounterSeries(version, version, times, np.cumsum(counts).astype(float)))
    return CounterSamples({"bad": tuple(bad), "total": tuple(total)})


def asked_for(**metric):
    return question({**ERRORS, **metric}, analysis={"interval": "60s", "dispersion": "Auto"})


def test_bursts_raise_the_dispersion_above_what_was_assumed():
    asked = asked_for()
    # 3,000 answers a block and version at 2 %: about 1 + 60 x the variance of the factor
    said = judge(looked(initial(asked), asked, bursts(0.1), HOURS * 3600), asked).findings[0]
    assert 2 < said.dispersion < 7
    assert said.assumed


def test_steady_answers_leave_the_dispersion_as_it_was():
    asked = asked_for()
    assert judge(looked(initial(asked), asked, bursts(0.0), HOURS * 3600), asked).findings[0].dispersion == 2


def test_what_the_spec_says_is_not_raised():
    asked = question(ERRORS, analysis={"interval": "60s", "dispersion": 3})
    assert judge(looked(initial(asked), asked, bursts(0.2), HOURS * 3600), asked).findings[0].dispersion == 3


@pytest.mark.slow
@pytest.mark.parametrize("slices", [{}, {"slices": {"label": "country"}}])
def test_it_is_raised_at_the_same_stratum_whatever_the_pieces(slices):
    asked, whole = asked_for(**slices), bursts(0.2)
    at_once = looked(initial(asked), asked, whole, 1, HOURS * 3600)
    state = looked(initial(asked), asked, whole, 1)
    for moment in (3000, 7190, 7500, 7801, 9000, 12000, HOURS * 3600):
        state = state_from_checkpoint(json.loads(json.dumps(state.checkpoint())), asked)
        state = looked(state, asked, whole, moment)
    assert judge(state, asked) == judge(at_once, asked)
