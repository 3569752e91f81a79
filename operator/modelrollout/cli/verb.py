"""What all verbs do: one ModelRolloutCommand, sent in the name of the user, and its acknowledgement from status."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from modelrollout.cli.exits import EXIT_CODES, CommandFailed, Exit
from modelrollout.cli.options import SPAN, cluster_options, output_option, rollout_argument
from modelrollout.cli.output import emit
from modelrollout.cli.target import Target

_Body = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """How a verb was asked: why, whether and how long (seconds) to wait for the answer, and the form to print it in."""

    reason: str
    wait: bool
    timeout: float
    output: str | None


def verb_command(name: str, *options: Callable[[_Body], _Body]) -> Callable[[_Body], click.Command]:
    """Make a command of a function of (target, name of the rollout, Asked, own options) that returns an exit code."""

    def decorate(function: _Body) -> click.Command:
        def body(
            rollout: str,
            reason: str,
            wait: bool,
            timeout: float,
            output: str | None,
            namespace: str | None,
            context: str | None,
            kubeconfig: str | None,
            **own: Any,  # noqa: ANN401
        ) -> Any:  # noqa: ANN401
            asked = Asked(reason, wait, timeout, output)
            return function(Target(namespace, context, kubeconfig), rollout, asked, **own)

        body.__doc__ = function.__doc__
        for option in (
            *options,
            output_option(),
            cluster_options,
            click.option(
                "--timeout", type=SPAN, default="30s", show_default=True, help="How long to wait for the answer."
            ),
            click.option(
                "--wait/--no-wait", default=True, show_default=True, help="Wait until the operator has answered."
            ),
            click.option("--reason", "-m", default="", metavar="TEXT", help="Why, in your words; kept in status."),
            rollout_argument,
        ):
            body = option(body)
        return click.command(name, epilog=EXIT_CODES)(body)

    return decorate


def ask(target: Target, name: str, verb: str, asked: Asked, **fields: Any) -> int:  # noqa: ANN401
    """Send the verb to the rollout and report the operator's answer.

    The command names the run that goes on now, so that it cannot hit another one that begins meanwhile.

    Raises:
        CommandFailed: it could not be sent, was refused (exit code 5), or was not answered in time (4).
    """
    from modelrollout.cli.cluster import Cluster, run

    async def work(cluster: Cluster) -> int:
        rollout = await cluster.rollout(name)
        spec = {"rollout": name, "verb": verb, "by": await cluster.user(), **fields}
        present = ((rollout.get("status") or {}).get("run") or {}).get("id")
        spec |= ({"run": present} if present else {}) | ({"reason": asked.reason} if asked.reason else {})
        command = await cluster.send(spec)
        sent = command["metadata"]["name"]
        if not asked.wait:
            _report(asked, {"command": sent, "verb": verb}, f"{verb} was sent to {cluster.namespace}/{name} as {sent}")
            return Exit.OK
        try:
            async with asyncio.timeout(asked.timeout):
                answer = await _answer(cluster, name, command["metadata"]["uid"])
        except TimeoutError:
            why = _hindrance((await cluster.rollout(name)).get("status") or {})
            raise CommandFailed(
                f"no answer to {sent} within {asked.timeout:g}s",
                f"{why or 'Is the operator running, and does it watch this namespace?'} The command stays valid until "
                f"it expires; to take it back: kubectl delete modelrolloutcommand {sent} -n {cluster.namespace}",
                Exit.TIMEOUT,
            ) from None
        if not answer["accepted"]:
            if asked.output:
                emit(answer, asked.output)
            raise CommandFailed(
                f"the operator refused to {verb.lower()} {cluster.namespace}/{name}: {answer['message']}",
                "",
                Exit.REFUSED,
            )
        _report(asked, answer, f"{cluster.namespace}/{name}: {answer['message'] or verb}")
        return Exit.OK

    return run(target, work)


async def _answer(cluster: Any, name: str, uid: str) -> dict[str, Any]:  # noqa: ANN401
    async for rollout in cluster.follow(name):
        for result in (rollout.get("status") or {}).get("commands") or []:
            if result["uid"] == uid:
                return {"message": "", **result}
    raise AssertionError("following a rollout never ends by itself")


def _hindrance(status: Mapping[str, Any]) -> str:
    """Why the operator carries out no command at all, in a sentence; empty when nothing is known to hinder it."""
    for one in status.get("conditions") or ():
        if (one["type"], one["status"]) == ("RouteClaimed", "False"):
            return f"Nothing is carried out while the route cannot be used: {one['message']}."
    return f"Nothing is carried out: {status.get('message')}." if status.get("phase") == "Invalid" else ""


def _report(asked: Asked, document: dict[str, Any], sentence: str) -> None:
    if asked.output:
        emit(document, asked.output)
    else:
        click.echo(sentence)
