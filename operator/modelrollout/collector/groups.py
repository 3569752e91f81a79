"""Which group of requests an exchange is counted in: a bounded number of values a slice, and of groups a rollout."""

import contextlib
import json
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, select

from modelrollout.collector.engines import Store
from modelrollout.collector.reading import Reader
from modelrollout.collector.series import Pairs
from modelrollout.collector.tables import SLICES

OTHER = "other"
"""Value of those that came when there was no room for another one."""

NONE = "none"
"""Value of requests that have none."""

_ALL = ""
"""Under this name of a slice stand whole groups."""

_Place = tuple[str, str, str]


class Groups:
    """The values seen so far, the first ones of which are counted apart; the same ones in every replica."""

    def __init__(self, store: Store, most: int) -> None:
        """`most` groups a rollout; more are counted as other in all slices."""
        self._store = store
        self._most = most
        self._seen: dict[_Place, list[str]] = {}

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What was seen in a transaction that fails was not kept, so it is read again."""
        try:
            yield
        except BaseException:
            self._seen.clear()
            raise

    def of(self, connection: Connection, key: tuple[str, str], reader: Reader, values: Mapping[str, str]) -> Pairs:
        """The labels of the group that these values fall into, by the name of their slice.

        Those of slices that the rollout has no more, or not had yet when they came in, do not count.
        """
        if not reader.slices:
            return ()
        given = [values.get(name) for name in reader.slices]
        chosen = [
            NONE if value is None else value if self._fits(connection, (*key, name), value, most) else OTHER
            for name, value, most in zip(reader.slices, given, reader.most_values, strict=True)
        ]
        if len(chosen) > 1 and not self._fits(connection, (*key, _ALL), json.dumps(chosen), self._most):
            chosen = [OTHER] * len(chosen)
        return tuple(zip(reader.slices, chosen, strict=True))

    def _fits(self, connection: Connection, place: _Place, value: str, most: int) -> bool:
        seen = self._seen.get(place)
        if seen is None:
            seen = self._seen[place] = self._read(connection, place, most)
        if value not in seen[:most] and len(seen) < most:
            # What another replica has written and not committed cannot be seen, and may yet come before this value.
            self._store.alone(connection)
            row = dict(zip(("namespace", "rollout", "slice", "value"), (*place, value), strict=True))
            connection.execute(self._store.upsert(SLICES).values(row).on_conflict_do_nothing())
            # Another replica may have been first with others.
            seen = self._seen[place] = self._read(connection, place, most)
        return value in seen[:most]

    def _read(self, connection: Connection, place: _Place, most: int) -> list[str]:
        whose = (SLICES.c.namespace, SLICES.c.rollout, SLICES.c.slice)
        first = select(SLICES.c.value).where(*(column == value for column, value in zip(whose, place, strict=True)))
        return list(connection.execute(first.order_by(SLICES.c.n).limit(most)).scalars())
