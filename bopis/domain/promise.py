"""When a node works, when an order is promised, and which store is the customer's.

Hours are local: minutes after midnight in the node's time zone, as the clock on its wall shows
them, so a day with a change of daylight saving has an hour more or less where the change falls into
the hours. Labor windows are full hours UTC; an hour that is only partly open offers its open part.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Final
from zoneinfo import ZoneInfo

from bopis.domain.network import PICKUP_KINDS, LaborWindow, NetworkNode, Node, Place
from bopis.domain.policy import HOUR_MS, Policy

HOUR_S: Final = 3_600
EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius of the earth (IUGG)."""


def compile_windows(node: Node, *, from_s: int, until_s: int) -> tuple[LaborWindow, ...]:
    """The node's labor windows that start in [from_s, until_s), ascending. Times are Unix seconds.

    Raises ZoneInfoNotFoundError for an unknown time zone.
    """
    if until_s <= from_s:
        return ()
    zone = ZoneInfo(node.time_zone)
    # A local day can begin up to 14 hours before or after its UTC date.
    day = datetime.fromtimestamp(from_s, UTC).date() - timedelta(days=2)
    last = datetime.fromtimestamp(until_s, UTC).date() + timedelta(days=2)
    seconds: dict[int, int] = {}
    while day <= last:
        opens = _local_instant_s(day, node.open_minute, zone)
        closes = _local_instant_s(day, node.close_minute, zone)
        for start, part in _hours(opens, closes):
            seconds[start] = seconds.get(start, 0) + part
        day += timedelta(days=1)
    return tuple(
        LaborWindow(start, part)
        for start, part in sorted(seconds.items())
        if from_s <= start < until_s
    )


def _local_instant_s(day: date, minute: int, zone: ZoneInfo) -> int:
    """Unix seconds of a local wall time; minute 1440 is the next midnight.

    A wall time that a change skips is read with the offset before the change; one that happens
    twice is the first.
    """
    days, rest = divmod(minute, 1440)
    day += timedelta(days=days)
    local = datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=zone)
    return int(local.timestamp())


def _hours(opens: int, closes: int) -> Iterable[tuple[int, int]]:
    """The hours UTC touched by [opens, closes) with the seconds of each that are inside."""
    start = opens - opens % HOUR_S
    while start < closes:
        yield start, min(start + HOUR_S, closes) - max(start, opens)
        start += HOUR_S


def promise_time_ms(placed_ms: int, ready_within_ms: int | None, policy: Policy) -> int:
    """Ready-by time of an order: what it asked for or the policy's, up to a full hour UTC."""
    wanted = placed_ms + (policy.promise_ms if ready_within_ms is None else ready_within_ms)
    return -(-wanted // HOUR_MS) * HOUR_MS


def distance_m(one: Place, other: Place) -> int:
    """Great-circle distance in whole meters (haversine)."""
    latitude_1, latitude_2 = radians(one.latitude), radians(other.latitude)
    half_latitude = sin((latitude_2 - latitude_1) / 2)
    half_longitude = sin(radians(other.longitude - one.longitude) / 2)
    chord = half_latitude**2 + cos(latitude_1) * cos(latitude_2) * half_longitude**2
    return round(2_000 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord))))


def usable(window: LaborWindow, *, now_ms: int, lead_time_ms: int) -> bool:
    """Whether a window can still be promised: it has not begun, and its end leaves the lead."""
    start_ms = window.start_s * 1_000
    return start_ms >= now_ms and start_ms + HOUR_MS >= now_ms + lead_time_ms


def customer_store(
    nodes: Sequence[NetworkNode], place: Place, *, now_ms: int, promise_ms: int, policy: Policy
) -> str:
    """The customer's store: of those within reach the nearest that is open before the promise, or,
    if none is, the nearest. Empty if none is within reach. Ties go to the smaller id.
    """
    reach_m = policy.pickup_reach_km * 1_000
    near: list[tuple[bool, int, str]] = []
    for network_node in nodes:
        node = network_node.node
        if node.kind not in PICKUP_KINDS:
            continue
        distance = distance_m(place, node.place)
        if distance > reach_m:
            continue
        opens_in_time = any(
            usable(window, now_ms=now_ms, lead_time_ms=policy.lead_time_ms)
            and window.start_s * 1_000 + HOUR_MS <= promise_ms
            for window in network_node.windows
        )
        near.append((not opens_in_time, distance, node.node_id))
    return min(near)[2] if near else ""
