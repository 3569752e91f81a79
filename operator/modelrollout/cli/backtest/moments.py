"""Moments on the command line and in the output."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import click

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(click.ParamType[float]):
    """A moment as seconds since the epoch, or as RFC 3339 writes it: 2026-11-21T03:00:00Z."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """Seconds since the epoch."""
        if isinstance(value, int | float):
            return float(value)
        try:
            seconds = float(value)
        except ValueError:
            return self._written(value, param, ctx)
        if not math.isfinite(seconds) or abs(seconds) > 1e11:
            self.fail(f"{value} is no time in seconds since the epoch", param, ctx)
        return seconds

    def _written(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time: write 2026-11-21T03:00:00Z, or seconds since the epoch", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} does not say in which zone: add Z for UTC, or an offset like +01:00", param, ctx)
        return moment.timestamp()


MOMENT = Moment()


def written(seconds: float) -> str:
    """A moment in UTC, to the second, as RFC 3339 writes it."""
    moment = _EPOCH + timedelta(seconds=round(seconds))
    return moment.isoformat().replace("+00:00", "Z")
