"""Which model a version's pods serve, as they say themselves in the V2 inference protocol.

`GET /v2/models/<name>` names the versions that a server has of a model. Some servers leave them out there, or list
something else; where the declared one is not among them the index of the model repository, an extension that the common
servers have, is asked as well. Only a server that names versions, or that speaks V2 and knows no such model, can be
wrong: one that says nothing gives no alarm.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from modelrollout.api import ModelInfo
from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import Check, CheckResult
from modelrollout.gates.server import Answer, CannotAsk, ModelServer, model_server

_SECONDS = 3.0
_NAMED = 5


async def find_identity(check: Check, model: ModelInfo) -> CheckResult:
    """Ask every ready pod; the first one that serves something else decides."""
    found: list[CheckResult] = []
    try:
        async with model_server(check, _SECONDS) as server:
            for address in server.addresses:
                found.append(await _ask(server, address, check, model))
                if found[-1].verdict is Verdict.FAIL:
                    return found[-1]
    except CannotAsk as error:
        return CheckResult(check, Verdict.ERROR, "CannotBeAsked", f"which model {check.version} serves: {error}")
    return next((one for one in found if one.verdict is not Verdict.PASS), found[0])


async def _ask(server: ModelServer, address: str, check: Check, model: ModelInfo) -> CheckResult:
    name = model.name or ""
    wanted = f"{name} {model.version}" if model.version else name
    declared = f"and spec.versions declares {wanted}"
    answer = await server.ask(address, f"/v2/models/{quote(name, safe='')}")
    if answer.status == 404 and await _speaks_v2(server, address):
        said = f"pod {address} of {check.version} serves no model of the name {name}, {declared}"
        return CheckResult(check, Verdict.FAIL, "ModelNotServed", said)
    told = _object(answer)
    if answer.status != 200 or told.get("name") != name:
        said = f"the pods of {check.version} do not say which model they serve (HTTP {answer.status})"
        return CheckResult(check, Verdict.INCONCLUSIVE, "NotTold", said)
    if model.version is None:
        return CheckResult(check, Verdict.PASS, "Confirmed", f"every ready pod of {check.version} serves {wanted}")
    versions = set(_texts(told.get("versions")))
    if model.version not in versions:
        versions |= set(await _indexed(server, address, name))
    if model.version in versions:
        return CheckResult(check, Verdict.PASS, "Confirmed", f"every ready pod of {check.version} serves {wanted}")
    if not versions:
        said = f"the pods of {check.version} do not say which version of {name} they serve"
        return CheckResult(check, Verdict.INCONCLUSIVE, "NotTold", said)
    named = sorted(versions)
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    said = f"pod {address} of {check.version} serves {name} {', '.join(named[:_NAMED])}{more}, {declared}"
    return CheckResult(check, Verdict.FAIL, "VersionDiffers", said)


async def _speaks_v2(server: ModelServer, address: str) -> bool:
    """Whether it is a server of the protocol at all: others do not know the path of a model either."""
    answer = await server.ask(address, "/v2")
    return answer.status == 200 and isinstance(_object(answer).get("extensions"), list)


async def _indexed(server: ModelServer, address: str, name: str) -> Iterator[str]:
    """Versions of the model that are ready by the repository's index; none where a server has no such thing."""
    headers = {"Content-Type": "application/json"}
    answer = await server.ask(address, "/v2/repository/index", method="POST", headers=headers, body=b"{}")
    try:
        entries = json.loads(answer.body) if answer.status == 200 else []
    except ValueError:
        entries = []
    listed = [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
    return _texts([one.get("version") for one in listed if one.get("name") == name and one.get("state") == "READY"])


def _object(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _texts(values: object) -> Iterator[str]:
    return (one[:128] for one in (values if isinstance(values, list) else []) if isinstance(one, str) and one)
