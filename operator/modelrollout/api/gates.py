"""What a candidate has to show before it gets any traffic: warm-up, golden requests, a Job."""

from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.canary import Deadline
from modelrollout.api.rules import Rule, exactly_one
from modelrollout.api.values import DnsLabel, DnsSubdomain, HeaderName, Number, Share

DEFAULT_KEY = "requests.jsonl"
"""Entry of a ConfigMap that holds golden requests, where no other one is named."""

FRAMING_HEADERS = ("host", "connection", "content-length", "transfer-encoding", "upgrade", "expect", "trailer", "te")
"""Headers that say how a request travels, in lower case: they are the operator's to write."""

RequestPath = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^/[!-\"$-~]*$")]
HeaderValue = Annotated[str, Field(max_length=4096, pattern=r"^[ -~]*$")]


class RequestHeader(Model):
    """A header to send."""

    RULES = (
        Rule(
            f"!(self.name.lowerAscii() in [{', '.join(repr(name) for name in FRAMING_HEADERS)}])",
            "headers that say how a request travels, such as Host, are written by the operator: leave this one out",
            lambda self: self.name.lower() not in FRAMING_HEADERS,
            "name",
        ),
    )

    name: HeaderName = Field(description="Name of the header.")
    value: HeaderValue = Field(description="Its value.")


class WarmUp(Model):
    """Requests that every ready pod of the candidate gets, so that its first user does not wait for it."""

    requests: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=20, description="Requests that each ready pod gets, one after the other. Default: 20."
    )
    path: RequestPath = Field(description="Path of the requests, for example /v2/models/fraud/infer.")
    headers: tuple[RequestHeader, ...] = Field(
        default=(),
        max_length=16,
        description="Headers of the requests. With a body, Content-Type is application/json unless it is given.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    body: Annotated[str, Field(max_length=65_536)] | None = Field(
        default=None, description="Body of the requests, which are POST then. Default: none, and they are GET."
    )


class Tolerance(Model):
    """By how much a number may differ from the expected one: as far as the wider of the two allows."""

    absolute: Annotated[Number, Field(ge=0)] = Field(
        default=0.0, description="Greatest difference, in the number's own unit. Default: 0."
    )
    relative: Share = Field(
        default=0.0, description="Greatest difference as a share of the expected number. Default: 0."
    )


class Replay(Model):
    """Golden requests: recorded requests whose right answers are known."""

    config_map: DnsSubdomain = Field(
        description=(
            "ConfigMap in the rollout's namespace. Its entry holds JSON lines: "
            '{"request": {"path": ..., "headers": {...}, "body": ...}, "expect": {"status": 200, "body": ...}}. '
            "At most 1000 lines."
        )
    )
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default=DEFAULT_KEY, description="Entry of the ConfigMap. Default: requests.jsonl."
    )
    tolerance: Tolerance = Field(
        default_factory=Tolerance,
        description="By how much numbers in answers may differ from the expected ones. Default: not at all.",
        json_schema_extra={"default": {}},
    )


class GateJob(Model):
    """A Job of your own, made from the template of a CronJob that allows it."""

    cron_job: DnsSubdomain = Field(
        description=(
            "CronJob in the rollout's namespace whose jobTemplate is run. It must carry the label "
            "modelrollout.io/gate=true, and is best suspended. Its containers learn from MODELROLLOUT_VERSION, "
            "MODELROLLOUT_SERVICE, MODELROLLOUT_PORT and MODELROLLOUT_RUN what to try."
        )
    )


class Gate(Model):
    """Something that a candidate must pass before it gets any traffic; exactly one kind."""

    RULES = (
        exactly_one(
            {"warmUp": "warm_up", "replay": "replay", "job": "job"},
            "a gate is exactly one of warmUp, replay and job: write a gate for each",
        ),
    )

    name: DnsLabel = Field(description="Name of the gate, unique in this list. Used in status and events.")
    warm_up: WarmUp | None = Field(
        default=None, description="Requests to every ready pod; passes when each pod answers the last of its own well."
    )
    replay: Replay | None = Field(
        default=None, description="Golden requests; passes when every answer is as expected, fails when one is not."
    )
    job: GateJob | None = Field(default=None, description="A Job; passes when it completes, fails when it fails.")
    deadline: Deadline | None = Field(
        default=None, description="Longest time of this gate; then onDeadline decides. Default: the progressDeadline."
    )
