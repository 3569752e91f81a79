"""A PostgreSQL shared by the tests of a session."""

from collections.abc import Iterator

import pytest

from dev.postgresql import PostgreSQL


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running server."""
    with PostgreSQL() as server:
        yield server
