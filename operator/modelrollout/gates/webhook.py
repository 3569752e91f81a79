"""Calls a webhook: one signed POST to an address that the operator's settings allow, and what its answer means.

Nothing else is ever called: no redirect is followed, no proxy of the environment used, no cookie kept. Only a status of
2xx speaks. Its body may say more, as JSON: {"verdict": "Pass" | "Wait" | "Fail", "message": "..."}; without that it is
a Pass. Every other status, and silence, is no answer.

A signed request has the header X-ModelRollout-Signature: sha256=<hex>, the HMAC-SHA256 (RFC 2104) of the text
"<timestamp>.<body>", where the timestamp is that of the header X-ModelRollout-Timestamp, in seconds.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any

import aiohttp
from yarl import URL

from modelrollout.api import percent_of
from modelrollout.api.status import Verdict
from modelrollout.api.webhooks import WebhookKey, When
from modelrollout.decisions.addresses import covered, origin
from modelrollout.decisions.checks import Call, Check, CheckResult
from modelrollout.kube.client import Client
from modelrollout.kube.clock import Clock
from modelrollout.kube.errors import Forbidden, KubeError, NotFound
from modelrollout.kube.resources import SECRETS

LABEL = "modelrollout.io/webhook"
"""Label that a Secret must carry, with the value "true", before requests are signed with it."""

LARGEST = 64 << 10
"""Bytes of an answer that are read."""

_VERDICTS = {"Pass": Verdict.PASS, "Wait": Verdict.INCONCLUSIVE, "Fail": Verdict.FAIL}


class NoAnswer(Exception):  # noqa: N818 - named for what happened
    """Nobody could be called, or what came back is no answer; the message says why."""


async def call(check: Check, asked: Call, allowed: Iterable[str], client: Client, clock: Clock) -> CheckResult:
    """One try. What came of it is a result too: nothing is raised."""
    try:
        _permit(asked.webhook.url, allowed)
        body = json.dumps(document(check, asked), separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "modelrollout",
            "X-ModelRollout-Delivery": asked.delivery,
        }
        if asked.webhook.secret_ref is not None:
            key = await _key(asked.webhook.secret_ref, check.namespace, client)
            moment = str(int(clock.now().timestamp()))
            headers["X-ModelRollout-Timestamp"] = moment
            headers["X-ModelRollout-Signature"] = signature(key, moment, body)
        verdict, message = await _post(asked, headers, body)
    except NoAnswer as error:
        return CheckResult(check, Verdict.ERROR, "NoAnswer", str(error))
    return CheckResult(check, verdict, "Answered", message)


def document(check: Check, asked: Call) -> dict[str, Any]:
    """What the receiver is told, as JSON."""
    return {
        "namespace": check.namespace,
        "rollout": check.rollout,
        "run": check.run,
        "candidate": check.version,
        "stable": asked.stable,
        "step": asked.step,
        "steps": asked.steps,
        "stepName": asked.step_name,
        "weight": percent_of(asked.weight),
        "mirror": percent_of(asked.mirror),
        "audience": list(asked.audience),
        "webhook": asked.webhook.name,
        "when": str(asked.webhook.when),
        "attempt": asked.attempt,
        "body": asked.webhook.body,
    }


def signature(key: bytes, timestamp: str, body: bytes) -> str:
    """The value of the signature's header."""
    return "sha256=" + hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _permit(url: str, allowed: Iterable[str]) -> None:
    match covered(url, allowed):
        case True:
            return
        case None:
            raise NoAnswer("its url is no plain http(s) address: leave out user, query and fragment")
        case _:
            raise NoAnswer(f"{origin(url)} is not among the addresses that the operator's settings let webhooks call")


async def _key(ref: WebhookKey, namespace: str, client: Client) -> bytes:
    try:
        secret = await client.get(SECRETS, namespace, ref.name)
    except NotFound:
        raise NoAnswer(f"Secret {ref.name}, whose key signs the request, does not exist") from None
    except Forbidden:
        raise NoAnswer(f"the operator may not read Secret {ref.name}: set rbac.secrets in its chart") from None
    except KubeError as error:
        raise NoAnswer(f"Secret {ref.name} cannot be read: {error}") from None
    if (secret["metadata"].get("labels") or {}).get(LABEL) != "true":
        raise NoAnswer(f"Secret {ref.name} does not carry the label {LABEL}=true")
    value = (secret.get("data") or {}).get(ref.key)
    if not value:
        raise NoAnswer(f"Secret {ref.name} has no entry {ref.key}")
    return base64.b64decode(value)


async def _post(asked: Call, headers: dict[str, str], body: bytes) -> tuple[Verdict, str]:
    seconds = asked.webhook.timeout.total_seconds()
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=seconds), cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
            ) as session,
            session.post(URL(asked.webhook.url), headers=headers, data=body, allow_redirects=False) as reply,
        ):
            text = await reply.content.read(LARGEST)
            status = reply.status
    except TimeoutError:
        raise NoAnswer(f"no answer within {seconds:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoAnswer(f"it cannot be called: {str(error) or type(error).__name__}") from None
    if not 200 <= status < 300:
        raise NoAnswer(f"HTTP {status}")
    return _meaning(asked, status, text)


def _meaning(asked: Call, status: int, text: bytes) -> tuple[Verdict, str]:
    try:
        told = json.loads(text) if text.strip() else {}
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    message = told.get("message")
    said = " ".join(message.split())[:300] if isinstance(message, str) and message.strip() else f"HTTP {status}"
    verdict = _VERDICTS.get(str(told.get("verdict")), Verdict.PASS)
    if verdict is Verdict.INCONCLUSIVE and asked.webhook.when is not When.GATE:
        raise NoAnswer(f"it answers Wait, which only a Gate may: {said}")
    return verdict, said
