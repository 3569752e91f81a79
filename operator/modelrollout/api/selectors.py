"""What a piece of PromQL in a spec may look like."""

import re
from typing import Annotated

from pydantic import Field

from modelrollout.api.rules import Rule

_LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
_TEXT = r""" "([^"\\]|\\.)*"|'([^'\\]|\\.)*' """.strip()
_MATCHER = rf"\s*{_LABEL}\s*(=|!=|=~|!~)\s*({_TEXT})\s*"
SELECTOR = rf"^[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{{({_MATCHER}(,{_MATCHER})*,?\s*|\s*)\}})?$"
"""A metric name with optional label matchers: no function, no range, no offset."""

PLACEHOLDERS = ("namespace", "version", "service", "port", "workload", "pods", "cluster")
"""Names that may stand between double braces in the query of a threshold."""

_KNOWN_PLACEHOLDER = rf"\{{\{{({'|'.join(PLACEHOLDERS)})\}}\}}"


def _cel_text(pattern: str) -> str:
    """A pattern as a CEL string literal."""
    escaped = pattern.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _known_placeholders(query: str) -> bool:
    return "{{" not in re.sub(_KNOWN_PLACEHOLDER, "", query)


Selector = Annotated[
    str,
    Field(min_length=1, max_length=1024),
    Rule(
        f"self.matches({_cel_text(SELECTOR)})",
        'write a bare selector of a counter, like http_requests_total{code=~"5.."}, without functions or ranges: '
        "the operator adds those, and the namespace and version",
        lambda text: re.fullmatch(SELECTOR, text) is not None,
    ),
]

HistogramSelector = Annotated[
    Selector,
    Rule(
        r"!self.matches('^[a-zA-Z0-9_:]*_bucket\\s*(\\{|$)')",
        "name the histogram without its suffix _bucket: the operator adds it",
        lambda text: re.match(r"^[a-zA-Z0-9_:]*_bucket\s*(\{|$)", text) is None,
    ),
]

Query = Annotated[
    str,
    Field(min_length=1, max_length=4096),
    Rule(
        "!self" + "".join(f".replace('{{{{{name}}}}}', '')" for name in PLACEHOLDERS) + ".contains('{{')",
        f"unknown placeholder: between double braces only {', '.join(PLACEHOLDERS)} may stand, without blanks",
        _known_placeholders,
    ),
]
