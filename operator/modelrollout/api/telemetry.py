"""What the collector takes from requests and answers, and how it compares the answers of two versions."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.gates import RequestPath
from modelrollout.api.invariants import SOURCE_RULE, Invariant, JsonPath
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsLabel, HeaderName, Number, Share

OWN_LABELS = (
    "namespace",
    "rollout",
    "version",
    "le",
    "code-class",
    "correct",
    "result",
    "stable",
    "candidate",
    "invariant",
    "signal",
    "source",
    "instance",
    "job",
)
"""Names that no slice may have, since the counters carry these labels already (with _ for -)."""

UNIT_WINDOW = timedelta(hours=1)
"""For how long a unit's requests are added up where the spec says nothing."""


class ComparisonKind(StrEnum):
    """How two predictions of the same request are compared."""

    CLASS = "Class"
    NUMBER = "Number"
    TOP_K = "TopK"
    VECTOR = "Vector"
    JSON = "Json"


class Comparison(Model):
    """When two predictions, or a prediction and its label, count as equal."""

    RULES = (
        Rule(
            "!has(self.tolerance) && !has(self.relative) || self.kind in ['Number', 'Vector', 'Json']",
            "tolerance and relative are for numbers: use the kind Number, Vector or Json, or leave them out",
            lambda self: (
                (self.tolerance is None and self.relative is None) or self.kind in ("Number", "Vector", "Json")
            ),
            "kind",
        ),
        Rule(
            "!has(self.k) && !has(self.overlap) || self.kind == 'TopK'",
            "k and overlap are for ranked lists: use the kind TopK, or leave them out",
            lambda self: (self.k is None and self.overlap is None) or self.kind == "TopK",
            "kind",
        ),
        Rule(
            "!has(self.similarity) || self.kind == 'Vector' && !has(self.tolerance) && !has(self.relative)",
            "similarity is for the kind Vector, instead of tolerance and relative",
            lambda self: (
                self.similarity is None or (self.kind == "Vector" and self.tolerance is None and self.relative is None)
            ),
            "similarity",
        ),
    )

    kind: ComparisonKind = Field(
        description=(
            "What a prediction is, and so how two of them are compared. Class: as texts. Number: within a tolerance. "
            "TopK: lists, best first; a label is right when it is among the first k. Vector: each element within the "
            "tolerance, or by the cosine of their angle. Json: any JSON, each number in it within the tolerance."
        )
    )
    tolerance: Annotated[Number, Field(ge=0)] | None = Field(
        default=None,
        description="Largest difference that counts as equal, in the unit of the prediction. Default: 0.",
    )
    relative: Share | None = Field(
        default=None,
        description="Largest difference as a share of the label's or stable's number; the wider of both counts.",
    )
    k: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="How many entries of a list are looked at. Default: 5."
    )
    overlap: Share | None = Field(
        default=None, description="Share of the first k entries that both lists must have in common. Default: 1."
    )
    similarity: Annotated[Number, Field(ge=-1, le=1)] | None = Field(
        default=None, description="Least cosine of the angle between two vectors that count as equal."
    )


class RandomisedUnit(Model):
    """What is assigned to a version: usually a user."""

    RULES = (SOURCE_RULE,)

    header: HeaderName | None = Field(
        default=None, description="Request header that identifies the unit. Its value is hashed, not kept."
    )
    field: JsonPath | None = Field(
        default=None,
        description="Path in the JSON body of the request that identifies the unit. Its value is hashed, not kept.",
    )
    window: Annotated[Duration, Between("1m", "30d")] | None = Field(
        default=None,
        description=(
            "A unit's requests of this long are added up and enter the counters together, as one observation, when "
            "the window is over and its labels are due. Default: 1h."
        ),
    )


class TelemetrySlice(Model):
    """A label by which the collector splits its counters."""

    RULES = (SOURCE_RULE,)

    name: Annotated[
        DnsLabel,
        Rule(
            f"!(self in {list(OWN_LABELS)})",
            "the collector's counters have a label of this name already: take another one",
            lambda name: name not in OWN_LABELS,
        ),
    ] = Field(description="Name of the label on the collector's counters; - becomes _.")
    header: HeaderName | None = Field(default=None, description="Request header that the label's value is taken from.")
    field: JsonPath | None = Field(
        default=None, description="Path in the JSON body of the request that the label's value is taken from."
    )
    max_values: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="Distinct values counted apart, the first ones seen; later ones are counted as other."
    )


class ScoreReference(Model):
    """How one version's scores were distributed when it was trained."""

    version: DnsLabel = Field(description="Name of the version.")
    counts: tuple[Annotated[Number, Field(ge=0)], ...] = Field(
        min_length=2,
        max_length=51,
        description="Scores up to each bound and above the one before it, and at last those above all bounds.",
    )


class Score(Model):
    """A number in the answer whose distribution is watched."""

    RULES = (
        Rule(
            "self.buckets.all(b, self.buckets.exists_one(c, c == b)) && self.buckets.isSorted()",
            "write the bounds of buckets in rising order, each once",
            lambda self: list(self.buckets) == sorted(set(self.buckets)),
            "buckets",
        ),
        Rule(
            "self.references.all(r, r.counts.size() == self.buckets.size() + 1)",
            "a reference has one count for each bucket and one for the scores above all of them",
            lambda self: all(len(one.counts) == len(self.buckets) + 1 for one in self.references),
            "references",
        ),
        Rule(
            "self.references.all(r, self.references.exists_one(s, s.version == r.version))",
            "give each version one reference",
            lambda self: _distinct([one.version for one in self.references]),
            "references",
        ),
    )

    path: JsonPath = Field(description="JMESPath of the score in the JSON body of an answer. Each of several values.")
    buckets: tuple[Number, ...] = Field(
        min_length=1, max_length=50, description="Upper bounds of the histogram's buckets, rising."
    )
    references: tuple[ScoreReference, ...] = Field(
        default=(),
        max_length=16,
        description="How the scores of single versions were distributed in training; the distance is published.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["version"]},
    )


class Signal(Model):
    """Something that users do after an answer, and that is no label: a complaint, a retry, a purchase."""

    RULES = (
        Rule(
            "!has(self.min) || !has(self.max) || self.min <= self.max",
            "min must not be greater than max",
            lambda self: self.min is None or self.max is None or self.min <= self.max,
            "min",
        ),
    )

    name: DnsLabel = Field(description="Name of the signal, a label on its counters.")
    min: Number | None = Field(default=None, description="Smallest value that is taken. Default: none.")
    max: Number | None = Field(default=None, description="Largest value that is taken. Default: none.")


class Sampling(Model):
    """Permission to keep whole requests, for labelling and as golden requests."""

    path: RequestPath = Field(description="Path under which the requests can be sent again.")
    fields: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        min_length=1,
        max_length=32,
        description="Names of the fields at the top of the request's body that are kept; all others are not.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    answers: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = Field(
        default=(),
        max_length=32,
        description=(
            "Names of the fields at the top of the answer that are kept of the version that answered the user, as what "
            "is expected of the next one. Default: none, and only the status is expected."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    random: Share = Field(default=0.01, description="Share of all requests that is kept. Default: 0.01.")
    disagreeing: Share = Field(
        default=1.0, description="Share of the requests that two versions answered differently. Default: 1."
    )
    max: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=500, description="Most requests kept at a time; beyond it the shares are lowered. Default: 500."
    )


class Telemetry(Model):
    """What the collector reads and compares."""

    RULES = (
        Rule(
            "!has(self.compare) || has(self.prediction)",
            "say where the prediction is that is compared: set prediction",
            lambda self: self.compare is None or self.prediction is not None,
            "compare",
        ),
        Rule(
            "self.slices.all(s, self.slices.exists_one(t, t.name == s.name))",
            "every slice needs a name of its own",
            lambda self: _distinct([one.name for one in self.slices]),
            "slices",
        ),
        Rule(
            "self.invariants.all(i, self.invariants.exists_one(j, j.name == i.name))",
            "every invariant needs a name of its own",
            lambda self: _distinct([one.name for one in self.invariants]),
            "invariants",
        ),
        Rule(
            "self.signals.all(s, self.signals.exists_one(t, t.name == s.name))",
            "every signal needs a name of its own",
            lambda self: _distinct([one.name for one in self.signals]),
            "signals",
        ),
    )

    prediction: JsonPath | None = Field(
        default=None,
        description=(
            "JMESPath of the prediction in the JSON body of an answer, such as outputs[0].data[0]. It is kept until "
            "it has been compared, and hashed where it is a Class."
        ),
    )
    compare: Comparison | None = Field(
        default=None,
        description=(
            "How the predictions of two versions for one request, and predictions and labels, are compared. Default: "
            "{kind: Class}."
        ),
    )
    unit: RandomisedUnit | None = Field(default=None, description="The randomised unit. Default: the request.")
    slices: tuple[TelemetrySlice, ...] = Field(
        default=(),
        max_length=8,
        description="Labels by which counters are split.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    invariants: tuple[Invariant, ...] = Field(
        default=(),
        max_length=16,
        description="What every request or answer must keep; checks and failures are counted.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    score: Score | None = Field(
        default=None, description="A number in the answer whose distribution is published as a histogram."
    )
    signals: tuple[Signal, ...] = Field(
        default=(),
        max_length=16,
        description="What users do after an answer; only signals of these names are taken.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    label_delay: Annotated[Duration, Between("0s", "30d")] | None = Field(
        default=None,
        description="Age at which an outcome is counted, on every version alike, with the labels known by then. "
        "Default: at once.",
    )
    sample: Sampling | None = Field(
        default=None, description="Permission to keep some requests as they were. Default: none is kept."
    )


def _distinct(names: list[str]) -> bool:
    return len(set(names)) == len(names)
