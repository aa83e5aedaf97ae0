//! What the ledger does, act by act, and at random beside a second model.
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

mod codec;
mod counts;
mod days;
mod expiry;
mod facts;
mod grants;
mod hash;
mod model;
mod partial;
mod recovery;
mod refusals;
mod requests;
mod settings;
mod snapshot;
mod statuses;

mod arbitrary;
mod random;
mod support;
