"""Rows: the process dies at any moment, at named places, and with the power of its disk."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bopis.failpoints import FAILPOINTS, VARIABLE
from bopis.testing.client import eventually
from tests.e2e.crash_campaign import come_back, run_kills, under_load, wait_for_calls
from tests.e2e.crash_load import Load
from tests.faults.row import NotHereError, Seen, Trial

REACHED: Final = ("create_order", "cancel_order", "hand_over", "relay")
"""Acts that the load does; the others' failpoints are tested with scripted steps."""

SHUTDOWN: Final = 0x8004587D
"""ext4's ioctl that stops all writing at once (EXT4_IOC_SHUTDOWN)."""
NO_LOG_FLUSH: Final = 2
IMAGE_BYTES: Final = 400 << 20
UNFLUSHED: Final = "unflushed"
"""A file that must be gone, or empty, afterwards: else the cut was none."""
SIGKILLED: Final = -9


def kill_loop(trial: Trial) -> Seen:
    """SIGKILL at random moments."""
    rounds = trial.choose(quick=3, full=100)
    busy, load = run_kills(trial.folder, rounds=rounds, seed=trial.seed)
    assert busy * 2 >= rounds, f"only {busy} of {rounds} kills hit a call"
    return Seen(rounds, _told(load) + f", {busy} kills with calls in flight")


def failpoints(trial: Trial) -> Seen:
    """SIGKILL at each named place that the load comes by."""
    names = [name for name in FAILPOINTS if name.startswith(REACHED)]
    names = trial.choose(quick=names[2:7:4], full=names)
    dice = trial.dice()
    with under_load(trial.folder, seed=trial.seed) as load:
        wait_for_calls(load, 20)
        load.server.kill()
        for name in names:
            _die_at(load, f"{name}@{dice.randint(2, 12)}")
            load.server.environment = {}
            come_back(load, dice)
            load.server.kill()
        come_back(load, dice)
    return Seen(len(names), _told(load))


def _die_at(load: Load, place: str) -> None:
    """Starts the server, which ends itself there."""
    load.server.environment = {VARIABLE: place}
    try:
        load.server.start()
    except AssertionError:
        return  # It came by while it finished what the last one left, and is dead already.
    load.up.set()
    code = load.server.wait()
    load.up.clear()
    assert code == SIGKILLED, f"{place}: ended with {code}"


def power_cut(trial: Trial) -> Seen:
    """The file system under the folder forgets whatever was not flushed, at once."""
    rounds = trial.choose(quick=1, full=10)
    dice = trial.dice()
    with (
        _own_file_system(trial.folder) as (image, place),
        under_load(trial.folder, seed=trial.seed) as load,
    ):
        for _ in range(rounds):
            wait_for_calls(load, dice.randint(20, 200))
            _cut_power(load, place)
            _mount(image, place)
            unflushed = place / UNFLUSHED
            assert not (unflushed.exists() and unflushed.read_bytes()), "nothing was cut off"
            come_back(load, dice)
    return Seen(rounds, _told(load))


def _cut_power(load: Load, place: Path) -> None:
    (place / UNFLUSHED).write_bytes(b"here until the power goes")
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(descriptor)
    load.server.kill()
    load.up.clear()
    # A client may just be looking for its pickup code in there.
    eventually(lambda: subprocess.run(["umount", place], check=False).returncode == 0 or None)


@contextmanager
def _own_file_system(folder: Path) -> Iterator[tuple[Path, Path]]:
    """An ext4 image on a loop device, mounted as the data folder. Raises NotHereError."""
    image, place = folder / "disk.img", folder / "data"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
        _mount(image, place)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise NotHereError(f"no ext4 on a loop device here: {_reason(error)}") from None
    try:
        yield image, place
    finally:
        subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


def _mount(image: Path, place: Path) -> None:
    subprocess.run(["mount", "-o", "loop", image, place], check=True, capture_output=True)


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return str(error.stderr.decode(errors="replace")).strip()
    return str(error)


def _told(load: Load) -> str:
    return (
        f"{len(load.acknowledged)} acknowledged, none lost; {load.retries} retries,"
        f" one effect each; the journal verifies"
    )
