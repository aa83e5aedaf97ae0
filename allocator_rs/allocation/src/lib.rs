//! Many orders at once: which plan each takes, so that together they cost little and keep every
//! limit, and what no allocation can cost less than.
//!
//! | step | does |
//! | --- | --- |
//! | [`Instance::new`] | takes over orders with the ways worth a look |
//! | [`Instance::ascend`] | prices on shared rows, by the kernel and what the [`Pool`] knows |
//! | [`Instance::construct`] | a first assignment under these prices |
//! | [`Instance::rescue`] | orders that leave lines look at every way |
//! | [`Instance::improve`] | ruin and recreate, on every core |
//! | [`Instance::relink`] | descents from between good assignments, through what does not fit |
//! | [`Instance::make_dearer`] | lateness and lines left cost more, where there are too many |
//! | [`bound`] | what the prices prove, over every way of every order |
//!
//! Costs are integer micro-units, labor integer seconds. Limits are counts of work (passes, moves),
//! so the same input gives the same allocation; who has less time stops a step early and records
//! how far it came. Floats only move prices, and any prices prove a valid bound.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

mod alone;
mod ascent;
mod assignment;
mod bound;
mod calendar;
mod choice;
mod climb;
mod construct;
mod deal;
mod dearer;
mod descent;
mod dice;
mod filling;
mod instance;
mod knapsack;
mod master;
mod menu;
mod packing;
mod part;
mod penalties;
mod pool;
mod pricer;
mod prices;
mod promising;
mod ranking;
mod relinked;
mod relinking;
mod repertoire;
mod rescue;
mod rooms;
mod rounding;
mod scarce;
mod search;
mod smooth;
mod sums;
mod supply;
mod table;
mod threads;
mod together;

pub use ascent::{Ascended, AscentOptions, AscentProgress};
pub use assignment::Assignment;
pub use bound::{bound, Bound};
pub use calendar::{Calendar, Pattern, Slot, SPAN_MAX};
pub use choice::{Choice, Group};
pub use dearer::{Counts, Surcharge};
pub use instance::{InForce, Instance, Line, Order, Row, Source, Way, NO_ROW};
pub use pool::{Columns, Pool};
pub use promising::WAYS_MAX;
pub use relinking::RelinkOptions;
pub use rounding::Roundings;
pub use search::{SearchOptions, SearchProgress};
pub use table::Table;
pub use threads::with_each;
