"""docs/presets.md: what preset_page.md says of ready-made metrics, then every preset of the package."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from modelrollout.presets import preset, preset_names, shown

_SCRAPES = Path(__file__).resolve().parent.parent / "tests" / "prometheus" / "scrapes"
_ASKED_ELSEWHERE = {"kserve/errors": "envoy-gateway"}
"""Presets that read the series of another server than theirs."""

_TITLES = {
    "bentoml": "BentoML",
    "collector": "The collector",
    "envoy-gateway": "Envoy Gateway",
    "istio": "Istio",
    "kserve": "KServe",
    "linkerd": "Linkerd",
    "mlserver": "MLServer",
    "ray-serve": "Ray Serve",
    "seldon": "Seldon Core 2",
    "torchserve": "TorchServe",
    "triton": "Triton",
    "vllm": "vLLM",
}

_HEAD = Path(__file__).with_suffix(".md")


def preset_page() -> str:
    """The text of the page."""
    return _HEAD.read_text() + "\n".join([*_table(), *_sections()]) + "\n"


def _table() -> Iterator[str]:
    for name in preset_names():
        found = preset(name)
        server, _, what = name.partition("/")
        parameters = [
            f"`{one.name}` (needed)" if one.default is None else f"`{one.name}`: `{one.default}`".replace("|", "\\|")
            for one in found.parameters
        ]
        tried = _source(_ASKED_ELSEWHERE.get(name, server)).split(" ", 1)[0].lower()
        kind = shown(found, what).kind
        yield f"| `{name}` | {kind} | {found.description} | {', '.join(parameters)} | {tried} |"


def _sections() -> Iterator[str]:
    for server, names in groupby(preset_names(), lambda name: name.partition("/")[0]):
        templates = {name: preset(name) for name in names}
        yield from ("", f"### {_TITLES[server]}", "")
        yield from (f"- Needs: {one}" for one in _once(need for each in templates.values() for need in each.needs))
        for name, each in templates.items():
            yield from (f"- `{name}`: {trap}" for trap in each.traps)
        yield from ("", f"Tried with a scrape that is {_lower(_source(server))}")


def _source(server: str) -> str:
    """The comment at the head of a scrape: where it comes from, and what the server had been asked."""
    lines = (_SCRAPES / f"{server}.prom").read_text().splitlines()
    head: list[str] = []
    for line in lines:
        if not line.startswith("# ") or line.startswith(("# HELP", "# TYPE")):
            break
        head.append(line.removeprefix("# "))
    return " ".join(head)


def _once(texts: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
