"""Requests kept as samples, where the rollout permits it, with the probability by which each came to be kept.

Each request has a number in [0, 1) that follows from its id; it is kept when that lies below its share. When there are
too many, those with the largest number in proportion to their share go, and the threshold that this sets lowers the
shares of all from then on: a priority sample (N. Duffield, C. Lund, M. Thorup, "Priority sampling for estimation of
arbitrary subset sums", J. ACM 54 (2007)). The probabilities are those given the threshold.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, select

from modelrollout.collector.engines import Store
from modelrollout.collector.moments import written
from modelrollout.collector.reading import Reader
from modelrollout.collector.tables import SAMPLES, THRESHOLDS
from modelrollout.collector.tallying import Drawn


def keep_samples(
    store: Store, connection: Connection, key: tuple[str, str], drawn: Sequence[Drawn], reader: Reader, now: float
) -> None:
    """Keep what was drawn, and no more than the rollout permits."""
    if reader.sample is None or not drawn:
        return
    threshold = _threshold(connection, key)
    rows = [
        {"namespace": key[0], "rollout": key[1], "id": one.id, "reason": one.reason, "chance": one.chance}
        | {"probability": one.probability, "request": one.request, "answer": one.answer}
        | {"asked_at": one.asked_at, "kept_at": now}
        for one in sorted(drawn, key=lambda one: (one.id, one.reason == "random"))
        if one.chance < one.probability * threshold
    ]
    if not rows:
        return
    insert = store.upsert(SAMPLES)
    newer = {name: insert.excluded[name] for name in ("reason", "probability", "request", "answer")}
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(SAMPLES.primary_key.columns),
            set_=newer,
            where=insert.excluded.probability > SAMPLES.c.probability,
        ),
        rows,
    )
    _make_room(store, connection, key, reader.sample.max)


def _make_room(store: Store, connection: Connection, key: tuple[str, str], most: int) -> None:
    count = connection.execute(select(func.count()).select_from(SAMPLES).where(*_of(SAMPLES, key))).scalar_one()
    if count <= most:
        return
    priority = SAMPLES.c.chance / SAMPLES.c.probability
    worst = select(SAMPLES.c.id, priority.label("priority")).where(*_of(SAMPLES, key))
    leaving = connection.execute(worst.order_by(priority.desc()).limit(count - most)).all()
    connection.execute(delete(SAMPLES).where(*_of(SAMPLES, key), SAMPLES.c.id.in_([one.id for one in leaving])))
    insert = store.upsert(THRESHOLDS).values(
        namespace=key[0], rollout=key[1], value=min(one.priority for one in leaving)
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=list(THRESHOLDS.primary_key.columns), set_={"value": insert.excluded.value}
        )
    )


def export_samples(store: Store, key: tuple[str, str], path: str) -> Iterator[dict[str, Any]]:
    """The samples as golden requests, oldest first; each says why and how probably it was kept."""
    with store.reading() as connection:
        threshold = _threshold(connection, key)
        rows = connection.execute(select(SAMPLES).where(*_of(SAMPLES, key)).order_by(SAMPLES.c.asked_at)).all()
    for row in rows:
        expected = {"status": 200} | ({"body": json.loads(row.answer)} if row.answer is not None else {})
        sample = {"id": row.id, "reason": row.reason, "time": written(row.asked_at)}
        sample["probability"] = row.probability * min(1.0, threshold)
        yield {
            "request": {"path": path, "body": json.loads(row.request)},
            "expect": expected,
            "sample": sample,
        }


def _threshold(connection: Connection, key: tuple[str, str]) -> float:
    found = connection.execute(select(THRESHOLDS.c.value).where(*_of(THRESHOLDS, key))).scalar_one_or_none()
    return 1.0 if found is None else found


def _of(table: Any, key: tuple[str, str]) -> tuple[Any, Any]:  # noqa: ANN401 - SQLAlchemy's
    return table.c.namespace == key[0], table.c.rollout == key[1]
