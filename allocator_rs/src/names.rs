//! Names at the edge: nodes, SKUs and labor windows to the ledger's ids and back.

use std::collections::HashMap;

use bopis_engine::Engine;
use bopis_ledger::{CellKey, ItemId, ItemName, LocationId};

use crate::answers::ResultDto;
use crate::dto::LineDto;

/// Names that an act just registered and that the engine does not show yet.
#[derive(Debug, Default)]
pub struct FreshNames {
    /// Nodes.
    pub nodes: HashMap<String, LocationId>,
    /// Items.
    pub items: HashMap<ItemName, ItemId>,
}

/// Looks names up.
#[derive(Debug)]
pub struct Names<'a> {
    engine: &'a Engine,
    fresh: &'a FreshNames,
}

impl<'a> Names<'a> {
    /// What the engine knows, and what is fresh.
    pub fn new(engine: &'a Engine, fresh: &'a FreshNames) -> Self {
        Self { engine, fresh }
    }

    /// The id of a node.
    pub fn location(&self, node_id: &str) -> Result<LocationId, ResultDto> {
        self.engine
            .location(node_id)
            .or_else(|| self.fresh.nodes.get(node_id).copied())
            .ok_or_else(|| ResultDto::UnknownNode {
                node_id: node_id.to_owned(),
            })
    }

    /// The id of a SKU.
    pub fn sku(&self, sku: &str) -> Result<ItemId, ResultDto> {
        self.engine.sku(sku).ok_or_else(|| ResultDto::UnknownItem {
            name: sku.to_owned(),
        })
    }

    /// The id of a labor window.
    pub fn labor(&self, window_start_s: i64) -> Result<ItemId, ResultDto> {
        let fresh = || {
            let name = ItemName::Labor { window_start_s };
            self.fresh.items.get(&name).copied()
        };
        self.engine
            .labor(window_start_s)
            .or_else(fresh)
            .ok_or_else(|| ResultDto::UnknownItem {
                name: format!("labor/{window_start_s}"),
            })
    }

    /// The cell of a SKU or of a labor window at a node.
    pub fn cell(
        &self,
        node_id: &str,
        sku: Option<&str>,
        window_start_s: Option<i64>,
    ) -> Result<CellKey, ResultDto> {
        let item = match (sku, window_start_s) {
            (Some(sku), None) => self.sku(sku)?,
            (None, Some(start)) => self.labor(start)?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(ResultDto::Malformed {
                    why: "a cell is either a SKU's or a labor window's".to_owned(),
                })
            }
        };
        let location = self.location(node_id)?;
        Ok(CellKey { location, item })
    }

    /// Lines of a command.
    pub fn lines(&self, lines: &[LineDto]) -> Result<bopis_ledger::Lines, ResultDto> {
        let line = |line: &LineDto| {
            let cell = self.cell(&line.node_id, line.sku.as_deref(), line.window_start_s)?;
            Ok(bopis_ledger::Line {
                cell,
                quantity: line.quantity,
            })
        };
        lines.iter().map(line).collect()
    }

    /// The name of a node; empty if it was never assigned.
    pub fn node(&self, location: LocationId) -> String {
        let name = self.engine.location_name(location);
        name.map(|name| name.to_string()).unwrap_or_default()
    }

    /// The SKU or the labor window of an item.
    pub fn item(&self, item: ItemId) -> (Option<String>, Option<i64>) {
        match self.engine.item_name(item).as_deref() {
            Some(ItemName::Sku(sku)) => (Some(sku.to_string()), None),
            Some(ItemName::Labor { window_start_s }) => (None, Some(*window_start_s)),
            None => (None, None),
        }
    }
}
