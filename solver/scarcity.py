"""What units are worth where all orders together want more of a SKU than there is.

Some line gets none of it then, and the best that can be done is to leave those that cost least to
leave. So a unit is worth what the dearest of these costs, less what doing it would cost, wherever
the unit lies. That is where the search for prices starts: from 0 it takes many passes to get there.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import accumulate

from solver.check import COST_MAX_MICRO, World
from solver.problem import OpenOrder
from solver.rows import Rows


def start_prices(world: World, rows: Rows) -> list[int]:
    """Micro-units by row of stock; none if nothing is scarce."""
    card = world.request.policy.card
    done = card.pick_line_micro + card.ship_package_micro
    units: Counter[str] = Counter()
    for row in rows.stock:
        units[row.sku] += row.units
    wanted: Counter[str] = Counter()
    for order in world.request.problem.orders:
        for line in order.ask.lines:
            wanted[line.sku] += line.quantity
    scarce = {sku for sku, quantity in wanted.items() if quantity > units[sku] > 0}
    lines: dict[str, list[tuple[int, int]]] = {sku: [] for sku in scarce}
    for order in world.request.problem.orders:
        for sku, worth, quantity in _worths(world, order, scarce):
            lines[sku].append((worth, quantity))
    worths = {sku: max(0, _first_left(of_sku, units[sku]) - done) for sku, of_sku in lines.items()}
    return [worths.get(row.sku, 0) for row in rows.stock] if any(worths.values()) else []


def _worths(world: World, order: OpenOrder, scarce: set[str]) -> Iterator[tuple[str, int, int]]:
    """Of an order's lines: SKU, what it costs to leave a unit (micro-units), and units."""
    promised = {number for group in order.groups for number in group.line_numbers}
    for line in order.ask.lines:
        if line.sku in scarce:
            percent = order.ask.weight_percent
            cost = world.unfilled_micro(line.quantity, line.unit_price_micro, percent=percent)
            # What is promised gets its units first.
            cost = COST_MAX_MICRO if line.line_number in promised else cost
            yield line.sku, cost // line.quantity, line.quantity


def _first_left(lines: list[tuple[int, int]], units: int) -> int:
    """What it costs to leave a unit of the dearest line that gets none; 0: all get theirs."""
    dearest = sorted(lines, reverse=True)
    taken = accumulate(quantity for _, quantity in dearest)
    left = (worth for (worth, _), so_far in zip(dearest, taken, strict=True) if so_far > units)
    return next(left, 0)
