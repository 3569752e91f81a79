"""Connections to the store: SQLite by default, PostgreSQL by URL."""

import contextlib
import secrets
from collections.abc import Iterator
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from modelrollout.collector.tables import FACTS, LAYOUT, METADATA
from modelrollout.errors import ModelRolloutError

_WAIT = 10
"""Seconds for a connection, and for a lock of another process."""


class StoreUnavailable(ModelRolloutError):  # noqa: N818 - named for what is wrong
    """The store cannot be used at the moment; nothing of what was under way is kept."""


class Store:
    """Transactions on the store, and the statements that are written differently for each kind of database."""

    def __init__(self, url: str) -> None:
        """Connect to what `url` names, such as sqlite:////data/collector.db or postgresql://user@host/name.

        Raises:
            StoreUnavailable: it is no such URL, or the store has another layout.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise StoreUnavailable(
                "the store's URL cannot be read: write sqlite:////path or postgresql://..."
            ) from None
        self.shared = parsed.get_backend_name() == "postgresql"
        if self.shared:
            parsed = parsed.set(drivername="postgresql+psycopg")
            self._engine = _postgresql(parsed)
        elif parsed.get_backend_name() == "sqlite" and parsed.database:
            self._engine = _sqlite(parsed)
        else:
            raise StoreUnavailable("the store is a file of SQLite (sqlite:////path) or a PostgreSQL (postgresql://...)")
        self._upsert = postgresql.insert if self.shared else sqlite.insert

    def prepare(self) -> None:
        """Make the tables unless they are there.

        Raises:
            StoreUnavailable: it cannot be reached, or has another layout.
        """
        with self.writing() as connection:
            self.alone(connection)  # two replicas that start together must not both make the tables
            METADATA.create_all(connection)
            layout = self.fact(connection, "layout", str(LAYOUT))
            if layout != str(LAYOUT):
                told = f"the store has layout {layout}, this collector needs {LAYOUT}: use another store"
                raise StoreUnavailable(told)
            for index in chain.from_iterable(table.indexes for table in METADATA.sorted_tables):
                index.create(connection, checkfirst=True)  # one that came later, in a store from before it

    def hash_key(self) -> bytes:
        """A key for hashes that this store keeps, made when it is first asked for."""
        with self.writing() as connection:
            return bytes.fromhex(self.fact(connection, "hash-key", secrets.token_hex(32)))

    def fact(self, connection: Connection, name: str, default: str) -> str:
        """What the store says under that name; the default is written where it says nothing."""
        connection.execute(self.upsert(FACTS).values(name=name, value=default).on_conflict_do_nothing())
        return str(connection.execute(select(FACTS.c.value).where(FACTS.c.name == name)).scalar_one())

    def alone(self, connection: Connection) -> None:
        """Wait until no other transaction is past this point, and keep others from passing it until this one ends.

        SQLite lets one transaction at a time write anyway.
        """
        if self.shared:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7205)")

    def upsert(self, table: Any) -> Any:  # noqa: ANN401 - two dialects' own types
        """An insert that knows ON CONFLICT."""
        return self._upsert(table)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction; all of it is kept when the block ends well, nothing otherwise.

        Raises:
            StoreUnavailable: the database did not carry it out.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except (DBAPIError, SQLAlchemyError) as error:
            raise StoreUnavailable(_said(error)) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent look.

        Raises:
            StoreUnavailable: the database did not answer.
        """
        try:
            with self._engine.connect().execution_options(reading=True) as connection:
                yield connection
        except (DBAPIError, SQLAlchemyError) as error:
            raise StoreUnavailable(_said(error)) from error

    def close(self) -> None:
        """End all connections."""
        self._engine.dispose()


def _said(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"the store cannot be used: {str(cause).splitlines()[0] if str(cause) else type(cause).__name__}"


def _postgresql(url: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's URL
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=0,
        pool_timeout=_WAIT,
        pool_pre_ping=True,
        connect_args={"connect_timeout": _WAIT, "application_name": "modelrollout-collector"},
    )


def _sqlite(url: Any) -> Engine:  # noqa: ANN401 - SQLAlchemy's URL
    engine = create_engine(url, poolclass=QueuePool, pool_size=3, max_overflow=0, connect_args={"timeout": _WAIT})

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _: object) -> None:  # noqa: ANN401 - sqlite3's connection
        # The driver's own notion of when a transaction begins is not ours.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY", "cache_size=-32768"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes its turn at once: one that began by reading could not be let in later.
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
