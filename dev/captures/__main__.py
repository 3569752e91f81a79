"""`python -m dev.captures [NAME ...]`: capture anew what tests show to presets and to the collector."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from dev import paths
from dev.captures import envoy, kserve_logger
from dev.captures.servers import SERVERS
from dev.progress import say, step

_SCRAPES = Path("tests") / "prometheus" / "scrapes"
CAPTURES: Mapping[str, tuple[Path, Callable[[], str]]] = {
    **{name: (_SCRAPES / f"{name}.prom", server.capture) for name, server in SERVERS.items()},
    "envoy-gateway": (_SCRAPES / "envoy-gateway.prom", envoy.capture),
    "kserve-logger": (kserve_logger.FILE, kserve_logger.capture),
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
