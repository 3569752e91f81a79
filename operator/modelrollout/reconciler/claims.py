"""Who claims which rules, kept so that a reconcile looks only at rollouts that share its routes."""

from collections import defaultdict

from modelrollout.api import ModelRollout
from modelrollout.decisions.claims import Claimant, Claimed, holders
from modelrollout.decisions.observed import Claim
from modelrollout.kube.cache import Key

_Route = tuple[str, str, str]


class Claims:
    """Claims of all rollouts."""

    def __init__(self) -> None:
        self._wanted: dict[Key, Claimant] = {}
        self._by_route: defaultdict[_Route, set[Key]] = defaultdict(set)

    def set(self, key: Key, rollout: ModelRollout, wanted: frozenset[Claimed]) -> frozenset[Key]:
        """Let the rollout want these rules; returns the others whose claims that may change."""
        metadata = rollout.metadata
        claimant: Claimant = (metadata.uid, "/".join(key), metadata.creation_timestamp, wanted)
        if self._wanted.get(key) == claimant:
            return frozenset()
        peers = self.drop(key)
        self._wanted[key] = claimant
        for route in _routes(wanted):
            peers |= self._by_route[route]
            self._by_route[route].add(key)
        return peers - {key}

    def drop(self, key: Key) -> frozenset[Key]:
        """The rollout wants nothing any more; returns the others whose claims that may change."""
        claimant = self._wanted.pop(key, None)
        if claimant is None:
            return frozenset()
        peers: set[Key] = set()
        for route in _routes(claimant[3]):
            self._by_route[route].discard(key)
            peers |= self._by_route[route]
            if not self._by_route[route]:
                del self._by_route[route]
        return frozenset(peers)

    def of(self, key: Key) -> Claim:
        """Whether the rollout holds what it wants."""
        claimant = self._wanted.get(key)
        if claimant is None:
            return Claim()
        peers = {peer for route in _routes(claimant[3]) for peer in self._by_route[route]}
        return holders(self._wanted[peer] for peer in peers | {key})[claimant[0]]


def _routes(wanted: frozenset[Claimed]) -> set[_Route]:
    return {(one.kind, one.namespace, one.route) for one in wanted}
