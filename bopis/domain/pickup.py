"""Pickup codes: derived from a key, kept only as keyed hashes, compared in constant time.

A code is never stored: the notifier derives it when it sends, the store keeps its keyed hash. Each
staging of a fulfillment order has a code of its own.
"""

import hmac
from hashlib import sha256


def pickup_code(key: bytes, fulfillment_order_id: str, staging_attempt: int, digits: int) -> str:
    """The code of a staging: `digits` decimal digits, leading zeros kept."""
    digest = _mac(key, b"code", fulfillment_order_id, staging_attempt, "")
    return str(int.from_bytes(digest) % 10**digits).zfill(digits)


def code_hash(key: bytes, fulfillment_order_id: str, staging_attempt: int, code: str) -> str:
    """What is stored of a code: its keyed hash, bound to this staging, in hexadecimal."""
    return _mac(key, b"hash", fulfillment_order_id, staging_attempt, code).hex()


def code_matches(
    key: bytes, fulfillment_order_id: str, staging_attempt: int, code: str, stored_hash: str
) -> bool:
    """Compares in time that does not depend on where the hashes differ."""
    given = code_hash(key, fulfillment_order_id, staging_attempt, code)
    return hmac.compare_digest(given, stored_hash)


def _mac(key: bytes, use: bytes, fulfillment_order_id: str, attempt: int, text: str) -> bytes:
    # Lengths go before the parts, so that no two sets of parts give the same bytes.
    parts = (use, fulfillment_order_id.encode(), str(attempt).encode(), text.encode())
    message = b"".join(len(part).to_bytes(4) + part for part in parts)
    return hmac.new(key, message, sha256).digest()
