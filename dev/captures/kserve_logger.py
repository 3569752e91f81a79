"""What KServe's inference logger sends, word for word: calls of a model behind the agent, and the events of each."""

import http.client
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from dev.kserve_agent import kserve_agent, with_token
from dev.loopback import LoopbackServer, Quiet
from dev.models import ModelServer, v1, v2
from dev.progress import wait_until

FILE = Path("tests") / "unit" / "collector" / "kserve-logger.json"
TOKEN = "s3cr/t+of=who:sends@night"  # noqa: S105 - of this capture alone
COPIED = ("X-Request-Id", "X-Country", "User-Agent", "x-lower", "Host")
SERVICE = ("risk", "fraud-v7")
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the model.

    Args:
        name: what it shows.
        path, body: where to, and JSON; None sends GET.
        headers: that go with it.
        status: that the caller gets.
        events: how many the agent sends of it.
    """

    name: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    events: int = 2


_PATH, _ASKED = v2(0.9)
_EVENT = {"specversion": "1.0", "id": "inner", "source": "/app", "type": "of.a.user", "data": v1(0.9)[1]}
CALLS = (
    Call("V1, with an id of the caller's", *v1(0.1), {"Ce-Id": "caller-1", "X-Country": "BR", "Content-Type": _JSON}),
    Call("V2, with the gateway's id", _PATH, _ASKED, {"X-Request-Id": "gateway-1", "Content-Type": _JSON}),
    Call("without any id", _PATH, _ASKED, {"Content-Type": _JSON}),
    Call("without a content type", _PATH, _ASKED, {"X-Request-Id": "gateway-2"}),
    Call("of the operator itself", _PATH, _ASKED, {"User-Agent": "modelrollout", "Content-Type": _JSON}),
    Call("of a country that is not ASCII", _PATH, _ASKED, {"X-Country": "Österreich 100%25", "Content-Type": _JSON}),
    Call("a header in lower case on the list", _PATH, _ASKED, {"x-lower": "a", "Content-Type": _JSON}),
    Call("a failure", *v2(-1), {"X-Request-Id": "gateway-3", "Content-Type": _JSON}, status=500, events=1),
    Call("a GET", "/v1/models/digits"),
    Call("an event as the body", "/v1/models/digits:predict", _EVENT, {"Content-Type": "application/cloudevents+json"}),
)


def capture() -> str:
    """The calls with their events, as JSON."""
    found = []
    with _Recorder() as recorder, ModelServer() as server, tempfile.TemporaryDirectory() as folder:
        url = with_token(f"http://127.0.0.1:{recorder.port}/", TOKEN)
        with kserve_agent(server.port, url, SERVICE, Path(folder) / "log", COPIED) as agent:
            for call in CALLS:
                recorder.events.clear()
                status = _made(agent, call)
                if status != call.status:
                    raise RuntimeError(f"{call.name}: {status} instead of {call.status}")
                wait_until(lambda call=call: len(recorder.events) == call.events, call.name, 30)  # type: ignore[misc]
                events = sorted(recorder.events, key=lambda one: str(one["headers"]["Ce-Type"]))
                found.append({"call": call.name, "sent": dict(call.headers), "events": events})
    return json.dumps(found, indent=1, ensure_ascii=True) + "\n"


def _made(port: int, call: Call) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {name: value.encode() for name, value in call.headers.items()}
    data = None if call.body is None else json.dumps(call.body).encode()
    connection.request("GET" if data is None else "POST", call.path, data, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


class _Recorder(LoopbackServer):
    """Takes events as the collector does, and keeps them as they came."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        recorder = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value.encode("latin-1").decode() for name, value in self.headers.items()}
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                recorder.events.append({"headers": headers, "body": body.decode()})

        super().__init__(Handler)
