"""The file of notifications, and the key of the codes."""

import json
import stat
from pathlib import Path

import pytest

from bopis.adapters.key_file import KEY_BYTES, load_or_create_key
from bopis.adapters.notify_file import FileNotifier
from bopis.domain.errors import NotServing
from bopis.domain.notification import Notification, NotificationKind


def message(event_id: str) -> Notification:
    return Notification(event_id, NotificationKind.READY, 1, "o", pickup_code="012345")


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_each_event_is_one_line_whatever_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "notifications.jsonl"
    notifier = FileNotifier(path)
    await notifier.send([message("a"), message("b"), message("a")])
    await notifier.send([message("b"), message("c")])
    notifier.close()
    again = FileNotifier(path)
    await again.send([message("a"), message("d")])
    again.close()
    assert [line["event_id"] for line in lines(path)] == ["a", "b", "c", "d"]
    assert lines(path)[0]["pickup_code"] == "012345"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("torn", ['{"event_id": "b"', '{"event', "\n\n", "null\n"])
async def test_a_line_cut_off_by_a_crash_is_cut_away_and_comes_again(
    tmp_path: Path, torn: str
) -> None:
    path = tmp_path / "notifications.jsonl"
    notifier = FileNotifier(path)
    await notifier.send([message("a")])
    notifier.close()
    with path.open("a") as file:
        file.write(torn)
    again = FileNotifier(path)
    await again.send([message("b")])
    again.close()
    assert [line["event_id"] for line in lines(path)] == ["a", "b"]


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "pickup.key"
    key = load_or_create_key(path)
    assert len(key) == KEY_BYTES
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"short")
    with pytest.raises(NotServing):
        load_or_create_key(path)
