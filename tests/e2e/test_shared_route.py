"""Two rollouts on two rules of one HTTPRoute at the same time, one with a good version and one with a bad one."""

from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster import Cluster
from dev.demo import stage
from tests.e2e.rollouts import Record
from tests.e2e.users import Served, prefix

NAME, HOST = "shared", "shared.example"
INFER = "/v2/models/digits/infer"
BETTER, WORSE = "v2", "v3"
COUNTRIES = {"br": BETTER, "us": WORSE}
"""What is asked for in each country, by the name of its rule."""


def rule(country: str) -> dict[str, Any]:
    """The rule of a country: requests say in a header where they come from."""
    match = {"path": {"type": "Exact", "value": INFER}, "headers": [{"name": "x-country", "value": country}]}
    refs = [
        {"name": f"digits-{version}", "port": 8080, "weight": int(version == "v1")}
        for version in ("v1", COUNTRIES[country])
    ]
    return {"name": country, "matches": [match], "backendRefs": refs}


ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": NAME, "namespace": stage.NAMESPACE},
    "spec": {
        "parentRefs": [{"name": "models", "namespace": "gateway"}],
        "hostnames": [HOST],
        "rules": [rule(country) for country in COUNTRIES],
    },
}


def rollout(country: str) -> dict[str, Any]:
    """The rollout of a country."""
    counter = f"{prefix(f'{NAME}-{country}')}_requests_total"
    return {
        "apiVersion": "modelrollout.io/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {"name": f"{NAME}-{country}", "namespace": stage.NAMESPACE},
        "spec": {
            "versions": [
                {
                    "name": version,
                    "service": {"name": f"digits-{version}", "port": 8080},
                    "workload": {"kind": "Deployment", "name": f"digits-{version}"},
                }
                for version in ("v1", COUNTRIES[country])
            ],
            "target": "v1",
            "traffic": {"gatewayAPI": {"httpRoute": NAME, "rules": [country]}},
            "strategy": {"canary": {"weights": [20, 50], "hold": "4s", "samples": 100}},
            "watch": "1s",
            "metrics": [
                {
                    "name": "errors",
                    "better": "Lower",
                    # Counted by the users of the country: both versions answer the demo's users, too.
                    "series": "version",
                    "proportion": {"bad": f'{counter}{{code!="200"}}', "total": counter},
                    "margin": {"ratio": 1.5, "floor": 0.05},
                }
            ],
            "analysis": {"interval": "2s", "warmUp": "0s"},
        },
    }


class Country(Served):
    """The rule of a country on the shared route, its rollout, and the users who live there."""

    def __init__(self, cluster: Cluster, country: str) -> None:
        """Set the rollout up, and wait until version 1 is adopted and answers."""
        super().__init__(cluster, f"{NAME}-{country}")
        self.country = country
        self.apply(rollout(country))
        self.until(lambda: self.status.get("stable") == "v1", "the adoption")
        come = (f"--header=x-country={country}", "--rate=40", "--patience=9")
        self.invite(f"http://{HOST}", come, {HOST: cluster.gateway_address})

    def remove(self) -> None:
        """Take the rollout and the users away again."""
        mine = (f"modelrollout/{self.name}", f"deployment/{self.users}", f"service/{self.users}")
        self.kubectl("delete", *mine, "--ignore-not-found")

    @property
    def weights(self) -> dict[str, int]:
        """Weights of the country's rule by version, those at 0 left out."""
        (found,) = (one for one in self.get("httproute", NAME)["spec"]["rules"] if one["name"] == self.country)
        return {ref["name"].removeprefix("digits-"): ref["weight"] for ref in found["backendRefs"] if ref["weight"]}


@pytest.fixture
def countries(cluster: Cluster) -> Iterator[dict[str, Country]]:
    """Both countries, with all users on version 1."""
    route = Served(cluster, NAME)
    route.apply(ROUTE)
    made = {country: Country(cluster, country) for country in COUNTRIES}
    yield made
    for country in made.values():
        country.remove()
    route.kubectl("delete", f"httproute/{NAME}", "--ignore-not-found")


def test_two_rules_of_one_route_go_their_ways_at_the_same_time(
    countries: dict[str, Country], record_property: Record
) -> None:
    br, us = countries["br"], countries["us"]
    br.patch(target=BETTER)
    us.patch(target=WORSE)
    br.ends(BETTER, "Promoted")
    us.ends(WORSE, "RolledBack")
    assert (br.weights, us.weights) == ({BETTER: 1000}, {"v1": 1000})
    before = br.answers(BETTER)
    br.until(lambda: br.answers(BETTER) > before, "answers by the new version")
    assert (br.answers(WORSE), us.answers(BETTER)) == (0, 0)
    assert us.answers(WORSE) > 0
    assert (br.failed("v1", BETTER), us.failed("v1")) == (0, 0)
    record_property("requests", br.asked())
