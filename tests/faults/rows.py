"""All rows, in the order they run."""

from typing import Final

from tests.faults import (
    bytes_on_disk,
    clocks,
    concurrent_run,
    crashes,
    full_disk,
    network,
    pauses,
    races,
    snapshots,
    system_calls,
)
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
        "newer",
        "a later program wrote the journal",
        "refused with the version; nothing is changed",
        bytes_on_disk.newer,
    ),
    Row(
        "failing_writes",
        "EIO on the n-th write of the journal",
        "it stops, never writes again, acknowledges nothing; the next start serves",
        system_calls.failing_writes,
    ),
    Row(
        "failing_flushes",
        "EIO on the n-th flush of a start",
        "it does not start; the next start serves",
        system_calls.failing_flushes,
    ),
    Row(
        "failing_rename",
        "EIO on the flush and the rename of a stop's note",
        "the journal is whole without it; the next start serves",
        system_calls.failing_rename,
    ),
    Row(
        "slow_disk",
        "every write of the journal takes long",
        "calls end at their deadline, reads go on, no pile is left",
        system_calls.slow_disk,
    ),
    Row(
        "full_disk",
        "the disk is full (a small tmpfs)",
        "promises are refused; reads, releases and facts go on; it resumes by itself",
        full_disk.full_disk,
    ),
    Row(
        "failing_snapshots",
        "EIO on the n-th write, flush, rename of a snapshot; its builder is killed",
        "it says so and leaves nothing half-done; snapshots and journal stay, the next is built",
        snapshots.failing_snapshots,
    ),
    Row(
        "no_room_for_snapshots",
        "the disk gets full before a snapshot (a small tmpfs)",
        "nothing is written, the log says why; with room again one is built",
        snapshots.no_room_for_snapshots,
    ),
    Row(
        "clock_jumps",
        "the wall clock jumps 30 days, goes back, stands still",
        "holds neither end together nor live forever",
        clocks.jumps,
    ),
    Row(
        "clock_restarts",
        "the wall clock is 30 days away after a restart",
        "the same",
        clocks.over_restarts,
    ),
    Row(
        "stopped",
        "the process stands still (SIGSTOP)",
        "calls end at their deadline; it goes on at once, without a pile",
        pauses.stopped,
    ),
    Row(
        "lost_replies",
        "the reply is lost after the commit (a proxy that cuts)",
        "the same reply on retry, one effect",
        network.lost_replies,
    ),
    Row(
        "retry_storm",
        "five copies of each request at once, deadlines far too short",
        "one effect each, all copies answered alike",
        network.retry_storm,
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
