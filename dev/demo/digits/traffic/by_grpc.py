"""Asks the model by the V2 protocol over gRPC."""

# Runs in the model image, whose libraries are not installed where types are checked.
# mypy: disable-error-code="import-not-found,import-untyped,misc,no-any-unimported,no-any-return"

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
from mlserver.grpc import dataplane_pb2 as v2
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub

from .answers import UNKNOWN, Answer, Kind, blamed
from .sender import Ask, Load, Scan

CODES = {grpc.StatusCode.OK: "200", grpc.StatusCode.DEADLINE_EXCEEDED: "timeout"}
"""How a status is called among those of HTTP; the others keep their own names."""


@asynccontextmanager
async def users(gateway: str, load: Load, headers: Mapping[str, str], authority: str) -> AsyncIterator[Ask]:
    """Users of a gateway (host:port, without TLS) who share one connection and say `authority` to it."""
    options = [("grpc.default_authority", authority)] if authority else []
    async with grpc.aio.insecure_channel(gateway, options=options) as channel:
        stub = GRPCInferenceServiceStub(channel)

        async def ask(scan: Scan) -> Answer:
            return await _ask(stub, scan, load.patience, tuple(headers.items()))

        yield ask


async def _ask(
    stub: Any,  # noqa: ANN401 (generated, without types)
    scan: Scan,
    patience: float,
    headers: tuple[tuple[str, str], ...],
) -> Answer:
    request = v2.ModelInferRequest(model_name="digits")
    tensor = request.inputs.add(name="pixels", shape=[1, len(scan.pixels)], datatype="UINT8")
    tensor.contents.uint_contents.extend(scan.pixels)
    sent, began = time.time(), time.monotonic()
    version, kind, why = UNKNOWN, Kind.FAILED, ""
    try:
        answer = await stub.ModelInfer(request, timeout=patience, metadata=headers)
        code, version = CODES[grpc.StatusCode.OK], answer.model_version or UNKNOWN
        kind = Kind.RIGHT if list(answer.outputs[0].contents.int64_contents) == [scan.truth] else Kind.WRONG
    except grpc.aio.AioRpcError as error:
        why = error.details() or ""
        code, version = CODES.get(error.code(), error.code().name), blamed(why)
    return Answer(sent, time.monotonic() - began, version, code, kind, why)
