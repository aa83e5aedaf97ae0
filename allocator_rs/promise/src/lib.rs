//! Plan + hold: the kernel over the engine's stock, held in one act, retried when a race is lost.
//!
//! | asked | answered |
//! | --- | --- |
//! | [`Promiser::place`] | the best plan under the stock of now, held; on the promiser's thread |
//! | [`Promiser::plan`] | the best k plans, nothing held; on the caller's thread |
//! | [`Planner::options`] | where a basket can be had, nothing held; on the caller's thread |
//! | [`Planner::by_store`] | what the stores around a place have; on the caller's thread |
//! | [`Promiser::explain`] | why an order is planned as it is, other plans, what would change it |
//! | [`Promiser::worth`] | what one more unit or second is worth to the open orders |
//! | [`BatchKernel`] | the best plan of each of many orders under dual prices, for the optimizer |
//! | [`BatchOrders`] | the same orders as a source of the allocation, and its choices as plans |
//!
//! Network, catalog and policy are replaced whole; each order sees one version of each. All money
//! is in micro-units, labor in seconds; distances are rounded to whole meters before any price.
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

mod ask;
mod batch;
mod batch_hours;
mod batch_orders;
mod batch_rows;
mod block;
mod by_store;
mod closed;
mod counters;
mod duals;
mod eligible;
mod explain;
mod flips;
mod hours;
mod limited;
mod network;
mod offers;
mod options;
mod overlay;
mod past;
mod placement;
mod places;
mod placing;
mod plan;
mod planner;
mod policy;
mod promiser;
mod quote;
mod reasons;
mod rejected;
mod relax;
mod rules;
mod stock;
mod supply;
mod transfer;
mod what_if;
mod worker;
mod world;
mod worth;

pub use ask::{Ask, AskLine, Closure, Consent, Method, Pin};
pub use batch::{BatchKernel, Priced};
pub use batch_orders::BatchOrders;
pub use batch_rows::BatchRow;
pub use by_store::{StoreAsk, StoreStock, StoresRead};
pub use duals::{DualCharges, DualRow, LaborPrice, StockPrice};
pub use explain::{ExplainAsk, Explained, Part};
pub use network::{meters_between, Catalog, Item, Network, Node, NodeKind, NodeSpec, Window};
pub use offers::AskError;
pub use options::{
    Near, Options, OptionsAsk, OptionsError, StoreOption, REST_STORES_MAX, STORES_MAX,
};
pub use overlay::Overlay;
pub use past::{decide_again, Decided, Decision};
pub use placement::{
    PlaceAsk, PlaceError, Placement, PromiserOptions, RequestId, PLACE_ATTEMPTS_MAX,
};
pub use plan::{Group, Plan, Receipt, Terms, Unfilled, UnfilledReason};
pub use planner::{Planner, QuoteTerms};
pub use policy::{CostCard, Policy, Transfers};
pub use promiser::Promiser;
pub use quote::{QuoteAsk, QuoteFault, QuoteLost, QuotedGroup};
pub use rejected::{Lack, RejectedNode, Rejection};
pub use relax::{Cause, Lacking};
pub use rules::{ItemRule, NodeRule, NodeSet, Rules};
pub use supply::{Supply, TableSupply};
pub use what_if::{Change, Weighed, WhatIf};
pub use world::World;
pub use worth::{OpenOrder, Resource, Worth};
