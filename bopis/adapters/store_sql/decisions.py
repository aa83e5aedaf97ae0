"""What choices of plans were made of: one compressed document each, and what they share once."""

import zlib
from collections.abc import Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from bopis.adapters.store_sql.statement import Statement
from bopis.domain.decision import Decision, DecisionRecord, record_of, settings_of
from bopis.domain.sourcing import Setting

LEVEL: Final = 1
"""Of the compression."""

USED_MS: Final = 3_600_000
"""That a setting is in use is written again after so long."""

_PUT: Final = Statement(
    "INSERT INTO decisions (order_id, attempt, made_ms, network, policy, duals, document)"
    " VALUES (:order_id, :attempt, :made_ms, :network, :policy, :duals, :document)"
    " ON CONFLICT (order_id, attempt) DO UPDATE SET made_ms = excluded.made_ms,"
    " network = excluded.network, policy = excluded.policy, duals = excluded.duals,"
    " document = excluded.document"
)
_KNOWN: Final = Statement("SELECT last_ms FROM settings WHERE digest = :digest")
_PUT_SETTING: Final = Statement(
    "INSERT INTO settings (digest, last_ms, content) VALUES (:digest, :last_ms, :content)"
)
_USED: Final = Statement("UPDATE settings SET last_ms = :last_ms WHERE digest = :digest")
_FORGET: Final = sa.text(
    "DELETE FROM decisions WHERE (order_id, attempt) IN (SELECT order_id, attempt FROM decisions"
    " WHERE made_ms < :before_ms ORDER BY made_ms LIMIT :limit)"
)
_FORGET_SETTINGS: Final = sa.text("DELETE FROM settings WHERE last_ms < :before_ms")
_READ: Final = sa.text(
    "SELECT attempt, document FROM decisions WHERE order_id = :order_id ORDER BY attempt"
)
_READ_SETTING: Final = sa.text("SELECT content FROM settings WHERE digest = :digest")
_decode: Final = msgspec.json.Decoder(DecisionRecord).decode
_encode: Final = msgspec.json.Encoder().encode


def put_decisions(connection: sa.Connection, decisions: Sequence[Decision]) -> None:
    """Writes decisions, and the settings that are not there yet."""
    for decision in decisions:
        for setting in settings_of(decision):
            _put_setting(connection, setting, decision.made_ms)
        record = record_of(decision)
        row = {
            "order_id": decision.order_id,
            "attempt": decision.attempt,
            "made_ms": record.made_ms,
            "network": record.network,
            "policy": record.policy,
            "duals": record.duals,
            "document": zlib.compress(_encode(record), LEVEL),
        }
        _PUT.run(connection, row)


def _put_setting(connection: sa.Connection, setting: Setting, now_ms: int) -> None:
    """Writes it, or that it is still in use: the latter seldom."""
    row = {"digest": setting.digest, "last_ms": now_ms}
    known = _KNOWN.first(connection, row)
    if known is None:
        content = zlib.compress(setting.content, LEVEL)
        _PUT_SETTING.run(connection, {**row, "content": content})
    elif known[0] < now_ms - USED_MS:
        _USED.run(connection, row)


def forget_decisions(connection: sa.Connection, before_ms: int, limit: int) -> int:
    """Deletes the oldest made before a time, and settings that none made since has."""
    forgotten = connection.execute(_FORGET, {"before_ms": before_ms, "limit": limit}).rowcount
    if forgotten:
        connection.execute(_FORGET_SETTINGS, {"before_ms": before_ms - USED_MS})
    return forgotten


def read_decisions(connection: sa.Connection, order_id: str) -> dict[int, DecisionRecord]:
    """Those of an order, by attempt."""
    rows = connection.execute(_READ, {"order_id": order_id})
    return {row.attempt: _decode(zlib.decompress(row.document)) for row in rows}


def read_setting(connection: sa.Connection, digest: str) -> bytes | None:
    """What is kept under a digest."""
    found = connection.execute(_READ_SETTING, {"digest": digest}).scalar_one_or_none()
    return None if found is None else zlib.decompress(found)
