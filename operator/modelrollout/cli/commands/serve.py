"""`serve`: answers for an experiment file over HTTP."""

from pathlib import Path

import click

from modelrollout.cli.exits import EXIT_CODES, CommandFailed, Exit


@click.command("serve", epilog=EXIT_CODES)
@click.option(
    "file",
    "-f",
    "--filename",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="An experiment file.",
)
@click.option("host", "--host", default="127.0.0.1", metavar="ADDRESS", help="Default: 127.0.0.1.")
@click.option("port", "--port", type=click.IntRange(0, 65535), default=8016, metavar="N", help="Default: 8016.")
@click.option(
    "key", "--key", default="user", metavar="NAME", help="What OpenFeature's targeting key is. Default: user."
)
@click.option(
    "token_file",
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with a bearer token that callers must send. Default: none is asked for.",
)
def command(file: Path, host: str, port: int, key: str, token_file: Path | None) -> int:
    """Answer for an experiment file over OpenFeature's remote evaluation protocol (OFREP).

    The file is read anew when it changes; while it is wrong, the last right one counts. Ctrl-C ends it.
    """
    from aiohttp import web

    from modelrollout.errors import InvalidSpec
    from modelrollout.experiments.service import PlanFile, application

    try:
        plan = PlanFile(file)
        token = "" if token_file is None else token_file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CommandFailed(f"cannot read {error.filename}: {error.strerror}") from None
    except InvalidSpec as error:
        hint = f"kubectl modelrollout assign -f {file} --unit {key}=1 shows on which line."
        raise CommandFailed(f"{file} is no experiment file that can be asked: {error}", hint) from None
    if token_file is not None and not token:
        raise CommandFailed(f"{token_file} is empty", "Write the token into it, or leave --token-file out.")
    try:
        web.run_app(
            application(plan.plan, key, token), host=host, port=port, print=click.echo, handler_cancellation=True
        )
    except OSError as error:
        raise CommandFailed(f"cannot listen at {host}:{port}: {error.strerror}") from None
    return Exit.OK
