"""Placing, reading and cancelling orders."""

from dataclasses import replace
from typing import Final

from bopis.domain.commands import CancelOrder, CreateOrder
from bopis.domain.errors import (
    FieldInvalid,
    NotPromisable,
    OrderExists,
    OrderNotFound,
    QuantityOutOfRange,
    SkuNotFound,
    StaleEtag,
)
from bopis.domain.fulfillment import (
    FULFILLMENT_MACHINE,
    FulfillmentOrder,
    FulfillmentVerb,
    labor_lines,
    stock_lines,
)
from bopis.domain.ids import PICK_SUFFIX, order_id_of_request
from bopis.domain.ledger import Command, Release
from bopis.domain.order import (
    ORDER_MACHINE,
    ORDER_VALUE_MICRO_MAX,
    Order,
    OrderLine,
    OrderState,
    OrderVerb,
)
from bopis.domain.pick_task import OPEN_STATES, PickTask, PickTaskState
from bopis.domain.promise import promise_time_ms
from bopis.domain.quote import BasketLine, Quote, QuoteAsk, QuotedPromise, quoted_groups
from bopis.domain.records import OrderWrite, WriteSet
from bopis.failpoints import failpoint
from bopis.service.acts import Outcome, Work, fingerprint, mutate
from bopis.service.changes import Happened, changed, restock_task_of
from bopis.service.dependencies import Dependencies
from bopis.service.promise_tokens import check_quote, read_token
from bopis.service.sourcing import Placed, allocated, ask_of, place_and_commit

PAGE_DEFAULT: Final = 100


async def create_order(deps: Dependencies, command: CreateOrder) -> Order:
    """Promises and allocates an order, or tells line by line why it cannot be filled.

    Idempotent by request_id, and by order_id: the same order again returns it as it stands.
    Raises FieldInvalid, QuantityOutOfRange (the order's value), SkuNotFound (if the policy refuses
    unknown SKUs), OrderExists, NotPromisable (all-or-nothing orders, required quotes),
    TokenInvalid, PromiseExpired, PromiseMismatch, RequestIdReused.
    """
    return await mutate(
        deps,
        command,
        order_id=command.order_id or order_id_of_request(command.key),
        point="create_order",
        answer=Order,
        run=run_create,
    )


async def run_create(work: Work[CreateOrder]) -> Outcome[Order]:
    """The steps of CreateOrder, first time or resumed."""
    deps = work.deps
    work.undo = WriteSet(drop_order=work.order_id)
    if not work.resumed:
        existing = await deps.store.order(work.order_id)
        if existing is not None:
            if existing.tenant != work.command.tenant or existing.body_digest != _digest(work):
                raise OrderExists(f"order {work.order_id} exists with another body")
            return Outcome(existing)
        _check_lines(deps, work.command)
        quote = _quote(work)
        pending = _pending(work, quote)
        _check_value(pending)
        failpoint("create_order.before_intent")
        await work.begin(facts=quote, writes=WriteSet(orders=(OrderWrite(pending, 0),)))
    pending = await work.order()
    # A resumption takes what was noted: by then the token may have expired.
    quote = work.facts(Quote) if work.command.promise_token else None
    ask = ask_of(deps, pending, pending.lines, now_ms=work.now_ms)
    placed = await place_and_commit(
        work, ask, attempts=pending.attempts, quote=_quote_ask(work, quote)
    )
    after, tasks, happened = allocated(pending, placed)
    if quote is not None:
        _check_kept(work.command, placed)
        promise = QuotedPromise(quote.ready_by_ms, quote.cost_micro, placed.quote_lost)
        after = replace(after, quoted=promise)
    if not placed.plan.groups and pending.all_or_nothing:
        lacking = ", ".join(f"line {one.line_number}: {one.words}" for one in placed.plan.unfilled)
        raise NotPromisable(f"the order cannot be filled whole ({lacking})")
    first = [Happened("order.created")]
    if placed.plan.groups:
        first.append(Happened("order.allocated"))
    first += happened
    first += [
        Happened("order.unfilled", line_number=one.line_number) for one in after.unfilled_lines
    ]
    order, writes = changed(
        pending,
        after,
        now_ms=work.now_ms,
        happened=first,
        tasks=tasks,
        decisions=[placed.decision],
    )
    return Outcome(order, writes)


def _quote(work: Work[CreateOrder]) -> Quote | None:
    """What the token says. Raises FieldInvalid, TokenInvalid, PromiseExpired, PromiseMismatch."""
    command = work.command
    if not command.promise_token:
        if command.require_quoted:
            raise FieldInvalid("needs a promise_token", field="require_quoted")
        return None
    quote = read_token(command.promise_token, work.deps.quote_key)
    check_quote(quote, _basket(command), method=command.method, now_ms=work.now_ms)
    return quote


def _basket(command: CreateOrder) -> list[BasketLine]:
    return [BasketLine(line.line_number, line.sku, line.quantity) for line in command.lines]


def _quote_ask(work: Work[CreateOrder], quote: Quote | None) -> QuoteAsk | None:
    if quote is None:
        return None
    return QuoteAsk(quoted_groups(quote, _basket(work.command)), work.command.require_quoted)


def _check_kept(command: CreateOrder, placed: Placed) -> None:
    """Raises NotPromisable if the quote was required and could not be kept."""
    lost = placed.quote_lost
    if lost is not None and command.require_quoted:
        raise NotPromisable(
            f"what was quoted is not possible any more: {lost.reason.value} at {lost.node_id}",
            metadata={"quote_reason": lost.reason.value, "node_id": lost.node_id},
        )


def _digest(work: Work[CreateOrder]) -> str:
    """Digest of the body, the same whether the client named the order's id or not."""
    return fingerprint(replace(work.command, order_id=work.order_id))


def _check_lines(deps: Dependencies, command: CreateOrder) -> None:
    seen: set[int] = set()
    for index, line in enumerate(command.lines):
        if line.line_number in seen:
            raise FieldInvalid(
                f"two lines have the number {line.line_number}", field=f"lines[{index}].line_number"
            )
        seen.add(line.line_number)
        if deps.policy.refuse_unknown_skus and line.sku not in deps.directory.items:
            raise SkuNotFound(f"no SKU {line.sku}", field=f"lines[{index}].sku")
    catalog = deps.directory.currency
    if catalog and command.currency not in ("", catalog):
        priced = next((i for i, line in enumerate(command.lines) if line.unit_price_micro), 0)
        raise FieldInvalid(
            f"the catalog's prices are in {catalog}",
            field=f"lines[{priced}].unit_price.currency_code",
        )


def _check_value(order: Order) -> None:
    value_micro = sum(line.quantity * line.unit_price_micro for line in order.lines)
    if value_micro > ORDER_VALUE_MICRO_MAX:
        raise QuantityOutOfRange("the value of the order does not fit", field="lines")


def _priced(deps: Dependencies, line: OrderLine) -> OrderLine:
    """The line, at the catalog's price if it names none."""
    listed = deps.directory.items.get(line.sku)
    if line.unit_price_micro or listed is None:
        return line
    return replace(line, unit_price_micro=listed.unit_price_micro)


def _pending(work: Work[CreateOrder], quote: Quote | None) -> Order:
    """The order before its allocation. What was quoted is its promise, and the store that the
    customer chose is the customer's.
    """
    command, policy = work.command, work.deps.policy
    promise_ms = promise_time_ms(work.now_ms, command.ready_within_ms, policy)
    return Order(
        order_id=work.order_id,
        tenant=command.tenant,
        state=OrderState.PENDING,
        method=command.method,
        place=command.place,
        lines=tuple(_priced(work.deps, line) for line in command.lines),
        currency=command.currency or work.deps.directory.currency,
        create_time_ms=work.now_ms,
        promise_time_ms=promise_ms if quote is None else quote.ready_by_ms,
        consent=policy.consent if command.consent is None else command.consent,
        body_digest=_digest(work),
        all_or_nothing=command.all_or_nothing,
        customer_id=command.customer_id,
        note=command.note,
        customer_node_id="" if quote is None else quote.pickup_node_id,
    )


async def get_order(deps: Dependencies, order_id: str, *, tenant: str = "default") -> Order:
    """One order as it stands. Raises OrderNotFound."""
    found = await deps.store.order(order_id)
    if found is None or found.tenant != tenant:
        raise OrderNotFound(f"no order {order_id}")
    return found


async def list_orders(
    deps: Dependencies,
    *,
    state: OrderState | None = None,
    page_size: int = 0,
    page_token: str = "",
    tenant: str = "default",
) -> tuple[tuple[Order, ...], str]:
    """A page of orders by creation, and the token of the next. Raises TokenInvalid.

    A page may hold fewer orders than asked for (another tenant's are left out) and still not be the
    last one.
    """
    found, following = await deps.store.orders(
        state=state, after=page_token, limit=page_size or PAGE_DEFAULT
    )
    return tuple(one for one in found if one.tenant == tenant), following


async def cancel_order(deps: Dependencies, command: CancelOrder) -> Order:
    """Cancels what has not been handed over or shipped; what was picked goes back by restock tasks.

    Raises OrderNotFound, WrongState, StaleEtag, RequestIdReused.
    """
    return await mutate(
        deps,
        command,
        order_id=command.order_id,
        point="cancel_order",
        answer=Order,
        run=run_cancel,
    )


async def run_cancel(work: Work[CancelOrder]) -> Outcome[Order]:
    """The steps of CancelOrder, first time or resumed."""
    order = await work.order()
    if work.command.etag and work.command.etag != order.etag:
        raise StaleEtag(f"the order is at etag {order.etag}", metadata={"etag": order.etag})
    ORDER_MACHINE.step(order.state, OrderVerb.CANCEL)
    leaving = [
        group
        for group in order.fulfillment_orders
        if FULFILLMENT_MACHINE.allows(group.state, FulfillmentVerb.CANCEL)
    ]
    await work.begin()
    releases = [release for group in leaving for release in _released_now(group)]
    if releases:
        await work.act("release", releases)
    failpoint("cancel_order.after_ledger")
    after = replace(order, cancelled=True, cancel_reason=work.command.reason)
    tasks: list[PickTask] = []
    for group in leaving:
        step = FULFILLMENT_MACHINE.step(group.state, FulfillmentVerb.CANCEL)
        picked = any(line.picked_quantity for line in group.lines)
        ended = replace(group, state=step.target, restock_open=picked)
        after = after.with_group(ended)
        task = await work.deps.store.pick_task(group.fulfillment_order_id + PICK_SUFFIX)
        if task is not None and task.state in OPEN_STATES:
            tasks.append(replace(task, state=PickTaskState.WITHDRAWN))
        if picked:
            tasks.append(restock_task_of(ended, now_ms=work.now_ms))
    cancelled, writes = changed(
        order, after, now_ms=work.now_ms, happened=[Happened("order.cancelled")], tasks=tasks
    )
    return Outcome(cancelled, writes)


def _released_now(group: FulfillmentOrder) -> list[Command]:
    """What a cancelled group gives back at once: its labor and what is still on the shelf.

    Goods that were picked are given back when they are on the shelf again.
    """
    untouched = tuple(line for line in group.lines if not line.picked_quantity)
    lines = stock_lines(group.node_id, untouched) + labor_lines(group)
    return [Release(group.reservation_id, lines)] if lines else []
