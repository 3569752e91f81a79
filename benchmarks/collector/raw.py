"""What SQLite itself takes: rows like the collector's, in transactions of the same size, and nothing else."""

import json
import multiprocessing
import os
import sqlite3
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

COMMIT = 100
"""Rows in a transaction, as in a batch of events."""

_TABLE = """CREATE TABLE exchanges (n INTEGER PRIMARY KEY, namespace TEXT, rollout TEXT, id TEXT, version TEXT,
received_at REAL, due_at REAL, code INTEGER, answered TEXT, UNIQUE (namespace, rollout, id, version))"""
_INSERT = """INSERT INTO exchanges (namespace, rollout, id, version, received_at, due_at, code, answered)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


@dataclass(frozen=True, slots=True)
class Raw:
    """Rows that were committed, in how many seconds."""

    rows: int
    seconds: float

    def document(self) -> dict[str, Any]:
        """Its JSON form, with the rate."""
        return asdict(self) | {"seconds": round(self.seconds, 2), "rate": round(self.rows / self.seconds)}


def insert(file: Path, seconds: float, core: int) -> Raw:
    """Insert for so long on that core, in a process of its own, with the collector's promises about the disk."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_insert, (str(file), seconds, core))


def _insert(file: str, seconds: float, core: int) -> Raw:
    os.sched_setaffinity(0, {core})
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(_TABLE)
    connection.execute("CREATE INDEX due ON exchanges (due_at)")
    facts = json.dumps({"p": ["0" * 24], "v": [0.9], "i": {"probability": True}})
    rows, began = 0, time.monotonic()
    while time.monotonic() < began + seconds:
        now = time.time()
        ids = (f"{os.urandom(8).hex()}" for _ in range(COMMIT))
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, [("default", "fraud", id_, "v7", now, now, 200, facts) for id_ in ids])
        connection.execute("COMMIT")
        rows += COMMIT
    took = time.monotonic() - began
    connection.close()
    return Raw(rows, took)
