"""Calls to systems outside of the rollout: before a step, as its gate, and after it."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from modelrollout.api.base import Model
from modelrollout.api.durations import Between, Duration
from modelrollout.api.values import DnsLabel, DnsSubdomain


class When(StrEnum):
    """Which moment of a step a webhook belongs to."""

    BEFORE = "Before"
    GATE = "Gate"
    AFTER = "After"


class WebhookKey(Model):
    """The key that requests are signed with: an entry of a Secret in the namespace of the ModelRollout."""

    name: DnsSubdomain = Field(
        description=(
            "Name of the Secret. It must carry the label modelrollout.io/webhook=true, so that no other Secret can be "
            "used in this way."
        )
    )
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        default="key", description="Entry of the Secret. Default: key."
    )


class Webhook(Model):
    """A request to somebody who has to know of a step, or to agree to its end."""

    name: DnsLabel = Field(description="Name of the webhook, unique in its step. Shown in status and events.")
    url: Annotated[str, Field(min_length=8, max_length=1024, pattern=r"^https?://[!-~]+$")] = Field(
        description=(
            "Where the request is sent, by POST. The operator's settings say which addresses may be called; by default "
            "none. Redirects are not followed."
        )
    )
    when: When = Field(
        default=When.GATE,
        description=(
            "Gate (default): asked when all else that the step needs is there; the step is left once it agrees. "
            "Before: called before the step begins, and with it the weight. After: called when the step is about to be "
            "left."
        ),
    )
    timeout: Annotated[Duration, Between("1s", "60s")] = Field(
        default=timedelta(seconds=10), description="Longest time for one request and its answer. Default: 10s."
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3,
        description=(
            "How often a request that got no good answer is sent again, after 2, 4, 8, ... seconds. After that the run "
            "waits for a person or its deadline: silence is no yes, and no no. Default: 3."
        ),
    )
    secret_ref: WebhookKey | None = Field(
        default=None,
        description="Key for a signature by HMAC-SHA256, so that the receiver knows who calls. Default: not signed.",
    )
    body: Annotated[str, Field(max_length=4096)] = Field(
        default="", description="Text for the receiver, sent as the field body. Default: empty."
    )
