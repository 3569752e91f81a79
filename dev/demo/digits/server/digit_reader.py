"""The runtime in which MLServer serves a version: its scikit-learn runtime, with errors that say whose they are."""

# Runs in the model image, whose libraries are not installed where types are checked.
# mypy: disable-error-code="import-not-found,misc,no-any-return"

from mlserver.errors import MLServerError
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver_sklearn import SKLearnModel


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
        try:
            return await super().predict(payload)
        except ValueError as error:
            raise MLServerError(f"{self.name} {self.version}: {error}", status_code=500) from error
