"""Rules are stated in CEL and in Python: whatever combination of fields is written, both must answer the same."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from modelrollout.api import spec_errors
from tests.unit.api.cases import CREATE, errors, rollout, spec, version

RATIOS = st.sampled_from([0.5, 0.9, 1, 1.1, 1.5, 101])
DIFFERENCES = st.sampled_from([-0.1, 0, 0.01, 0.02, 1, 25])
DURATIONS = st.sampled_from(["0s", "1s", "999ms", "60m", "1h", "1h1s", "24h", "1d", "25h", "2d", "30d", "721h", "1d1h"])
PERCENTS = st.sampled_from([0, 0.1, 0.25, 1, 5, 12.3, 50, 99.9, 100])
SELECTORS = st.sampled_from(
    [
        "up",
        'up{a="b"}',
        "up{a='b', }",
        "up{}",
        "up{,}",
        "rate(up[1m])",
        "up[1m]",
        "a:b",
        'x{a=~"}"}',
        'x{a="\\""}',
        "1a",
    ]
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any subset of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


BETTER = st.sampled_from(["Lower", "Higher"])
BOUNDS = st.sampled_from([-1, 0, 0.5, 1])
SHARES = st.sampled_from([0, 0.01, 0.999, 1])
EFFECTS = some(ratio=RATIOS, difference=DIFFERENCES)
KINDS = st.one_of(
    st.builds(lambda bad: {"better": "Lower", "proportion": {"bad": bad, "total": "up"}}, SELECTORS),
    st.builds(
        lambda name, above: {"better": "Lower", "latency": {"histogram": name, "above": above}}, SELECTORS, DURATIONS
    ),
    st.builds(
        lambda query, bounds: {"threshold": {"query": query} | bounds},
        st.sampled_from(["up", "{{pods}}", "{{pod}}", "{{"]),
        some(min=PERCENTS, max=PERCENTS),
    ),
    st.builds(
        lambda better, counters, bounds: {"better": better, "mean": {"sum": "a", "count": "b"} | counters | bounds},
        BETTER,
        some(sumOfSquares=SELECTORS, per=some(sum=st.just("a"), sumOfSquares=st.just("b"), sumOfProducts=SELECTORS)),
        some(min=BOUNDS, max=BOUNDS),
    ),
    st.builds(
        lambda better, quantile: {"better": better, "quantile": {"histogram": "up", "quantile": quantile}},
        BETTER,
        st.sampled_from([0.49, 0.5, 0.99, 1]),
    ),
    st.builds(
        lambda better, events: {"better": better, "rate": {"events": events, "exposure": "up"}}, BETTER, SELECTORS
    ),
    st.builds(lambda share: {"agreement": {"agreed": "a", "total": "b", "min": share}}, SHARES),
    st.builds(lambda distance: {"distribution": {"histogram": "a", "margin": {"jensenShannon": distance}}}, SHARES),
    some(
        better=BETTER,
        proportion=some(good=SELECTORS, bad=SELECTORS, total=SELECTORS, requests=SELECTORS),
        latency=st.just({"histogram": "up", "above": "1s"}),
        quantile=st.just({"histogram": "up", "quantile": 0.9}),
        rate=st.just({"events": "a", "exposure": "b"}),
        mean=st.just({"sum": "a", "count": "b"}),
        distribution=st.just({"histogram": "up", "margin": {"jensenShannon": 0.1}}),
        agreement=st.just({"agreed": "a", "total": "b", "min": 0.9}),
        threshold=st.just({"query": "up", "max": 1}),
        preset=st.just({"name": "vllm/errors"}),
    ),
    st.builds(
        lambda value, better: {"template": {"name": "a", "parameters": {"x": value}}} | better,
        st.sampled_from(["", "250ms", 'a"b', "a'b", "a\\b", "a{2}", "{{a", "}}", "x\ny", "[^/]+|é"]),
        some(better=BETTER),
    ),
)
JUDGED = st.one_of(
    st.builds(lambda gain: {"role": "Goal", "gain": gain}, EFFECTS),
    some(
        margin=st.builds(lambda ratio: {"ratio": ratio}, RATIOS),
        acceptable=st.builds(lambda ratio: {"ratio": ratio}, RATIOS),
    ),
    some(
        role=st.sampled_from(["Guardrail", "Goal", "Monitor"]),
        acceptable=EFFECTS,
        margin=some(ratio=RATIOS, difference=DIFFERENCES, floor=st.sampled_from([0, 0.002, 0.1, 2])),
        gain=EFFECTS,
    ),
)
SPLIT = some(
    slices=st.builds(
        lambda label, most: {"label": label} | most,
        st.sampled_from(["country", "pod", "1a"]),
        some(maxValues=st.sampled_from([0, 1, 50, 51, 101])),
    ),
    labelDelay=DURATIONS,
)
METRICS = st.builds(
    lambda kind, judged, split: {"name": "some"} | kind | judged | split, KINDS, JUDGED, st.just({}) | SPLIT
)
TIMES = some(hold=DURATIONS, deadline=DURATIONS)
STEPS = st.builds(lambda weight, rest: {"weight": weight} | rest, PERCENTS, TIMES)
CANARIES = st.builds(
    lambda form, times: form | times,
    st.one_of(
        st.builds(lambda weights: {"weights": sorted(set(weights))}, st.lists(PERCENTS, max_size=4)),
        st.builds(lambda steps: {"steps": steps}, st.lists(STEPS, max_size=3)),
        some(
            weights=st.lists(PERCENTS, max_size=4), increment=PERCENTS, max=PERCENTS, steps=st.lists(STEPS, max_size=3)
        ),
    ),
    TIMES,
)
ROUTES = some(
    httpRoute=st.just("a"),
    grpcRoute=st.just("a"),
    rules=st.just(["b"]),
    create=st.builds(
        lambda kind, match: CREATE | {"kind": kind, "match": match},
        st.sampled_from(["HTTPRoute", "GRPCRoute"]),
        some(path=st.just({"value": "/"}), method=st.just({"method": "a"})),
    ),
)
NAMES = st.sampled_from(["v1", "v2", "V3"])
SPECS = st.one_of(
    st.builds(lambda metric: spec(metrics=[metric]), METRICS),
    st.builds(
        lambda slices: spec(metrics=[errors(name=f"m{number}", slices=one) for number, one in enumerate(slices)]),
        st.lists(st.builds(lambda most: {"label": "a"} | most, some(maxValues=st.sampled_from([30, 40]))), max_size=6),
    ),
    st.builds(lambda canary: spec(strategy={"canary": canary}), CANARIES),
    st.builds(lambda route: spec(traffic={"gatewayAPI": route}), ROUTES),
    st.builds(
        lambda names, target, stable: spec(
            versions=[version(name) for name in names], target=target, initialStable=stable
        ),
        st.lists(NAMES, max_size=3),
        st.none() | NAMES,
        st.none() | NAMES,
    ),
    st.builds(
        lambda dispersion, interval: spec(analysis={"dispersion": dispersion, "interval": interval}),
        st.sampled_from(["Auto", "auto", 0, 1, 1000, 1001, "1.5", "0.99", "1000.5", "1e2", ""]),
        DURATIONS,
    ),
)


def _refusal(api: client.CustomObjectsApi, body: dict[str, Any]) -> str:
    try:
        api.create_namespaced_custom_object(
            "modelrollout.io", "v1alpha1", "default", "modelrollouts", rollout(body), dry_run="All"
        )
    except ApiException as error:
        return str(json.loads(error.body)["message"])
    return ""


@settings(max_examples=400, derandomize=True)
@given(body=SPECS)
def test_types_and_api_server_accept_and_refuse_the_same(api_client: client.ApiClient, body: dict[str, Any]) -> None:
    refusal = _refusal(client.CustomObjectsApi(api_client), body)
    errors = spec_errors(body)
    assert bool(refusal) == bool(errors), (refusal, errors)
