"""Choices about how a run is judged and what happens at its ends."""

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.rules import Rule
from modelrollout.api.values import DnsSubdomain, Number, plain_number

_ADDRESS = "^https?://[^/?#@ ]+(/[^?#@ ]*)?$"

_FACTOR = "^[0-9]{1,4}([.][0-9]{1,4})?$"
_DISPERSION_FORMS = 'write Auto, a whole number from 1 to 1000, or a number in quotes, like "1.5"'

AUTO: Literal["Auto"] = "Auto"


def _read_dispersion(value: object) -> object:
    if not isinstance(value, str) or value == AUTO:
        return value
    if not re.fullmatch(_FACTOR, value):
        raise PydanticCustomError("dispersion", "{message}", {"message": _DISPERSION_FORMS})
    return float(value)


def _write_dispersion(value: float | str) -> int | str:
    if isinstance(value, str):
        return value
    plain = plain_number(value)
    return plain if isinstance(plain, int) else str(plain)


Dispersion = Annotated[
    Literal["Auto"] | float,
    BeforeValidator(_read_dispersion),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 16}),
    Rule(
        "type(self) == int ? self >= 1 && self <= 1000 : "
        f"self == 'Auto' || (self.matches('{_FACTOR}') && "
        "double(self) >= 1.0 && double(self) <= 1000.0)",
        _DISPERSION_FORMS,
        lambda value: value == AUTO or 1 <= value <= 1000,
    ),
    PlainSerializer(_write_dispersion, return_type=int | str, when_used="json"),
]


class DeadlinePolicy(StrEnum):
    """What happens when a deadline passes."""

    ROLLBACK = "Rollback"
    HOLD = "Hold"


class RevisionPolicy(StrEnum):
    """What happens when the candidate's revision changes while a run goes on."""

    RESTART = "Restart"
    FINISH_FIRST = "FinishFirst"


class RollbackPolicy(StrEnum):
    """What a guardrail's Fail does."""

    AUTO = "Auto"
    HOLD = "Hold"


class PromotionPolicy(StrEnum):
    """What a passed last step does."""

    AUTO = "Auto"
    MANUAL = "Manual"


class RevertPolicy(StrEnum):
    """How a target that is set back to the previous version is reached."""

    FAST = "Fast"
    TRIAL = "Trial"


class DeletionPolicy(StrEnum):
    """What happens to the traffic when the ModelRollout is deleted during a run."""

    RETURN_TO_STABLE = "ReturnToStable"
    LEAVE = "Leave"


class ScaleMode(StrEnum):
    """Whether the operator scales the versions' workloads."""

    NONE = "None"
    MANAGED = "Managed"


class Prometheus(Model):
    """Where the metrics are asked for."""

    address: (
        Annotated[
            str,
            Field(min_length=1, max_length=512),
            Rule(
                f"self.matches('{_ADDRESS}')",
                "write the address as http(s)://host:port, with an optional path and without user, query or fragment",
                lambda text: re.fullmatch(_ADDRESS, text) is not None,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="Base address, for example http://prometheus.monitoring:9090. Default: the operator's setting.",
    )


_ErrorRate = Annotated[Number, Field(gt=0, le=0.5)]


class Analysis(Model):
    """How the evidence is gathered, and the errors that are allowed in judging it."""

    interval: Annotated[Duration, Between("1s", "1h")] = Field(
        default=timedelta(seconds=15), description="Time between two questions to Prometheus. Default: 15s."
    )
    warm_up: Annotated[Duration, Between("0s", "1h")] = Field(
        default=timedelta(seconds=30),
        description="First time of each pod that is left out of the comparison, on both sides. Default: 30s.",
    )
    false_rollback: _ErrorRate = Field(
        default=0.01,
        description="Largest chance that an equally good candidate is rolled back in a whole run. Default: 0.01.",
    )
    false_promotion: _ErrorRate = Field(
        default=0.05,
        description="Largest chance that a candidate as bad as the margin is promoted. Default: 0.05.",
    )
    dispersion: Dispersion = Field(
        default=AUTO,
        description=(
            "By how much the counts scatter more than independent requests would: a factor of at least 1 that divides "
            'the evidence, a whole number or a number in quotes ("1.5"). Auto (default) measures it on the stable '
            "version's history, and takes 2 while there is too little of it."
        ),
    )


class Scale(Model):
    """Whether the operator scales the versions' workloads."""

    RULES = (
        Rule(
            "!has(self.scaleDownDelay) || self.mode == 'Managed'",
            "scaleDownDelay has an effect only with scale.mode Managed: leave it out",
            lambda self: self.scale_down_delay is None or self.mode == ScaleMode.MANAGED,
            "scaleDownDelay",
        ),
    )

    mode: ScaleMode = Field(
        default=ScaleMode.NONE,
        description=(
            "None (default): replicas are yours. Managed: the candidate is scaled up before each weight that it gets, "
            "to that share of the stable version's replicas, and whoever has lost all traffic goes down to 0 after a "
            "delay. Autoscalers are left to do their work, and so is a number that somebody else sets."
        ),
    )
    scale_down_delay: Annotated[Duration, Between("5s", "30d")] | None = Field(
        default=None,
        description=(
            "With Managed: how long a version stays up after it lost all traffic; while it is watched for undo in any "
            "case. Default: 30m."
        ),
    )


class PromoteTogether(Model):
    """Rollouts of the namespace that belong together."""

    rollouts: Annotated[
        tuple[DnsSubdomain, ...],
        Field(min_length=1, max_length=10, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(
        description=(
            "Names of the other ModelRollouts. After its last step a candidate waits until theirs have passed too, or "
            "serve already; where one of theirs is taken back before that, so is this one. Let each name the others."
        )
    )
    release: (
        Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")] | None
    ) = Field(
        default=None,
        description=(
            "Name of what is released together, for example 2026-12. With it a candidate also waits for rollouts that "
            "do not say the same name yet, whatever they serve: edit it along with the target, in each of them, in any "
            "order and at any time. Default: only those whose target is being tried are waited for."
        ),
    )


class Exclusivity(Model):
    """Which experiments must not overlap."""

    layer: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description=(
            "Of the rollouts of a namespace that name the same layer one has a run at a time. The others are Queued, "
            "first come first served; a run has the layer until its watch has ended."
        )
    )
