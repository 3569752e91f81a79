"""Every kind of metric through the same fold and judgement: what is good passes, what is bad fails, restarts or not."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrollout.decisions.analysis.looking import initial, judge, state_from_checkpoint
from tests.unit.decisions.analysis_histories import T0, Pod, question
from tests.unit.decisions.kind_histories import EXAMPLES, looked, recorded, spec_of, two

KINDS = list(EXAMPLES)
PLAIN = {"interval": "15s"}


def asked_for(kind: str, **more):
    return question(spec_of(kind, **more), analysis=PLAIN)


def finding(kind: str, candidate: float, seconds: float, **more):
    asked = asked_for(kind, **more)
    whole = recorded(kind, two(kind, candidate), seconds)
    return judge(looked(initial(asked), asked, whole, seconds), asked).findings[0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_good_candidate_passes(kind: str):
    said = finding(kind, EXAMPLES[kind].good, 3600)
    assert (said.verdict, said.reason, said.fresh, said.inside_margin) == ("Pass", "Proven", True, True), said.message
    assert said.low <= said.effect <= said.high


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_candidate_fails(kind: str):
    said = finding(kind, EXAMPLES[kind].bad, 1800)
    assert (said.verdict, said.reason, said.inside_margin) == ("Fail", "Worse", False), said.message
    assert said.evidence_fail > 0
    assert said.candidate_count > 1000


comings = st.builds(
    lambda late, gone, resets, missed: (late, gone, tuple(sorted(resets)), missed),
    st.integers(-200, 300),
    st.integers(100, 500),
    st.lists(st.floats(0, 500), max_size=2),
    st.sampled_from([0.0, 0.2]),
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=5)
@given(comings, st.lists(st.integers(1, 599), max_size=6, unique=True).map(sorted), st.booleans())
def test_pieces_and_restarts_change_nothing(kind: str, life, moments, warm):
    late, gone, resets, missed = life
    asked = question(spec_of(kind), analysis={**PLAIN, "warmUp": "60s" if warm else "0s", "dispersion": "Auto"})
    first, _, third, fourth = two(kind, EXAMPLES[kind].bad, missed=missed)
    pods = [
        first,
        Pod("v7", "late", bad=first.bad, rate=10, start=T0 + late),
        Pod("v8", "gone", bad=third.bad, rate=10, start=T0 - 400, end=T0 + gone),
        Pod("v8", "reset", bad=fourth.bad, rate=10, start=T0 - 400, resets=resets),
    ]
    whole = recorded(kind, pods, 600)
    at_once = looked(initial(asked), asked, whole, 1, 600)
    state = looked(initial(asked), asked, whole, 1)
    for moment in [*moments, 600]:
        state = state_from_checkpoint(json.loads(json.dumps(state.checkpoint())), asked)
        state = looked(state, asked, whole, moment)
    assert judge(state, asked) == judge(at_once, asked)
