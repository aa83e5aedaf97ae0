//! Digests that turn names of the outside into the ledger's fixed-size identities.

use xxhash_rust::xxh3::{xxh3_64, Xxh3};

/// Scopes of request ids: one per mutating rpc, so that two rpcs never share a key.
pub mod scope {
    /// Sources of sales (9); used inside the ledger only.
    pub use bopis_ledger::SALE_SOURCE_SCOPE as SALE_SOURCE;

    /// `InventoryService.Reserve`.
    pub const RESERVE: u32 = 1;
    /// `InventoryService.BatchReserve`.
    pub const BATCH_RESERVE: u32 = 2;
    /// `InventoryService.Commit`.
    pub const COMMIT: u32 = 3;
    /// `InventoryService.Release`.
    pub const RELEASE: u32 = 4;
    /// `InventoryService.Move`.
    pub const MOVE: u32 = 5;
    /// `StockService.Adjust`.
    pub const ADJUST: u32 = 6;
    /// `StockService.ImportStock`.
    pub const IMPORT_STOCK: u32 = 7;
    /// `StockService.RecordSales`.
    pub const RECORD_SALES: u32 = 8;
    /// `InventoryService.Extend`.
    pub const EXTEND: u32 = 10;
    /// `StockService.SetStock`.
    pub const SET_STOCK: u32 = 11;
    /// `StockService.TransferStock`.
    pub const TRANSFER_STOCK: u32 = 12;
    /// `StockService.SetSafetyStock`.
    pub const SET_SAFETY_STOCK: u32 = 13;
    /// `StockService.CountStock`.
    pub const COUNT_STOCK: u32 = 14;
    /// `StockService.ReceiveStock`.
    pub const RECEIVE_STOCK: u32 = 15;
    /// `StockService.SetInbound`.
    pub const SET_INBOUND: u32 = 16;
    /// Acts of our own services; ids are derived from (order, intent, attempt).
    pub const INTERNAL: u32 = 100;
}

/// Begins the name of a staging pool's location; no node's id begins with a space.
const STAGING: &str = " staging of ";

/// The name of the location of a node's staging pool.
#[must_use]
pub fn staging_of(node_id: &str) -> String {
    format!("{STAGING}{node_id}")
}

/// The node of a location, and whether the location is its staging pool.
#[must_use]
pub fn node_of(location: &str) -> (&str, bool) {
    match location.strip_prefix(STAGING) {
        Some(node_id) => (node_id, true),
        None => (location, false),
    }
}

/// Digest of an order's id. Never 0, which means "no order".
#[must_use]
pub fn order_reference(order_id: &str) -> u128 {
    digest("order", &[order_id])
}

/// Digest of a till's sale: the same words give the same digest, and no two lists of words are
/// joined into one text. Never 0.
#[must_use]
pub fn source_digest(words: &[&str]) -> u128 {
    digest("sale", words)
}

/// Digest of a request's body.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

fn digest(kind: &str, words: &[&str]) -> u128 {
    let mut hasher = Xxh3::new();
    for word in std::iter::once(&kind).chain(words) {
        hasher.update(&(word.len() as u64).to_le_bytes());
        hasher.update(word.as_bytes());
    }
    hasher.digest128().max(1)
}
