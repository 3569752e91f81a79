"""`python -m dev`: start and end local clusters."""

import signal
import sys

import click

from dev import components, controlplane, extras, lifetime, paths, prerequisites, programs
from dev.errors import DevError
from dev.images import IMAGES
from dev.images import build as build_image
from dev.progress import say, step
from dev.up import bring_up

NAME = click.option("--name", default=paths.DEFAULT_NAME, show_default=True, help="Which of several clusters.")


@click.group()
def commands() -> None:
    """The local cluster: everything real, on this machine, gone without a trace after `down`."""


@commands.command("control-plane")
@NAME
@click.option("--audit", is_flag=True, help="Log every request to .cluster/<name>/audit.log.")
def control_plane(name: str, audit: bool) -> None:
    """Start etcd and kube-apiserver alone and print how to reach them."""
    plane = controlplane.ControlPlane(name, audit=audit, detached=True)
    with step(f"control plane {name!r}"):
        plane.start()
    click.echo(f"export KUBECONFIG={plane.kubeconfig}")


@commands.command()
@NAME
@click.option("--audit", is_flag=True, help="Log every request to .cluster/<name>/audit.log.")
@click.option("--with", "more", multiple=True, type=click.Choice(sorted(extras.EXTRAS)), help="Install this, too.")
def up(name: str, audit: bool, more: tuple[str, ...]) -> None:
    """Start a whole cluster (node, DNS, gateway, Prometheus) and print how to reach it."""
    cluster = bring_up(name, audit=audit, more=more)
    click.echo(f"export KUBECONFIG={cluster.kubeconfig}")
    click.echo(f"export GATEWAY_URL={cluster.gateway_url}")
    click.echo(f"export PROMETHEUS_URL={cluster.prometheus_url}")


@commands.command()
@click.option("--control-plane", "alone", is_flag=True, help="Only what the tests against the API server need.")
def build(alone: bool) -> None:
    """Build every program and image that the cache does not have; minutes the first time, nothing later.

    Tests have limits in time that this must not eat up, so it comes before them.
    """
    if alone:
        server = () if controlplane.own_kubeconfig() else (programs.ETCD, programs.APISERVER)
        for program in (*server, programs.KUBECTL, programs.HELM, programs.PROMETHEUS, programs.PROMTOOL):
            programs.path_of(program)
        return
    prerequisites.check_abilities()
    prerequisites.install()
    components.build()
    extras.build()
    for image in IMAGES.values():
        build_image(image)


@commands.command("prerequisites")
def install_prerequisites() -> None:
    """Install the Debian packages that a whole cluster needs, where they are missing."""
    prerequisites.install()


@commands.command()
@NAME
def down(name: str) -> None:
    """End a cluster and remove every trace of it, and what crashed ones of this checkout left."""
    with step(f"ending {name!r}"):
        lifetime.end(name)
        for crashed in lifetime.sweep_crashed(paths.CLUSTERS):
            say(f"  removed what was left of {crashed!r}")


def main() -> None:
    """Run the command line; an error that a person can mend is one sentence and exit code 1."""
    # What ends this process otherwise must end a cluster that is half up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        commands()
    except (DevError, TimeoutError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
