"""Scrapes of model servers, captured or written from documents, shown to Prometheus as a history of two moments."""

import re
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.prometheus.conftest import Exporter, Server, until

SCRAPES = Path(__file__).parent / "scrapes"
_CUMULATIVE = frozenset({"counter", "histogram", "summary"})
_SAMPLE = re.compile(r"^(?P<name>[a-zA-Z_:][\w:]*)(?P<labels>\{.*\})? (?P<value>\S+)$")


@dataclass(frozen=True)
class Shown:
    """One version's server, or what counts for all versions; `labels` are those of the scrape's target."""

    scrape: str
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        return "/".join(("", "scrapes", self.scrape, *(value for _, value in self.labels)))


class Scrapes:
    """At first every counter of every scrape stands at 0, then at what the scrape says. Gauges are as they are."""

    def __init__(self, server: Server, exporter: Exporter, *shown: Shown) -> None:
        self._server = server
        self._over = False
        for one in shown:
            text = (SCRAPES / f"{one.scrape}.prom").read_text()
            before = at_zero(text)
            exporter.show(one.path, lambda _, before=before, after=text: after if self._over else before)
        server.scrape(*({"path": one.path, **dict(one.labels)} for one in shown))
        marks = {one: _mark((SCRAPES / f"{one.scrape}.prom").read_text()) for one in shown}
        until(lambda: all(self._value(one, name) == 0 for one, (name, _) in marks.items()), seconds=20)
        self._over = True
        until(lambda: all(self._value(one, name) == value for one, (name, value) in marks.items()), seconds=20)

    def _value(self, shown: Shown, series: str) -> float | None:
        """The newest value of a series, in this scrape of all."""
        asked = requests.get(f"{self._server.address}/api/v1/query", params={"query": series}, timeout=5).json()
        found = [
            float(one["value"][1])
            for one in asked["data"]["result"]
            if dict(shown.labels).items() <= one["metric"].items()
        ]
        return found[0] if len(found) == 1 else None


def at_zero(text: str) -> str:
    """The scrape with every cumulative series at 0."""
    lines, kinds = [], dict[str, str]()
    for line in text.splitlines():
        if declared := re.match(r"# TYPE (\S+) (\S+)", line):
            kinds[declared[1]] = declared[2]
        found = _SAMPLE.match(line)
        if found and kinds.get(found["name"], kinds.get(_family(found["name"]), "")) in _CUMULATIVE:
            line = f"{found['name']}{found['labels'] or ''} 0"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count|total)$", "", name)


def _mark(text: str) -> tuple[str, float]:
    """A series that tells whether the scrape has come in: the last one that is above 0 and not a gauge."""
    zero = at_zero(text).splitlines()
    changed = [line for line, before in zip(text.splitlines(), zero, strict=True) if line != before]
    found = _SAMPLE.match(changed[-1])
    assert found is not None
    return f"{found['name']}{found['labels'] or ''}", float(found["value"])
