"""Reading promise tokens: the one place that verifies what the door signed.

`base64url(version 1 | msgpack map | HMAC-SHA256 of what is before it)`, without padding;
`allocator_rs/door/src/native/promise/token.rs` writes it.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Final

import msgspec

from bopis.domain.errors import PromiseExpired, PromiseMismatch, TokenInvalid
from bopis.domain.network import Method
from bopis.domain.quote import BasketLine, Quote, basket_digest

FIELD: Final = "promise_token"
VERSION: Final = b"\x01"
MAC_BYTES: Final = 32

_decoder: Final = msgspec.msgpack.Decoder(Quote)


def read_token(token: str, key: bytes) -> Quote:
    """What a token says. Raises TokenInvalid for one that was not signed with this key, or is not
    written to the character as it was.
    """
    try:
        written = token.encode("ascii")
        raw = urlsafe_b64decode(written + b"=" * (-len(written) % 4))
    except ValueError:
        raise _invalid() from None
    # Decoding skips what is not of the alphabet, and bits to spare; bytes are written in one way.
    if urlsafe_b64encode(raw).rstrip(b"=") != written:
        raise _invalid()
    signed, given = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    if not hmac.compare_digest(hmac.new(key, signed, sha256).digest(), given):
        raise _invalid()
    if not signed.startswith(VERSION):
        raise _invalid()
    try:
        return _decoder.decode(signed[len(VERSION) :])
    except msgspec.MsgspecError:
        raise _invalid() from None


def check_quote(quote: Quote, lines: list[BasketLine], *, method: Method, now_ms: int) -> None:
    """Raises PromiseExpired, or PromiseMismatch naming what is not as it was quoted."""
    if now_ms > quote.expire_ms:
        raise PromiseExpired("the promise token has expired: ask for options again", field=FIELD)
    if basket_digest(lines) != quote.basket:
        raise PromiseMismatch("the promise token is for another basket", field="lines")
    if method is not quote.method:
        raise PromiseMismatch(f"the promise token is for {quote.method.value}", field="method")


def _invalid() -> TokenInvalid:
    return TokenInvalid("the promise token is not one of ours", field=FIELD)
