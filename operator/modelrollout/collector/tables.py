"""The tables of the store, the same in SQLite and PostgreSQL. Moments are seconds since 1970."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, SmallInteger, Table, Text, UniqueConstraint

LAYOUT = 1
"""Number of this layout; a store of another one is not opened."""

METADATA = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")


def _whose(*more: str) -> list[Column[str]]:
    return [Column(name, Text, primary_key=True) for name in ("namespace", "rollout", *more)]


FACTS = Table("facts", METADATA, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
"""What the store knows of itself: its layout, the key of hashes."""

EXCHANGES = Table(
    "exchanges",
    METADATA,
    Column("n", _Number, primary_key=True, autoincrement=True),
    Column("namespace", Text, nullable=False),
    Column("rollout", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("received_at", Float(53), nullable=False),
    Column("asked_at", Float(53)),
    Column("answered_at", Float(53)),
    Column("due_at", Float(53), nullable=False),
    Column("counted", SmallInteger, nullable=False, server_default="0"),
    Column("code", SmallInteger),
    Column("shadow", SmallInteger),
    Column("asked", Text),
    Column("answered", Text),
    UniqueConstraint("namespace", "rollout", "id", "version"),
)
"""A request to one version and its answer. What was taken from the bodies is dropped some time after the exchange was
counted; its id stays until the retention is over, so that a repetition is known."""

Index(
    "exchanges_due",
    EXCHANGES.c.due_at,
    sqlite_where=EXCHANGES.c.counted == 0,
    postgresql_where=EXCHANGES.c.counted == 0,
)
Index(
    "exchanges_full",
    EXCHANGES.c.due_at,
    sqlite_where=EXCHANGES.c.counted == 1,
    postgresql_where=EXCHANGES.c.counted == 1,
)
# What is to be forgotten is looked for every second, among a whole day's: nothing else may be in the way.
Index(
    "exchanges_emptied",
    EXCHANGES.c.received_at,
    sqlite_where=EXCHANGES.c.counted == 2,
    postgresql_where=EXCHANGES.c.counted == 2,
)

PENDING, COUNTED, EMPTIED = 0, 1, 2
"""States of an exchange: not counted yet; counted; counted, and nothing left but its id."""

LABELS = Table(
    "labels",
    METADATA,
    *_whose("id"),
    Column("value", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("received_at", Float(53), nullable=False, index=True),
)

SIGNALS = Table(
    "signals",
    METADATA,
    *_whose("id", "signal"),
    Column("value", Float(53), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("received_at", Float(53), nullable=False, index=True),
)

COUNTERS = Table(
    "counters",
    METADATA,
    *_whose("version", "name", "labels"),
    Column("value", Float(53), nullable=False),
    Column("touched_at", Float(53), nullable=False),
)
"""What Prometheus is told; `labels` are those beside namespace, rollout and version, as Prometheus writes them."""

SLICES = Table(
    "slices",
    METADATA,
    Column("n", _Number, primary_key=True, autoincrement=True),
    Column("namespace", Text, nullable=False),
    Column("rollout", Text, nullable=False),
    Column("slice", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("namespace", "rollout", "slice", "value"),
)
"""Values of slices in the order in which they were first seen."""

UNITS = Table(
    "units",
    METADATA,
    *_whose("version", "labels", "unit"),
    Column("began_at", Float(53), primary_key=True),
    Column("signal", Text, primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("due_at", Float(53), nullable=False, index=True),
)
"""Sums of one unit in one window: of requests where `signal` is empty, else of a signal's values."""

LAST_VALUES = Table(
    "last_values",
    METADATA,
    *_whose("version", "invariant", "key"),
    Column("value", Text, nullable=False),
    Column("at", Float(53), nullable=False, index=True),
)
"""The last answer for each key of a flicker, hashed."""

HEARTBEATS = Table(
    "heartbeats",
    METADATA,
    *_whose("version", "source"),
    Column("at", Float(53), nullable=False),
)

SAMPLES = Table(
    "samples",
    METADATA,
    *_whose("id"),
    Column("reason", Text, nullable=False),
    Column("chance", Float(53), nullable=False),
    Column("probability", Float(53), nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text),
    Column("asked_at", Float(53), nullable=False),
    Column("kept_at", Float(53), nullable=False, index=True),
)

THRESHOLDS = Table("thresholds", METADATA, *_whose(), Column("value", Float(53), nullable=False))
"""By how much the shares of a rollout's samples have been lowered, since there were too many."""

REPORTERS = Table(
    "reporters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Float(53), nullable=False),
)
"""Which of several replicas tells Prometheus."""
