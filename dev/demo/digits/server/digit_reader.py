"""The runtime in which MLServer serves a version: its scikit-learn runtime, with errors that say whose they are."""

# Runs in the model image, whose libraries are not installed where types are checked.
# mypy: disable-error-code="import-not-found,misc,no-any-return"

import os

from mlserver.errors import MLServerError
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver_sklearn import SKLearnModel

DIES_OF = os.environ.get("DIES_OF", "")
"""A digit at whose sight the server dies, as native code does of an input that nobody tried; empty for a sound one."""

MIRRORED_FOR = os.environ.get("MIRRORED_FOR", "")
"""A country whose scans this version takes for mirrored, and turns round, as the scanners there did once; empty for a
sound one."""
SIDE = 8
"""Pixels of a scan's row."""


class DigitReader(SKLearnModel):
    """Reads digits.

    MLServer answers an exception of a model with a bare "Internal Server Error". A client that knows only the gateway
    could not tell which version failed, so here the answer names it, with the same status 500.
    """

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer a request of the V2 protocol.

        Raises:
            MLServerError: the model refused the input; becomes status 500 with a body that names the version.
        """
        headers = (payload.parameters and payload.parameters.headers) or {}
        if MIRRORED_FOR and headers.get("x-country") == MIRRORED_FOR:
            pixels = payload.inputs[0].data.root
            rows = [pixels[start : start + SIDE] for start in range(0, len(pixels), SIDE)]
            payload.inputs[0].data.root = [pixel for row in rows for pixel in reversed(row)]
        try:
            answer = await super().predict(payload)
        except ValueError as error:
            raise MLServerError(f"{self.name} {self.version}: {error}", status_code=500) from error
        if DIES_OF and any(digit == int(DIES_OF) for digit in answer.outputs[0].data):
            os.abort()
        return answer
