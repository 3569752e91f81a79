"""A strict reader of bare selectors: a metric name and label matchers, nothing else.

What a tenant writes is read into parts and written anew. Nothing of the text is passed on as it stands, so no quote,
brace, comment or operator in it can reach beyond the matchers that bind it to its namespace.
"""

import re
from dataclasses import dataclass

from modelrollout.metrics.errors import BadQuery

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_OPERATOR = re.compile(r"=~|!~|!=|=")
_BLANK = re.compile(r"[ \t\r\n]*")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'"}
_CODES = {"x": 2, "u": 4, "U": 8}
_RESERVED = frozenset(
    {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or", "unless"}
)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher; `value` is the text it stands for, without quotes and escapes."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric's name and the matchers that narrow it."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}{{{','.join(map(str, self.matchers))}}}"

    def renamed(self, suffix: str) -> "Selector":
        """The same matchers on the metric whose name ends in `suffix` in addition."""
        return Selector(self.name + suffix, self.matchers)

    def bound(self, matchers: tuple[Matcher, ...]) -> "Selector":
        """Narrowed by further matchers.

        Raises:
            BadQuery: the selector itself says something of one of their labels.
        """
        taken = {matcher.label for matcher in matchers}
        for matcher in self.matchers:
            if matcher.label in taken:
                raise BadQuery(
                    f"{self.name} is narrowed by {matcher.label}, which the operator itself sets to tell the versions "
                    "apart: leave that matcher out"
                )
        return Selector(self.name, self.matchers + matchers)


def quoted(text: str) -> str:
    """`text` as a string literal of PromQL."""
    safe = (f"\\U{ord(c):08x}" if not c.isprintable() else {"\\": "\\\\", '"': '\\"'}.get(c, c) for c in text)
    return f'"{"".join(safe)}"'


def escaped(text: str) -> str:
    """`text` as a regular expression that matches only itself, free of backslashes and so of quoting."""
    return re.sub(
        r"[^a-zA-Z0-9_:/-]", lambda found: f"[{found[0]}]" if found[0] not in "[]^\\" else f"\\{found[0]}", text
    )


def parse_selector(text: str) -> Selector:
    """Read a bare selector.

    Raises:
        BadQuery: anything but a name with optional matchers, or a matcher on the metric's name itself.
    """
    reader = _Reader(text)
    name = reader.take(_NAME, "the name of a metric")
    matchers: list[Matcher] = []
    if reader.accept("{"):
        while not reader.accept("}"):
            label = reader.take(_LABEL, "a label or }")
            operator = reader.take(_OPERATOR, "=, !=, =~ or !~")
            matchers.append(Matcher(label, operator, reader.string()))
            if not reader.accept(","):
                reader.expect("}")
                break
    reader.end()
    if name in _RESERVED:
        raise BadQuery(f"{name} is a word of PromQL and not the name of a metric")
    if any(matcher.label == "__name__" for matcher in matchers):
        raise BadQuery(f"{text} names its metric twice: leave the matcher on __name__ out")
    return Selector(name, tuple(matchers))


class _Reader:
    """A position in a selector's text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _skip_blanks(self) -> None:
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at

    def _fail(self, wanted: str) -> BadQuery:
        rest = self._text[self._at : self._at + 20]
        found = f"{rest!r}" if rest else "the end"
        return BadQuery(f"{self._text!r} is no bare selector: {wanted} should stand where {found} stands")

    def take(self, pattern: re.Pattern[str], wanted: str) -> str:
        self._skip_blanks()
        found = pattern.match(self._text, self._at)
        if found is None:
            raise self._fail(wanted)
        self._at = found.end()
        return found[0]

    def accept(self, sign: str) -> bool:
        self._skip_blanks()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def expect(self, sign: str) -> None:
        if not self.accept(sign):
            raise self._fail(f", or {sign}")

    def end(self) -> None:
        self._skip_blanks()
        if self._at != len(self._text):
            raise self._fail("the end of the selector")

    def string(self) -> str:
        self._skip_blanks()
        quote = self._text[self._at : self._at + 1]
        if quote not in ('"', "'"):
            raise self._fail("a text in quotes")
        self._at += 1
        out: list[str] = []
        while (sign := self._next()) != quote:
            out.append(self._escape() if sign == "\\" else sign)
        return "".join(out)

    def _next(self) -> str:
        sign = self._text[self._at : self._at + 1]
        if sign in ("", "\n"):
            raise self._fail("the closing quote")
        self._at += 1
        return sign

    def _escape(self) -> str:
        sign = self._next()
        if sign in _ESCAPES:
            return _ESCAPES[sign]
        digits = self._text[self._at : self._at + _CODES.get(sign, 0)]
        if sign not in _CODES or not re.fullmatch(rf"[0-9a-fA-F]{{{_CODES[sign]}}}", digits):
            raise self._fail("an escape that PromQL knows")
        self._at += len(digits)
        code = int(digits, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF or (sign == "x" and code > 0x7F):
            raise self._fail("an escape that stands for a character")
        return chr(code)
