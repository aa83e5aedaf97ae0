"""A node's opening hours in UTC: intervals, and labor windows on full UTC hours.

Daylight saving is taken from the zone: opening and closing are wall-clock times of each local day.
All instants here are integer seconds since 1970-01-01T00:00Z.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bopis.scenario.model import Node

HOUR_S = 3600
DAY_MINUTES = 1440


def open_intervals(node: Node, *, start_s: int, end_s: int) -> list[tuple[int, int]]:
    """Half-open intervals (opens_s, closes_s) that meet [start_s, end_s), whole and ascending."""
    zone = ZoneInfo(node.time_zone)
    day = datetime.fromtimestamp(start_s, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(end_s, zone).date() + timedelta(days=1)
    intervals = []
    while day <= last:
        opens = _instant(day, node.open_minute, zone)
        closes = _instant(day, node.close_minute, zone)
        if opens < end_s and closes > start_s and closes > opens:
            intervals.append((opens, closes))
        day += timedelta(days=1)
    return intervals


def open_windows(node: Node, *, start_s: int, end_s: int) -> list[tuple[int, int]]:
    """Labor windows (hour_start_s, open_seconds) whose hour starts within [start_s, end_s)."""
    seconds: dict[int, int] = {}
    for opens, closes in open_intervals(node, start_s=start_s, end_s=end_s + HOUR_S):
        hour = opens - opens % HOUR_S
        while hour < closes:
            overlap = min(closes, hour + HOUR_S) - max(opens, hour)
            seconds[hour] = seconds.get(hour, 0) + overlap
            hour += HOUR_S
    return sorted((hour, open_s) for hour, open_s in seconds.items() if start_s <= hour < end_s)


def _instant(day: date, minute: int, zone: ZoneInfo) -> int:
    if minute == DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    return int(local.astimezone(UTC).timestamp())
