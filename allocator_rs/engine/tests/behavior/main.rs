//! What the engine does: serving, ending, starting again, on good disks and bad ones.
//! One binary: each one more is compiled and linked with all that the crate needs. A test that must
//! not share a process with others is a file beside this folder.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers are used all over this binary"
)]

mod builder_faults;
mod clock;
mod durability;
mod ending;
mod expiry;
mod faults;
mod feed;
mod full_disk;
mod old_events;
mod past;
mod serving;
mod snapshots;
mod stepped;
mod stocked;

#[path = "../../../journal/tests/behavior/support.rs"]
#[expect(dead_code, reason = "the rest serves the journal's own tests")]
mod disk;
mod support;
