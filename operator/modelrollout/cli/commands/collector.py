"""`collector`: run the collector process, or ask one for its samples."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import TextIO

import click

from modelrollout.cli.exits import EXIT_CODES, CommandFailed


@click.group("collector", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Run the collector, as its container does. Its settings come from the environment."""
    if context.invoked_subcommand is not None:
        return
    from pydantic import ValidationError

    from modelrollout.collector import Settings, StoreUnavailable, run
    from modelrollout.kube.connect import NoCluster
    from modelrollout.logs import set_up

    try:
        settings = Settings()
        set_up(settings.log_level)
        run(settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = "".join(f"MODELROLLOUT_COLLECTOR_{part}".upper() for part in first["loc"][:1])
        raise CommandFailed(f"{name}: {first['msg']}" if name else first["msg"].removeprefix("Value error, ")) from None
    except (StoreUnavailable, NoCluster, OSError, ValueError) as error:
        raise CommandFailed(f"the collector cannot run: {error}") from None


@command.command("sample", epilog=EXIT_CODES)
@click.argument("rollout", metavar="NAME")
@click.option("--namespace", "-n", metavar="NS", required=True, help="Namespace of the ModelRollout.")
@click.option(
    "--collector",
    "address",
    metavar="URL",
    default="http://127.0.0.1:8090",
    show_default=True,
    help="Address of the collector; kubectl port-forward brings it to this machine.",
)
@click.option(
    "--token-file", type=click.File(), metavar="FILE", help="File with the collector's token, - for standard input."
)
def sample(rollout: str, namespace: str, address: str, token_file: TextIO | None) -> int:
    """Print the requests that the collector has kept of a rollout, as golden requests of a replay gate.

    Each is a line of JSON; `sample` in it says why it was kept and with which probability. Nothing is kept unless
    spec.telemetry.sample permits it.
    """
    url = f"{address.rstrip('/')}/v1/samples/{urllib.parse.quote(namespace)}/{urllib.parse.quote(rollout)}"
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise CommandFailed("--collector is no address", "Write it like http://127.0.0.1:8090")
    request = urllib.request.Request(url)  # noqa: S310 - the scheme is one of two
    if token_file is not None:
        request.add_header("Authorization", f"Bearer {token_file.read().split()[0]}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - the same
            listed = json.load(answer)["samples"]
    except urllib.error.HTTPError as error:
        raise CommandFailed(_said(error)) from None
    except (OSError, ValueError, KeyError) as error:
        raise CommandFailed(f"the collector at {address} does not answer: {error}") from None
    for one in listed:
        click.echo(json.dumps(one))
    return 0


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError):
        return f"the collector answers with HTTP {error.code}"
