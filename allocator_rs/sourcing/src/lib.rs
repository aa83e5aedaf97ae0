//! The plan kernel: the cheapest way to fulfill one order, exactly, in integers.
//!
//! | question | answer |
//! | --- | --- |
//! | what is chosen | a set of facilities; each is (node, method, store, window pattern), open at a fixed cost |
//! | what is assigned | every line to one open facility, or to nobody at its unfilled cost |
//! | limits | one facility per node, one store where all is collected, lines per facility, shared stock cells and hours |
//! | priced once per order | `extra_group` for each group beyond the first, lateness of the latest group ([`LatePrice`]), the way to the store |
//! | how | depth-first branch and bound over facility sets, dual ascent bounds, capacities at the leaves (docs/decisions/0012) |
//! | work limit | looks at a cost: bounds time; the frontier then is the lower bound, `exact` is false |
//!
//! Who solves many orders keeps a [`Kernel`] and a [`Draft`] and solves without asking for memory:
//!
//! ```
//! use bopis_sourcing::{Draft, Facility, Kernel, LatePrice, Solution, WORK_LIMIT};
//!
//! let (mut draft, mut kernel, mut plan) = (Draft::default(), Kernel::default(), Solution::default());
//! for quantity in [1, 2, 3] {
//!     draft.clear(2);
//!     draft.set_charges(2_000_000, LatePrice::default(), false);
//!     draft.unfilled().fill(25_000_000);
//!     let facility = Facility { node: 0, store: None, fixed: 7_000_000, capacity: 9, late: 0 };
//!     draft.add(facility).copy_from_slice(&[500_000 * quantity, 800_000]);
//!     kernel.solve_into(draft.check()?, WORK_LIMIT, &mut plan);
//!     assert_eq!(plan.cost, 7_800_000 + 500_000 * quantity);
//! }
//! # Ok::<(), bopis_sourcing::ProblemError>(())
//! ```
//!
//! Money is in micro-units, labor in seconds. Nothing here reads a clock, draws a random number or
//! uses a float: the same problem gives the same plan.
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

mod alternatives;
mod assign;
mod bound;
mod cost;
mod draft;
mod explore;
mod fit;
mod forced;
mod frame;
mod greedy;
mod grow;
mod level;
mod pairs;
mod pattern;
mod place;
mod problem;
mod rooms;
mod search;
mod solution;
mod twins;

pub use alternatives::k_best;
pub use cost::{distance_cost, per_unit_of, share_of, weight_cost, OpportunityTiers};
pub use draft::Draft;
pub use forced::{cheapest_at, Stopped};
pub use pattern::{
    undominated_patterns, undominated_patterns_where, Pattern, PatternLimits, Window,
};
pub use problem::{
    Facility, LatePrice, Problem, ProblemError, Room, Store, Twins, CANNOT, COST_MAX, LINES_MAX,
};
pub use search::{solve, Kernel, WORK_LIMIT};
pub use solution::{Solution, Terms};
