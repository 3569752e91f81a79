"""Golden requests, replayed: each to one of the ready pods in turn, every answer compared with the expected one."""

import json
from itertools import cycle

from modelrollout.api import Replay, Tolerance
from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import Check, CheckResult
from modelrollout.decisions.golden import ANYTHING, GoldenRequest, Unreadable, difference, read_golden
from modelrollout.gates.server import Answer, CannotAsk, ModelServer, model_server
from modelrollout.kube.client import Client
from modelrollout.kube.errors import KubeError, NotFound
from modelrollout.kube.resources import CONFIGMAPS

SECONDS = 30.0
"""For one request."""


async def replay(check: Check, asked: Replay, client: Client) -> CheckResult:
    """Pass when every answer is as expected; the first one that differs is told with its JSON path."""
    where = f"ConfigMap {asked.config_map}"
    try:
        config_map = await client.get(CONFIGMAPS, check.namespace, asked.config_map)
    except NotFound:
        return CheckResult(check, Verdict.ERROR, "NoRequests", f"{where} is not there: create it")
    except KubeError as error:
        return CheckResult(check, Verdict.ERROR, "NoRequests", f"{where} cannot be read: {error}")
    text = (config_map.get("data") or {}).get(asked.key)
    if text is None:
        return CheckResult(check, Verdict.ERROR, "NoRequests", f"{where} has no entry {asked.key}: add it")
    try:
        requests = read_golden(text)
    except Unreadable as error:
        return CheckResult(check, Verdict.ERROR, "UnreadableRequests", f"{where}, entry {asked.key}: {error}")
    try:
        async with model_server(check, SECONDS) as server:
            return await _compare_all(check, requests, asked.tolerance, server)
    except CannotAsk as error:
        return CheckResult(check, Verdict.ERROR, "CannotBeAsked", str(error))


async def _compare_all(
    check: Check, requests: tuple[GoldenRequest, ...], tolerance: Tolerance, server: ModelServer
) -> CheckResult:
    different, first = 0, ""
    for request, address in zip(requests, cycle(server.addresses), strict=False):
        differs = _compare(request, await _send(server, address, request), tolerance)
        different += bool(differs)
        if differs and not first:
            first = f"line {request.line}, {differs}"
    if first:
        said = f"{different} of {len(requests)} answers differ from the expected ones; the first: {first}"
        return CheckResult(check, Verdict.FAIL, "AnswersDiffer", said)
    return CheckResult(check, Verdict.PASS, "AnswersAgree", f"all {len(requests)} answers are as expected")


async def _send(server: ModelServer, address: str, request: GoldenRequest) -> Answer:
    headers, body = dict(request.headers), request.body
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "text/plain" if isinstance(body, str) else "application/json"
    sent = body if isinstance(body, str) or body is None else json.dumps(body)
    return await server.ask(
        address, request.path, method=request.method, headers=headers, body=sent.encode() if sent is not None else None
    )


def _compare(request: GoldenRequest, answer: Answer, tolerance: Tolerance) -> str:
    if answer.status != request.status:
        return f"expected HTTP {request.status}, found {answer.status}: {answer.excerpt()}"
    if request.answer is ANYTHING:
        return ""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        found = answer.body.decode(errors="replace")
    return difference(request.answer, found, tolerance)
