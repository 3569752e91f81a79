"""A small model server on loopback that speaks V1 and V2 of the inference protocol, for what stands before servers."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from dev.loopback import LoopbackServer, Quiet

CLASSES = ("low", "high")


class ModelServer(LoopbackServer):
    """Says "high" where the first feature is above the threshold, and 500 where it is negative.

    As KServe's own servers it also takes a structured event, and looks at its data.

    Attributes:
        port: where it listens.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        model = threshold

        class Handler(Quiet, BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                self._answer(*_answer(self.path, asked, model))

            def do_GET(self) -> None:
                self._answer(200, {"name": "digits", "ready": True})

            def _answer(self, status: int, document: Mapping[str, Any]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        super().__init__(Handler)


def v1(feature: float) -> tuple[str, dict[str, Any]]:
    """Path and body of a request in the first version of the protocol."""
    return "/v1/models/digits:predict", {"instances": [[feature, 0.25]]}


def v2(feature: float) -> tuple[str, dict[str, Any]]:
    """Path and body of a request in the second version of the protocol."""
    return "/v2/models/digits/infer", {
        "inputs": [{"name": "features", "shape": [1, 2], "datatype": "FP64", "data": [feature, 0.25]}]
    }


def _answer(path: str, asked: Mapping[str, Any], threshold: float) -> tuple[int, dict[str, Any]]:
    first = path.startswith("/v1/")
    asked = asked["data"] if "specversion" in asked else asked
    rows = [row[0] for row in asked["instances"]] if first else [asked["inputs"][0]["data"][0]]
    if any(one < 0 for one in rows):
        return 500, {"error": "a feature is negative"}
    classes = [CLASSES[one > threshold] for one in rows]
    if first:
        return 200, {"predictions": classes}
    output = {"name": "class", "shape": [len(classes)], "datatype": "BYTES", "data": classes}
    return 200, {"model_name": "digits", "outputs": [output]}
