"""`operator`: run the operator process."""

import click


@click.command("operator")
def command() -> int:
    """Run the operator itself, as its container does. Its settings come from the environment."""
    from modelrollout.handlers import run

    run()
    return 0
