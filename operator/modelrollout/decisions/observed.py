"""What a reconcile saw of the world: the only facts a decision may use besides spec, status, evidence and the time.

Weights here are thousandths of the traffic of a managed rule, brought to a sum of 1000 whatever the route itself uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modelrollout.api import Verb
from modelrollout.decisions.checks import CheckResult
from modelrollout.decisions.monitoring.findings import MonitoringEvidence


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """A version's Service, workload and endpoints.

    Attributes:
        service_found: the Service exists and has the named port.
        workload_found: the workload exists.
        ready: ready endpoint addresses behind the Service.
        revision: identity of what the workload runs, empty when it was not found.
        restarts: container restarts of its present pods, None when not asked yet.
        oom_kills: how many of those containers were last ended for want of memory.
        pods: names of the pods seen behind the Service.
        problem: why the workload cannot become ready, in a sentence, empty when nothing is known.
        replicas: how many pods its workload asks for, None when it does not say or was not found.
        autoscaler: what else sets that number, in words for people; empty when nothing does, or nobody asked.
        addresses: where its ready pods answer, as host:port, sorted; what is no pod is left out.
        model: what the workload's pod template says of its model: "digest" and "uri", where it says them.
    """

    service_found: bool = True
    workload_found: bool = True
    ready: int = 0
    revision: str = ""
    restarts: int | None = None
    oom_kills: int = 0
    pods: tuple[str, ...] = ()
    problem: str = ""
    replicas: int | None = None
    autoscaler: str = ""
    addresses: tuple[str, ...] = ()
    model: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mirror:
    """Copies of requests: the version that gets them, and of how many requests, in thousandths.

    No user sees its answers to them. A copy that leads to no version's Service, though it should, has an empty name.
    """

    version: str
    share: int


@dataclass(frozen=True, slots=True)
class Sticky:
    """Users who are kept on one version: by a hash of a header.

    Attributes:
        header: its name.
        stable: the version that serves; to it go the users of whoever loses its share.
        shares: what each candidate may have, in thousandths.
    """

    header: str
    stable: str
    shares: Mapping[str, int] = field(default_factory=dict)

    @property
    def order(self) -> tuple[str, ...]:
        """Whose users stand beside whose: everyone beside stable, which is there once for every two candidates."""
        arms, order = list(self.shares), list[str]()
        for place in range(0, len(arms), 2):
            order += [arms[place], self.stable, *arms[place + 1 : place + 2]]
        return tuple(order)


@dataclass(frozen=True, slots=True)
class StickySeen:
    """How far users are kept on one version.

    Attributes:
        header: by which they are, as it is written; empty when nothing of it is written, None when a part of it is.
        accepted: whether the gateway has taken it up; None while it has not spoken.
        problem: why it cannot be had, in a sentence, empty when it can.
        under_way: a step towards other weights was made, and the next one is not for at once.
    """

    header: str | None = ""
    accepted: bool | None = None
    problem: str = ""
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class Owner:
    """Who the route says has its managed rules: the annotation `modelrollout.io/owner`.

    Attributes:
        uid: uid of the ModelRollout.
        name: its name, for people.
        stable: version that served when it was last written.
        intent: the decision that was last written (Run.intent).
        rules: names (or indices as text) of the managed rules.
        services: Service name per version, so that traffic can be returned when the ModelRollout is gone.
        leaves: its deletionPolicy is Leave: the weights stay as they are then.
        mirrors: copies of requests to its versions are made by it, and end with it.
        sticks: while it keeps users on one version, `Sticky.order`; what does so is in its rules, and ends with it.
    """

    uid: str
    name: str
    stable: str
    intent: int = 0
    rules: tuple[str, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    leaves: bool = False
    mirrors: bool = False
    sticks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSeen:
    """One managed rule of the route.

    Attributes:
        name: its name, or its index as text.
        weights: thousandths per version; empty when the rule gives no weight to anyone.
        absent: versions that have no backendRef in it, or one without a weight.
        unknown: Services in it that belong to no version.
        mirrors: the operator's own copies of its requests; what somebody else copies is nobody's business here.
        sticky: it holds what keeps users on one version: True if all of it, None if a part.
    """

    name: str
    weights: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    sticky: bool | None = False


@dataclass(frozen=True, slots=True)
class RouterSeries:
    """How the versions are told apart in what the router itself counts.

    Attributes:
        label: whose value says which version answered.
        patterns: by version, a regular expression (of Prometheus and of Python alike) that matches these values whole.
        problem: why they cannot be told apart at present, in a sentence, empty when they can.
    """

    label: str
    patterns: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """The route as it stands.

    Attributes:
        found: it exists.
        accepted: a parent accepted it; None when no parent spoke yet.
        problem: why it is not usable, in a sentence, empty when it is.
        resource_version: of the object that was read.
        rules: its managed rules.
        owner: its owner annotation.
        writer: field manager that last wrote a managed weight, empty when unknown.
        outdated: what the operator owns of it besides weights (pins, frame of a created route) is missing or not what
            the spec asks for; applying the intent, whatever the weights, mends it.
        preview: version that requests with the preview's header are led to, empty when there is none.
        aside: why what the operator wants to keep beside it (pins, preview) cannot be had, in a sentence, empty when it
            can; the weights do not depend on it.
        series: how the router's own series tell the versions apart as the route stands; None: it counts nothing.
        no_mirror: why requests of the managed rules cannot be copied, in a sentence, empty when they can.
        sticky: how far users are kept on one version.
    """

    found: bool = False
    accepted: bool | None = None
    problem: str = ""
    resource_version: str = ""
    rules: tuple[RuleSeen, ...] = ()
    owner: Owner | None = None
    writer: str = ""
    outdated: bool = False
    preview: str = ""
    aside: str = ""
    series: RouterSeries | None = None
    no_mirror: str = ""
    sticky: StickySeen = StickySeen()

    def weights(self) -> Mapping[str, int] | None:
        """Weights that all managed rules share, or None when there are none or they differ."""
        first = self.rules[0].weights if self.rules else None
        return first if first and all(rule.weights == first for rule in self.rules) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """Whether this rollout has the rules it wants; `holder` (namespace/name) has them otherwise."""

    held: bool = True
    holder: str = ""


@dataclass(frozen=True, slots=True)
class CommandSeen:
    """A ModelRolloutCommand for this rollout that status does not answer yet."""

    name: str
    uid: str
    verb: Verb
    by: str
    created_at: datetime
    run: str = ""
    reason: str = ""
    full: bool = False
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """A standing order to start no run.

    Attributes:
        where: what is frozen, for people.
        reason: why, in the words of who froze it.
        until: when it ends by itself, aware; None: when it is taken away.
        problem: why its end cannot be known, empty when it can.
    """

    where: str
    reason: str = ""
    until: datetime | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Rival:
    """A run of another rollout in the same layer.

    Attributes:
        layer: which one.
        name, uid: of its rollout.
        asked_at: when it was asked for.
        queued: it waits for its turn; otherwise it has the layer.
        aside: it waits and could not start now.
    """

    layer: str
    name: str
    uid: str
    asked_at: datetime
    queued: bool
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Companion:
    """Another rollout, which this one is to be promoted together with.

    Attributes:
        name: of it.
        found: it exists.
        passed: it has nothing to wait for but others, is being promoted or was, or serves its target already.
        taken_back: when its last candidate was taken back, None when it was not.
        run: id of its run, empty when it never had one.
        release: what it says that it is released with, empty when it says nothing.
        why: why its candidate was taken back, in a sentence.
    """

    name: str
    found: bool = True
    passed: bool = False
    taken_back: datetime | None = None
    run: str = ""
    release: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reversals:
    """Foreign changes of managed weights in the last ten minutes.

    Attributes:
        manager: field manager that made most of them.
        times: how often it did.
        last: when there was one last, None without any.
        until: when the oldest of them is ten minutes old.
    """

    manager: str = ""
    times: int = 0
    last: datetime | None = field(default=None, compare=False)
    until: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Something that should be written and is not what is found.

    Attributes:
        since: when that was first seen without it having been otherwise since; aware.
        refusal: why a write failed last, in the words of who refused it; empty when the last one did not fail.
    """

    since: datetime
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything a reconcile saw.

    `rivals` are at least those of every layer that a run of the rollout could be in; `may_scale` says whether the
    operator has the right to scale workloads; `checks` is what was found out for the present run, beside all
    reconciling; `companions` are the rollouts that this one is to be promoted together with; `monitored` is what
    Prometheus says of the version that serves, None when it was not asked; `undelivered` is None while the route says
    what was last decided, and `beside` while all is as it should be that the operator keeps beside the weights.
    """

    route: RouteSeen
    versions: Mapping[str, VersionSeen]
    claim: Claim = Claim()
    commands: tuple[CommandSeen, ...] = ()
    reversals: Reversals = Reversals()
    rivals: tuple[Rival, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    may_scale: bool = False
    checks: tuple[CheckResult, ...] = ()
    companions: tuple[Companion, ...] = ()
    monitored: MonitoringEvidence | None = None
    undelivered: Undelivered | None = None
    beside: Undelivered | None = None

    def ready(self, version: str) -> bool:
        """Whether that version has at least one ready endpoint."""
        seen = self.versions.get(version)
        return seen is not None and seen.service_found and seen.ready > 0

    def revision(self, version: str) -> str:
        """Revision of that version's workload, empty when unknown."""
        seen = self.versions.get(version)
        return seen.revision if seen else ""
