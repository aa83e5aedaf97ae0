//! What is planned, held, quoted and explained, on a small country.
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

mod decided_again;
mod explaining;
mod explaining_promised;
mod explaining_reasons;
mod explaining_stopped;
mod lateness;
mod placing;
mod policy_rules;
mod quoting;
mod quoting_rules;
mod rules;
mod stock_index;
mod transfers;
mod transfers_are_exact;
mod transfers_held;
mod worth;

mod bench;
mod brute;
mod town;
