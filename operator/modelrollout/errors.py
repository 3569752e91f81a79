"""The error tree: every error this package raises on purpose descends from `ModelRolloutError`.

    ModelRolloutError
    └── InvalidSpec            the resource asks for something it may not: the message says what to do
        └── MissingTemplate    it refers to a template that is not there

Rooms map the errors of their libraries to leaves of this tree at their own border, so that no caller needs to
know which library is underneath.
"""


class ModelRolloutError(Exception):
    """Root of all errors raised on purpose."""


class InvalidSpec(ModelRolloutError):  # noqa: N818 - named for what is wrong, as all leaves
    """A resource cannot be accepted as written.

    Attributes:
        message: one sentence that says what is wrong and what to do.
        field: path of the offending field as a person would write it, for example `spec.versions[1].service.port`.
    """

    def __init__(self, message: str, field: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.message = message
        self.field = field
