"""`python -m dev.captures [NAME ...]`: capture scrapes anew, on which presets are tried."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from dev import paths
from dev.captures import envoy
from dev.captures.servers import SERVERS
from dev.progress import say, step

_SCRAPES = Path("tests") / "prometheus" / "scrapes"
CAPTURES: Mapping[str, tuple[Path, Callable[[], str]]] = {
    **{name: (_SCRAPES / f"{name}.prom", server.capture) for name, server in SERVERS.items()},
    "envoy-gateway": (_SCRAPES / "envoy-gateway.prom", envoy.capture),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(CAPTURES)))
def main(names: tuple[str, ...]) -> None:
    """Capture these, or all that can be captured here.

    Counts stay the same unless the server counts otherwise than it did; times, moments and made-up ids never do.
    """
    for name in names or sorted(CAPTURES):
        file, capture = CAPTURES[name]
        with step(name):
            text = capture()
        (paths.CHECKOUT / file).write_text(text)
        say(f"written to {file}")


if __name__ == "__main__":
    main()
