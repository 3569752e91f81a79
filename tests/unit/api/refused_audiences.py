"""Steps with an audience that must be refused."""

from typing import Any

from tests.unit.api.cases import CREATE, Refused, spec

BETA = {"audience": {"rules": ["beta"]}, "weight": 100}


def free(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A spec with these free steps, each under a name of its own."""
    return spec(strategy={"steps": [{"name": f"s{place}", **step} for place, step in enumerate(steps)]}, **changes)


def canary(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A spec with a canary of these steps."""
    return spec(strategy={"canary": {"steps": list(steps)}}, **changes)


def _listed(*rules: str) -> dict[str, Any]:
    return {"traffic": {"gatewayAPI": {"httpRoute": "fraud", "rules": list(rules)}}}


ROUTERS = {
    "a route that is created": {"gatewayAPI": {"create": CREATE}},
    "numbers of pods": {"replicas": {"service": "fraud", "total": 10}},
}

AUDIENCES = [
    Refused(
        "an audience of no rules",
        free({"audience": {"rules": []}, "weight": 5}, {"weight": 5}),
        "",
        "spec.strategy.steps[0].audience.rules",
    ),
    Refused(
        "an audience that names nothing",
        free({"audience": {}, "weight": 5}, {"weight": 5}),
        "",
        "spec.strategy.steps[0].audience.rules",
    ),
    Refused(
        "an audience without a weight",
        free({"audience": {"rules": ["beta"]}}, {"weight": 5}),
        "set weight, for example 100",
        "spec.strategy.steps[0].weight",
    ),
    Refused(
        "copies of an audience",
        free({**BETA, "mirror": 5}, {"weight": 5}),
        "give them a step of their own",
        "spec.strategy.steps[0].mirror",
    ),
    Refused(
        "everything for everybody", free({"weight": 100}), "promotion follows the", "spec.strategy.steps[0].weight"
    ),
    Refused(
        "everything for everybody in a canary",
        canary({"weight": 100}),
        "promotion follows the last step by itself",
        "spec.strategy.canary.steps[0].weight",
    ),
    *(
        Refused(
            f"{field} of an audience in {name}",
            made({**BETA, field: value}, {"weight": 5}),
            "nothing is compared in its step",
            f"spec.strategy.{name}[0].{field}",
        )
        for field, value in (("samples", 50), ("require", "Pass"))
        for name, made in (("steps", free), ("canary.steps", canary))
    ),
    *(
        Refused(f"{what} in {name}", made(*steps), "steps with an audience come before", f"spec.strategy.{name}")
        for name, made in (("steps", free), ("canary.steps", canary))
        for what, steps in (
            ("an audience at last", ({"weight": 5}, BETA)),
            ("an audience between", ({"weight": 5}, BETA, {"weight": 50})),
            ("nobody but an audience", (BETA,)),
        )
    ),
    Refused(
        "no weight after an audience",
        free(BETA, {"approval": True}, {"weight": 5}),
        "every step says its weight",
        "spec.strategy.steps",
    ),
    Refused(
        "weights for everybody that fall after an audience",
        free(BETA, {"weight": 10}, {"weight": 5}),
        "must not fall",
        "spec.strategy.steps",
    ),
    Refused(
        "weights of a canary that fall after an audience",
        canary(BETA, {"weight": 10}, {"weight": 5}),
        "must increase from step to step",
        "spec.strategy.canary.steps",
    ),
    *(
        Refused(
            f"an audience of {what}",
            canary(BETA, {"weight": 50}, traffic=traffic),
            "of a route of yours",
            "spec.strategy",
        )
        for what, traffic in ROUTERS.items()
    ),
    Refused(
        "an audience in a shadow's canary without a route",
        spec(
            traffic={"gatewayAPI": {"create": CREATE}},
            strategy={"shadow": {"then": "Canary", "canary": {"steps": [BETA, {"weight": 5}]}}},
        ),
        "an audience names rules of a route of yours",
        "spec.strategy",
    ),
    *(
        Refused(
            f"an audience {what}", made(BETA, {"weight": 5}, **_listed(*rules)), "but not all of them", "spec.strategy"
        )
        for made in (free, canary)
        for what, rules in (("of a rule that is not managed", ("everyone",)), ("of all rules", ("beta",)))
    ),
    Refused(
        "an audience of all routes",
        free(BETA, {"weight": 5}, traffic={"istio": {"virtualService": "fraud", "routes": ["beta"]}}),
        "some of traffic.istio.routes",
        "spec.strategy",
    ),
]

ACCEPTED_AUDIENCES = {
    "an audience first": free({"weight": 0, "mirror": 5}, BETA, {"weight": 10}, **_listed("beta", "everyone")),
    "an audience in a canary": canary({**BETA, "weight": 20, "samples": 0}, BETA, {"weight": 10}, {"weight": 50}),
    "an audience after a shadow": spec(
        strategy={"shadow": {"then": "Canary", "canary": {"steps": [BETA, {"weight": 5}]}}}
    ),
    "an audience in the mesh": free(
        BETA, {"weight": 5}, traffic={"istio": {"virtualService": "fraud", "routes": ["beta", "everyone"]}}
    ),
}
