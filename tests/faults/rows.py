"""All rows, in the order they run."""

from typing import Final

from tests.faults import bytes_on_disk, concurrent_run, crashes, races
from tests.faults.row import Row

ROWS: Final = (
    Row(
        "kill_loop",
        "kill -9 at random moments under load",
        "nothing acknowledged is lost; a retry has one effect; the restart serves",
        crashes.kill_loop,
    ),
    Row(
        "failpoints",
        "kill -9 at named places between the steps of an act",
        "the same",
        crashes.failpoints,
    ),
    Row(
        "power_cut",
        "power cut: ext4 on a loop device, shut down without a flush",
        "what was flushed survives, so nothing acknowledged is lost",
        crashes.power_cut,
    ),
    Row(
        "truncated",
        "the journal's file ends at each byte",
        "cut at the torn frame; all whole frames before it are kept",
        bytes_on_disk.truncated,
    ),
    Row(
        "flipped",
        "a flipped bit in each sector of the journal",
        "refused with the offset; in or behind the unsealed last frame: cut",
        bytes_on_disk.flipped,
    ),
    Row(
        "last_unit",
        "64 clients race for one last unit",
        "one winner each time",
        races.last_unit,
    ),
    Row(
        "summed_lines",
        "lines of one order name the same cell",
        "granted or refused by their sum, held as one line",
        races.summed_lines,
    ),
    Row(
        "witness",
        "64 clients of 4 processes at 4 hot cells, kill -9 meanwhile",
        "linearizable: one order of acts explains every reply and every read",
        concurrent_run.witnessed,
    ),
)
