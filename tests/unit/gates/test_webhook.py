"""One call of a webhook: to whom it may go, what it carries, what its answer means. The receiver is a real server."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from modelrollout.api.status import Verdict
from modelrollout.decisions.checks import CheckResult
from modelrollout.gates import GateFinder
from modelrollout.kube.client import Client
from modelrollout.kube.errors import Forbidden
from modelrollout.kube.fake import FakeServer
from modelrollout.kube.resources import SECRETS
from tests.unit.gates.pods import Pods, a_call
from tests.unit.kube.clock import FakeClock

KEY = b"correct horse battery staple"


class Receiver:
    """Who is called, and how.

    Attributes:
        pods: whose one pod it is.
        address: host:port.
        finder: who calls, allowed to call this address alone.
    """

    def __init__(self, pods: Pods, address: str, server: FakeServer, clock: FakeClock) -> None:
        self.pods, self.address = pods, address
        self.finder = GateFinder(Client(server), clock, [f"http://{address}"])

    async def find(self, **fields: Any) -> CheckResult:
        return await self.finder.find(a_call(self.address, **fields))

    def answer(self, status: int, body: Any = b"") -> None:
        self.pods.answers["POST /hooks/ask"] = status, body


@pytest.fixture
async def receiver(pods: Pods, server: FakeServer, clock: FakeClock) -> Receiver:
    return Receiver(pods, await pods.start(), server, clock)


async def test_the_receiver_learns_where_the_run_stands(receiver: Receiver) -> None:
    receiver.answer(200)
    result = await receiver.find(body="ring the bell")
    assert (result.verdict, result.message, result.final) == (Verdict.PASS, "HTTP 200", True)
    ((what, headers, body),) = receiver.pods.asked
    assert (what, headers["Content-Type"], headers["X-ModelRollout-Delivery"]) == (
        "POST /hooks/ask",
        "application/json",
        "4f1c",
    )
    assert "X-ModelRollout-Signature" not in headers
    told = json.loads(body)
    assert (told["rollout"], told["candidate"], told["stable"]) == ("fraud", "v8", "v7")
    assert (told["step"], told["steps"], told["stepName"], told["weight"]) == (1, 3, "one-percent", 1.0)
    assert told["audience"] == []
    assert (told["webhook"], told["when"], told["attempt"], told["body"]) == ("ask", "Gate", 2, "ring the bell")


@pytest.mark.parametrize(
    ("body", "verdict", "message"),
    [
        (b"", Verdict.PASS, "HTTP 200"),
        (b"fine", Verdict.PASS, "HTTP 200"),
        ([1], Verdict.PASS, "HTTP 200"),
        ({"message": "go ahead"}, Verdict.PASS, "go ahead"),
        ({"verdict": "Pass", "message": "two\nlines"}, Verdict.PASS, "two lines"),
        ({"verdict": "Wait", "message": "at noon"}, Verdict.INCONCLUSIVE, "at noon"),
        ({"verdict": "Fail", "message": "no"}, Verdict.FAIL, "no"),
        ({"verdict": "Maybe"}, Verdict.PASS, "HTTP 200"),
    ],
)
async def test_a_good_answer_may_say_more(receiver: Receiver, body: Any, verdict: Verdict, message: str) -> None:
    receiver.answer(200, body)
    result = await receiver.find()
    assert (result.verdict, result.message) == (verdict, message)
    assert result.final is (verdict is not Verdict.INCONCLUSIVE)


async def test_only_a_gate_may_be_told_to_wait(receiver: Receiver) -> None:
    receiver.answer(200, {"verdict": "Wait"})
    result = await receiver.find(when="After")
    assert (result.verdict, "which only a Gate may" in result.message) == (Verdict.ERROR, True)


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
async def test_only_a_success_speaks_and_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    receiver.answer(status, f"http://{receiver.address}/elsewhere" if status == 302 else {"verdict": "Pass"})
    result = await receiver.find()
    assert (result.verdict, result.message) == (Verdict.ERROR, f"HTTP {status}")
    assert len(receiver.pods.asked) == 1


async def test_nobody_else_is_called(receiver: Receiver) -> None:
    result = await receiver.finder.find(a_call("169.254.169.254"))
    assert result.verdict is Verdict.ERROR
    assert "http://169.254.169.254:80 is not among the addresses" in result.message
    assert receiver.pods.asked == []


async def test_by_default_nobody_is_called_at_all(pods: Pods, finder: GateFinder) -> None:
    result = await finder.find(a_call(await pods.start()))
    assert (result.verdict, pods.asked) == (Verdict.ERROR, [])


async def test_an_address_with_a_query_or_a_user_is_refused(receiver: Receiver) -> None:
    for url in (f"http://u:p@{receiver.address}/", f"http://{receiver.address}/?to=elsewhere"):
        assert "no plain http(s) address" in (await receiver.find(url=url)).message


async def test_who_does_not_answer_in_time_gave_no_answer(receiver: Receiver) -> None:
    receiver.pods.hang = True
    result = await receiver.find(timeout="1s")
    assert (result.verdict, result.message) == (Verdict.ERROR, "no answer within 1 s")


async def test_where_nobody_listens_the_reason_is_said(receiver: Receiver) -> None:
    await receiver.pods.close()
    assert "it cannot be called" in (await receiver.find()).message


async def test_of_a_large_answer_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answer(200, b"x" * (1 << 20))
    assert (await receiver.find()).verdict is Verdict.PASS


def store(server: FakeServer, labels: dict[str, str], **data: bytes) -> None:
    metadata = {"namespace": "risk", "name": "hooks", "labels": labels}
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    server.put(SECRETS.path("risk", "hooks"), {"metadata": metadata, "data": encoded})


SIGNED = {"secretRef": {"name": "hooks"}}
LABELLED = {"modelrollout.io/webhook": "true"}


async def test_a_signed_call_can_be_checked_by_who_has_the_key(
    receiver: Receiver, server: FakeServer, clock: FakeClock
) -> None:
    store(server, LABELLED, key=KEY)
    receiver.answer(200)
    assert (await receiver.find(**SIGNED)).verdict is Verdict.PASS
    ((_, headers, body),) = receiver.pods.asked
    moment = headers["X-ModelRollout-Timestamp"]
    assert int(moment) == int(clock.now().timestamp())
    wanted = hmac.new(KEY, moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-ModelRollout-Signature"] == f"sha256={wanted}"


@pytest.mark.parametrize(
    ("labels", "data", "why"),
    [
        ({}, {"key": KEY}, "does not carry the label modelrollout.io/webhook=true"),
        (LABELLED, {"token": KEY}, "Secret hooks has no entry key"),
        (None, {}, "does not exist"),
    ],
)
async def test_without_its_key_nothing_is_sent(
    receiver: Receiver, server: FakeServer, labels: dict[str, str] | None, data: dict[str, bytes], why: str
) -> None:
    if labels is not None:
        store(server, labels, **data)
    result = await receiver.find(**SIGNED)
    assert (result.verdict, why in result.message, receiver.pods.asked) == (Verdict.ERROR, True, [])


async def test_a_missing_right_is_said_with_what_grants_it(receiver: Receiver, server: FakeServer) -> None:
    server.before = lambda _: Forbidden("secrets is forbidden", 403)
    assert "set rbac.secrets in its chart" in (await receiver.find(**SIGNED)).message
