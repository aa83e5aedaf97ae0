//! Identities. Names of people and machines are interned to small integers at the edge; the ledger
//! itself journals which name got which integer, so recovery gives the same ones.

use crate::key::Key;

/// A location: a node, or a node's staging pool. Assigned in order of registration from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocationId(pub u32);

/// An item: a SKU, or a labor window. Assigned in order of registration from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub u32);

/// What an item is outside the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemName {
    /// A SKU, counted in its base unit.
    Sku(Box<str>),
    /// Labor in the hour that starts at this Unix time in seconds, counted in seconds.
    Labor {
        /// Start of the hour, Unix seconds.
        window_start_s: i64,
    },
}

/// One cell: the counters of one item at one location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CellKey {
    /// Where.
    pub location: LocationId,
    /// What.
    pub item: ItemId,
}

/// A reservation's id, chosen outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReservationId(pub u128);

/// A digest of the order that a reservation is for. 0: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderRef(pub u128);

/// Identifies a request within its scope (tenant and rpc): one effect per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestKey {
    /// Tenant and rpc, as the edge numbers them.
    pub scope: u32,
    /// The client's request id.
    pub id: u128,
}

impl Key for CellKey {
    fn words(&self) -> (u64, u64) {
        (u64::from(self.location.0), u64::from(self.item.0))
    }
}

impl Key for ReservationId {
    fn words(&self) -> (u64, u64) {
        halves(self.0)
    }
}

impl Key for OrderRef {
    fn words(&self) -> (u64, u64) {
        halves(self.0)
    }
}

impl Key for RequestKey {
    fn words(&self) -> (u64, u64) {
        let (low, high) = halves(self.id);
        // Ids of one scope differ as they do; those of two scopes are as good as random.
        (low, high.rotate_left(32) ^ u64::from(self.scope))
    }
}

const fn halves(id: u128) -> (u64, u64) {
    (id as u64, (id >> 64) as u64)
}
