//! Names and the integers that stand for them. A name is here only once its record is durable.

use std::sync::Arc;

use bopis_ledger::{ActOutcome, Command, ItemId, ItemName, Ledger, LocationId, Outcome, Record};
use hashbrown::HashMap;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

type Map<K, V> = HashMap<K, V, FxBuildHasher>;

#[derive(Default)]
struct Tables {
    locations: Map<Arc<str>, LocationId>,
    location_names: Vec<Option<Arc<str>>>,
    skus: Map<Arc<str>, ItemId>,
    labor: Map<i64, ItemId>,
    item_names: Vec<Option<Arc<ItemName>>>,
}

/// Readers hold the lock for one lookup; the writer takes it only when a name is new.
#[derive(Default)]
pub(crate) struct Names {
    tables: RwLock<Tables>,
}

impl Names {
    pub(crate) fn location(&self, name: &str) -> Option<LocationId> {
        self.tables.read().locations.get(name).copied()
    }

    pub(crate) fn sku(&self, name: &str) -> Option<ItemId> {
        self.tables.read().skus.get(name).copied()
    }

    pub(crate) fn labor(&self, window_start_s: i64) -> Option<ItemId> {
        self.tables.read().labor.get(&window_start_s).copied()
    }

    pub(crate) fn location_name(&self, id: LocationId) -> Option<Arc<str>> {
        self.tables
            .read()
            .location_names
            .get(id.0 as usize)
            .cloned()
            .flatten()
    }

    pub(crate) fn item_name(&self, id: ItemId) -> Option<Arc<ItemName>> {
        self.tables
            .read()
            .item_names
            .get(id.0 as usize)
            .cloned()
            .flatten()
    }

    /// Takes over the integer that this command gave its name.
    pub(crate) fn publish(&self, command: &Command, index: u32) {
        match command {
            Command::RegisterLocation { name } => {
                self.tables.write().add_location(name, LocationId(index));
            }
            Command::RegisterItem { name } => {
                self.tables.write().add_item(name, ItemId(index));
            }
            _ => {}
        }
    }

    /// Takes over the names that a ledger knows.
    pub(crate) fn take_over(&self, ledger: &Ledger) {
        let mut tables = self.tables.write();
        for index in 0..u32::try_from(ledger.location_count()).unwrap_or(u32::MAX) {
            if let Some(name) = ledger.location_name(LocationId(index)) {
                tables.add_location(name, LocationId(index));
            }
        }
        for index in 0..u32::try_from(ledger.item_count()).unwrap_or(u32::MAX) {
            if let Some(name) = ledger.item_name(ItemId(index)) {
                tables.add_item(name, ItemId(index));
            }
        }
    }

    /// Takes over the names that this record assigned.
    pub(crate) fn recover(&self, record: &Record) {
        let Record::Act {
            act,
            outcome: ActOutcome::Done(outcomes),
            ..
        } = record
        else {
            return;
        };
        for (command, outcome) in act.commands.iter().zip(outcomes) {
            if let Outcome::Registered { index } = outcome {
                self.publish(command, *index);
            }
        }
    }
}

impl Tables {
    fn add_location(&mut self, name: &str, id: LocationId) {
        let name: Arc<str> = name.into();
        put(&mut self.location_names, id.0, Arc::clone(&name));
        self.locations.insert(name, id);
    }

    fn add_item(&mut self, name: &ItemName, id: ItemId) {
        put(&mut self.item_names, id.0, Arc::new(name.clone()));
        match name {
            ItemName::Sku(sku) => {
                self.skus.insert(sku.as_ref().into(), id);
            }
            ItemName::Labor { window_start_s } => {
                self.labor.insert(*window_start_s, id);
            }
        }
    }
}

fn put<T>(names: &mut Vec<Option<T>>, index: u32, name: T) {
    let index = index as usize;
    if names.len() <= index {
        names.resize_with(index + 1, || None);
    }
    if let Some(slot) = names.get_mut(index) {
        *slot = Some(name);
    }
}
