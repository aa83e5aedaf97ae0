//! What the journal keeps, finds again and refuses, on good disks and bad ones.
//! One binary: each one more is compiled and linked with all that the crate needs. A test that must
//! not share a process with others is a file beside this folder.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers are used all over this binary"
)]

mod anchors;
mod damage;
mod faults;
mod follow;
mod recovery;

mod support;
