"""What lint has to say of one place in a file."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error would be refused by the API server, a warning is accepted and unlikely to be meant, a note informs."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend. Line and column count from 1; `field` is the path as a person would write it."""

    file: str
    line: int
    column: int
    severity: Severity
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {where}{self.message}"
