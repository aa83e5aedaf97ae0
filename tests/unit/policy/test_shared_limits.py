"""What rules leave to orders that are planned together, counted by hand."""

from bopis.domain.day_limits import DayLimit, DueGroups
from bopis.domain.network import Method, Node, NodeKind, Place
from bopis.domain.reallocation import GroupLimit, StockLimit
from bopis.domain.rules import NodeGroup, NodeRule, Rules
from bopis.domain.shared_limits import SharedDays, shared_days, shipping_limits

NODE = Node("n", NodeKind.STORE, Place(0, 0), "UTC", 480, 1_200, 30)
DAY_S = 86_400
NOON_S = 20_000 * DAY_S + DAY_S // 2


def due(count: int, *, method: Method = Method.SHIP, day: int = 0) -> DueGroups:
    return DueGroups("n", method, (NOON_S + day * DAY_S) * 1_000, count)


def days(
    *, all_due: int, own: int, most: int, wanted: int = 50, method: Method | None = None
) -> SharedDays:
    return shared_days(
        [DayLimit("few", NODE, method, most, 24)],
        [due(all_due)],
        [due(own)],
        from_s=NOON_S,
        until_s=NOON_S + 1,
        groups_max=wanted,
    )


def test_what_others_have_is_taken_off_and_what_these_have_is_theirs() -> None:
    found = days(all_due=7, own=3, most=10)
    midnight_s = NOON_S - DAY_S // 2
    assert found == SharedDays(
        groups=(GroupLimit("few", "n", None, midnight_s, midnight_s + DAY_S, 6),),
    )


def test_a_day_that_others_have_filled_is_closed() -> None:
    [closed] = days(all_due=10, own=0, most=10).closed
    assert (closed.node_id, closed.rule, closed.until_s - closed.after_s) == ("n", "few", DAY_S)


def test_a_day_that_has_more_of_these_than_it_may_takes_no_further_group() -> None:
    found = days(all_due=12, own=8, most=7)
    assert (len(found.closed), found.groups) == (1, ())


def test_a_day_with_room_for_all_of_them_is_no_limit() -> None:
    assert days(all_due=5, own=5, most=50, wanted=50) == SharedDays()
    assert len(days(all_due=5, own=5, most=49, wanted=50).groups) == 1


def test_only_the_method_of_the_limit_counts() -> None:
    found = shared_days(
        [DayLimit("few", NODE, Method.SHIP, 4, 24)],
        [due(3), due(9, method=Method.PICKUP)],
        [due(1), due(9, method=Method.PICKUP)],
        from_s=NOON_S,
        until_s=NOON_S + 1,
        groups_max=50,
    )
    assert [(one.method, one.groups) for one in found.groups] == [(Method.SHIP, 2)]


def test_of_each_cell_what_lies_above_the_highest_floor_may_be_shipped() -> None:
    all_nodes = NodeGroup("all", inverted=True)
    rules = Rules(
        nodes=(
            NodeRule("two", all_nodes, ship_floor=2),
            NodeRule("three", NodeGroup("n", node_ids=("n",)), ship_floor=3),
        )
    )
    stock = [StockLimit("n", sku, units) for sku, units in (("a", 5), ("b", 2), ("c", 4))]
    shipped = {("n", "c"): 4}
    found = shipping_limits(rules, [NODE], stock, held=shipped, shipped=shipped)
    assert [(one.sku, one.units) for one in found] == [("a", 2), ("b", 0), ("c", 4)]
    assert shipping_limits(Rules(), [NODE], stock, held={}, shipped={}) == ()
    # Two of the five of a are held for customers who collect them: the floor is above those.
    [first, *_] = shipping_limits(rules, [NODE], stock, held={("n", "a"): 2}, shipped={})
    assert first.units == 0
