"""The series of one document's metrics, as the command line asks for them."""

import os
from collections.abc import Iterator

from modelrollout.api import parse_rollout
from modelrollout.cli.backtest.server import TOKEN
from modelrollout.cli.exits import CommandFailed
from modelrollout.cli.lint.findings import Finding
from modelrollout.cli.lint.live import missing_series
from modelrollout.cli.lint.sources import Document
from modelrollout.cli.lint.templates import FileShelf
from modelrollout.metrics import PrometheusError, check_address
from modelrollout.presets import MissingTemplate, resolve


def series_findings(document: Document, shelf: FileShelf, address: str, namespace: str | None) -> Iterator[Finding]:
    """What the metrics of a right document do not find in that Prometheus; nothing for other kinds.

    Raises:
        CommandFailed: the server cannot be asked, or nobody says in which namespace the versions are.
    """
    if document.content.get("kind") != "ModelRollout":
        return
    rollout = parse_rollout(document.content)
    place = namespace or rollout.metadata.namespace
    if not place:
        raise CommandFailed("in which namespace are the versions? The manifest names none", "Name it with -n.")
    try:
        spec = resolve(rollout.spec, rollout.metadata.name, shelf)
    except MissingTemplate:
        return  # said already
    there = rollout.metadata.model_copy(update={"namespace": place})
    try:
        plain = check_address(address, (address,))
        found = missing_series(
            plain, os.environ.get(TOKEN, ""), rollout.model_copy(update={"metadata": there, "spec": spec})
        )
    except PrometheusError as error:
        raise CommandFailed(str(error)) from None
    for one in found:
        yield document.finding(one.severity, one.field, one.message)
