import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b, sha256
from string import ascii_letters, digits

import msgspec
import pytest

from bopis.domain import commands
from bopis.domain.errors import (
    NotPromisable,
    NotServing,
    PromiseExpired,
    PromiseMismatch,
    TokenInvalid,
)
from bopis.domain.ledger import SetOnHand
from bopis.domain.network import Method
from bopis.domain.policy import HOUR_MS
from bopis.domain.quote import (
    BasketLine,
    Quote,
    QuotedPromise,
    QuoteFault,
    QuoteLost,
    TokenGroup,
    basket_digest,
    quoted_groups,
)
from bopis.domain.sourcing import PlaceAsk, Placement
from bopis.service import ordering
from bopis.service.acts import fingerprint
from bopis.service.promise_tokens import read_token
from bopis.testing.counter import Counter, request_id
from bopis.testing.shop import MONDAY_10_UTC_MS, QUOTE_KEY

START_MS = MONDAY_10_UTC_MS + 3 * HOUR_MS
READY_MS = START_MS + HOUR_MS
TTL_MS = 900_000


def quote(*lines: tuple[str, int]) -> Quote:
    """Collect all of it at the west store, in the fourth hour."""
    basket = [BasketLine(number, sku, quantity) for number, (sku, quantity) in enumerate(lines)]
    places = tuple(range(len(lines)))
    return Quote(
        basket=basket_digest(basket),
        method=Method.PICKUP,
        groups=(TokenGroup("west", Method.PICKUP, places, START_MS, READY_MS),),
        ready_by_ms=READY_MS,
        cost_micro=500_000,
        currency="USD",
        policy_version="test",
        expire_ms=MONDAY_10_UTC_MS + TTL_MS,
    )


def signed(what: object, key: bytes = QUOTE_KEY, version: bytes = b"\x01") -> str:
    """A token, made as its format is documented."""
    body = version + msgspec.msgpack.encode(what)
    return urlsafe_b64encode(body + hmac.new(key, body, sha256).digest()).decode().rstrip("=")


def test_lines_are_told_by_their_places_in_the_sorted_basket() -> None:
    lines = [BasketLine(7, "b", 1), BasketLine(8, "a", 2), BasketLine(9, "a", 1)]
    found = quoted_groups(replace(quote(("a", 1), ("a", 2), ("b", 1)), basket=""), lines)
    assert [one.line_numbers for one in found] == [(9, 8, 7)]
    assert basket_digest(lines) == basket_digest(list(reversed(lines)))


def changed(token: str) -> Iterator[str]:
    """Every token that differs by one character: another one in its place, one more, one fewer."""
    letters = f"{ascii_letters}{digits}-_+/=.*%\0\n\t é"
    for index in range(len(token) + 1):
        before, after = token[:index], token[index:]
        yield from (before + letter + after for letter in letters)
        if after:
            yield before + after[1:]
            yield from (before + one + after[1:] for one in letters if one != after[0])


@pytest.mark.parametrize("sku", ["a", "ab", "abc"])
def test_a_token_reads_back_and_no_character_of_it_can_be_changed(sku: str) -> None:
    # Of all three lengths that bytes can have in base64: the last character has bits to spare.
    asked = replace(quote((sku, 1)), policy_version=sku)
    token = signed(asked)
    assert read_token(token, QUOTE_KEY) == asked
    for other in (*changed(token), token + "==", token + "====", f" {token}", f"{token}AAAA"):
        with pytest.raises(TokenInvalid):
            read_token(other, QUOTE_KEY)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "A",
        "é",
        "*" * 64,
        signed(quote(("apple", 1)), key=bytes(32)),
        signed(quote(("apple", 1)), version=b"\x02"),
        signed({"basket": "x"}),
        signed("a text"),
    ],
)
def test_what_this_service_did_not_sign_is_no_token(token: str) -> None:
    with pytest.raises(TokenInvalid):
        read_token(token, QUOTE_KEY)


async def test_an_order_takes_up_the_very_option_that_was_quoted(counter: Counter) -> None:
    order = await counter.create(("apple", 2), promise_token=signed(quote(("apple", 2))))
    [group] = order.fulfillment_orders
    assert (group.node_id, group.window_start_ms, group.ready_by_ms) == ("west", START_MS, READY_MS)
    assert order.quoted == QuotedPromise(READY_MS, 500_000, None)
    assert (order.promise_time_ms, order.customer_node_id) == (READY_MS, "west")
    await counter.assert_books_agree()


async def test_a_quote_that_cannot_be_kept_is_told_and_the_order_goes_on(counter: Counter) -> None:
    gone = SetOnHand("west", "apple", 0)
    await counter.shop.ledger.act([gone], request_id=request_id())
    order = await counter.create(("apple", 2), promise_token=signed(quote(("apple", 2))))
    lost = QuoteLost(QuoteFault.NO_STOCK, "west")
    assert order.quoted == QuotedPromise(READY_MS, 500_000, lost)
    assert [(one.node_id, one.method) for one in order.fulfillment_orders] == [
        ("east", Method.SHIP)
    ]
    assert order.promise_time_ms == READY_MS, "what was promised stays the target"
    await counter.assert_books_agree()


async def test_a_required_quote_that_cannot_be_kept_leaves_nothing_behind(counter: Counter) -> None:
    gone = SetOnHand("west", "apple", 0)
    await counter.shop.ledger.act([gone], request_id=request_id())
    token = signed(quote(("apple", 2)))
    with pytest.raises(NotPromisable) as refused:
        await counter.create(("apple", 2), order_id="o", promise_token=token, require_quoted=True)
    assert refused.value.metadata == {"quote_reason": "NO_STOCK", "node_id": "west"}
    assert await counter.shop.store.order("o") is None
    assert await counter.shop.store.open_intents() == ()
    await counter.assert_books_agree()


async def test_a_token_expires_but_a_repeat_of_its_order_does_not(counter: Counter) -> None:
    command = counter.create_command(("apple", 1), promise_token=signed(quote(("apple", 1))))
    counter.shop.clock.advance(TTL_MS)
    order = await ordering.create_order(counter.shop.deps, command)
    counter.shop.clock.advance(1)
    assert await ordering.create_order(counter.shop.deps, command) == order
    with pytest.raises(PromiseExpired):
        await ordering.create_order(
            counter.shop.deps, replace(command, request_id=request_id(), order_id="another")
        )


async def test_an_order_left_half_done_is_finished_though_its_token_expired_meanwhile(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = counter.create_command(("apple", 1), promise_token=signed(quote(("apple", 1))))
    deps = counter.shop.deps

    async def stopped(_place_ask: PlaceAsk) -> Placement:
        raise NotServing("stopped")

    with monkeypatch.context() as patched:
        patched.setattr(deps.sourcer, "place", stopped)
        with pytest.raises(NotServing):
            await ordering.create_order(deps, command)
    assert len(await counter.shop.store.open_intents()) == 1
    counter.shop.clock.advance(TTL_MS + 1)
    order = await ordering.create_order(deps, command)
    assert order.quoted == QuotedPromise(READY_MS, 500_000, None)
    assert await counter.shop.store.open_intents() == ()
    await counter.assert_books_agree()


async def test_a_token_is_for_its_basket_and_method(counter: Counter) -> None:
    token = signed(quote(("apple", 1), ("bread", 1)))
    for lines in ((("apple", 1),), (("apple", 2), ("bread", 1)), (("apple", 1), ("candle", 1))):
        with pytest.raises(PromiseMismatch) as refused:
            await counter.create(*lines, promise_token=token)
        assert refused.value.field == "lines"
    with pytest.raises(PromiseMismatch) as refused:
        await counter.create(("bread", 1), ("apple", 1), method=Method.SHIP, promise_token=token)
    assert refused.value.field == "method"


def test_an_order_without_a_token_has_the_digest_that_it_always_had() -> None:
    cancel = commands.CancelOrder(request_id="", tenant="", order_id="o", reason="r")
    whole = blake2b(msgspec.json.encode(cancel), digest_size=16).hexdigest()
    assert fingerprint(replace(cancel, request_id=request_id())) == whole
    command = Counter.create_command(("apple", 1))
    body = msgspec.to_builtins(replace(command, request_id="", tenant=""))
    for name in commands.CreateOrder.added:
        del body[name]
    digest = msgspec.json.encode(body)
    assert fingerprint(command) == blake2b(digest, digest_size=16).hexdigest()
    assert fingerprint(replace(command, promise_token="x")) != fingerprint(command)
