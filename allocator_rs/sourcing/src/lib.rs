//! The plan kernel: the cheapest way to fulfill one order, exactly, in integers.
//!
//! | question | answer |
//! | --- | --- |
//! | what is chosen | a set of facilities; each is (node, method, window pattern), open at a fixed cost |
//! | what is assigned | every line to one open facility, or to nobody at its unfilled cost |
//! | limits | one facility per node, one pickup store per order, lines per facility, shared stock cells |
//! | priced once per order | `extra_group` for each group beyond the first, lateness of the latest group ([`LatePrice`]) |
//! | how | depth-first branch and bound over facility sets, dual ascent bounds, capacities at the leaves |
//! | work limit | looks at a cost: bounds time; the frontier then is the lower bound, `exact` is false |
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
mod greedy;
mod pattern;
mod place;
mod problem;
mod search;
mod solution;
mod twins;

pub use alternatives::k_best;
pub use cost::{distance_cost, per_unit_of, share_of, weight_cost, OpportunityTiers};
pub use pattern::{undominated_patterns, Pattern, PatternLimits, Window};
pub use problem::{Facility, LatePrice, Problem, ProblemError, Twins, CANNOT, COST_MAX, LINES_MAX};
pub use search::{solve, WORK_LIMIT};
pub use solution::{Solution, Terms};
