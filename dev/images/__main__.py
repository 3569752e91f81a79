"""`python -m dev.images operator model`: build images and print the paths of their OCI archives."""

import sys

import click

from dev.errors import DevError
from dev.images import IMAGES, build


@click.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(sorted(IMAGES)))
def images(names: tuple[str, ...]) -> None:
    """Build the named images where something they are made of has changed."""
    for name in names:
        click.echo(build(IMAGES[name]))


def main() -> None:
    """Run the command line; an error that a person can mend is one sentence and exit code 1."""
    try:
        images()
    except DevError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
