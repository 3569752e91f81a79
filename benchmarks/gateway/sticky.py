"""What users who are kept on one version feel of it: copies come, a split begins, one is taken out, all go back."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.gateway.servers import Manner, route, serve
from benchmarks.gateway.steering import Pace, Steering
from benchmarks.gateway.tally import Round, tallied
from dev.cluster import Cluster
from dev.errors import DevError
from dev.progress import wait_until
from dev.visitors import Visitors
from modelrollout.api import ModelRollout, parse_rollout
from modelrollout.decisions.decision import TrafficIntent
from modelrollout.decisions.observed import Owner, Sticky
from modelrollout.kube.client import Client
from modelrollout.kube.clock import SystemClock
from modelrollout.kube.resources import MODELROLLOUTS, Obj

NAMESPACE = NAME = "sticky"
HOST = "sticky.example"
STABLE, CANDIDATES = "v1", ("v2", "v3")
VERSIONS = (STABLE, *CANDIDATES)
STICKY = Sticky("x-user", STABLE, dict.fromkeys(CANDIDATES, 300))
USERS, UNKNOWN = 240, 24
"""Users with the header, and how many without it come in turn with them: those are split at random."""
HOLD = 2.0
"""Seconds for which nothing changes, where the operator would wait for answers too."""
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Phase:
    """A decision of the operator in an experiment.

    Attributes:
        name: what happens.
        weights: of each version, in thousandths.
        sticky: users are kept.
        hold: seconds until the next one. The split begins as soon as the gateway has accepted what keeps users, and
            that goes as soon as all users are back.
    """

    name: str
    weights: Mapping[str, int]
    sticky: bool = True
    hold: float = 0.0


ALONE = {"v1": 1000, "v2": 0, "v3": 0}
PHASES = (
    Phase("copies come", ALONE),
    Phase("the split begins", {"v1": 400, "v2": 300, "v3": 300}, hold=HOLD),
    Phase("a candidate is taken out", {"v1": 700, "v2": 300, "v3": 0}, hold=HOLD),
    Phase("all are back", ALONE),
    Phase("copies go", ALONE, sticky=False, hold=HOLD),
)
REST = Phase("at rest", ALONE, sticky=False)


class Experiments:
    """Three servers behind a route, and a rollout with whose name and uid they are tried again and again.

    A ModelRollout must be there, or what the route, its second one and the policy say of their owner would be cleared
    away. The one in the cluster is about a route that does not exist: so an operator that runs there leaves all alone.
    """

    def __init__(self, cluster: Cluster, client: Client, rate: float) -> None:
        """Requests of users come at that rate, in one second; nothing is there yet."""
        self._cluster, self._client, self._rate = cluster, client, rate
        self._decisions = 0

    async def prepare(self) -> None:
        """Bring all up; the demo's images and CRDs must be in the cluster. What an interrupted run left goes first."""
        self.remove()
        serve(self._cluster, NAMESPACE, dict.fromkeys(VERSIONS, Manner()))
        self._cluster.kubectl("apply", "--filename=-", input=json.dumps(_route()))
        stored = await self._client.create(MODELROLLOUTS, NAMESPACE, rollout("a-route-of-nobody"))
        self._rollout = parse_rollout({**rollout(NAME), "metadata": stored["metadata"]})
        with self._visitors(10, USERS) as first:
            wait_until(lambda: any(not one.failed for one in list(first.came)), "an answer", PATIENCE)

    def remove(self) -> None:
        """Take everything away."""
        self._cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")

    async def measure(self, pace: Pace) -> Round:
        """A whole experiment under load.

        Raises:
            DevError: no user met one of the candidates.
        """
        steering = Steering(self._client, self._rollout, pace, SystemClock())
        await steering.bring(REST.name, self._intent(REST))
        begun = len(steering.writes)
        with self._visitors(self._rate, USERS, UNKNOWN) as users:
            wait_until(lambda: len({one.user for one in list(users.came)}) == USERS + UNKNOWN, "all users", PATIENCE)
            for phase in PHASES:
                await steering.bring(phase.name, self._intent(phase))
                await asyncio.sleep(phase.hold)
        done = tallied(pace, users.came, steering.writes[begun:], USERS, STABLE)
        if set(done.met) != set(CANDIDATES):
            raise DevError(f"users met {sorted(done.met)}, and not {' and '.join(CANDIDATES)}: what was measured?")
        return done

    def _visitors(self, rate: float, users: int, unknown: int = 0) -> Visitors:
        headers = [{STICKY.header: f"user-{number}"} for number in range(users)]
        return Visitors(
            self._cluster.gateway_url,
            rate,
            bytes.decode,
            {"Host": HOST},
            users=[*headers, *({} for _ in range(unknown))],
        )

    def _intent(self, phase: Phase) -> TrafficIntent:
        self._decisions += 1
        return intent(phase, self._rollout, self._decisions)


def intent(phase: Phase, rollout: ModelRollout, number: int) -> TrafficIntent:
    """What the operator would ask of its router then, as the decision of that number."""
    sticky = STICKY if phase.sticky else None
    owner = Owner(
        uid=rollout.metadata.uid,
        name=rollout.metadata.name,
        stable=STABLE,
        intent=number,
        services={version.name: version.service.name for version in rollout.spec.versions},
        sticks=sticky.order if sticky is not None else (),
    )
    return TrafficIntent(phase.weights, owner, sticky=sticky)


def rollout(route: str) -> Obj:
    """The rollout whose traffic that route carries, as it is written."""
    goal = {
        "name": "clicks",
        "role": "Goal",
        "better": "Higher",
        "proportion": {"good": "clicks_total", "total": "answers_total"},
        "gain": {"difference": 0},
    }
    versions: list[dict[str, Any]] = [
        {
            "name": name,
            "service": {"name": name, "port": 8080},
            "workload": {"kind": "Deployment", "name": name},
        }
        for name in VERSIONS
    ]
    shares = {name: share / 10 for name, share in STICKY.shares.items()}
    return {
        "apiVersion": MODELROLLOUTS.api_version,
        "kind": MODELROLLOUTS.kind,
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "versions": versions,
            "initialStable": STABLE,
            "candidates": list(CANDIDATES),
            "traffic": {"gatewayAPI": {"httpRoute": route}},
            "strategy": {"abTest": {"split": shares, "sticky": {"header": STICKY.header}}},
            "metrics": [goal],
        },
    }


def _route() -> Obj:
    refs = [{"name": name, "port": 8080, "weight": ALONE[name]} for name in VERSIONS]
    return route(NAME, HOST, {"backendRefs": refs})
