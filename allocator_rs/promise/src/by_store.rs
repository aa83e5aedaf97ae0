//! What the stores around a place have of a few SKUs, and when they open.

use bopis_engine::ReadStamp;
use bopis_ledger::{CellKey, ItemId, LocationId};

use crate::network::{Node, Window, WINDOW_S};
use crate::options::{stores_near, Near, OptionsError};
use crate::planner::Planner;
use crate::world::World;

/// SKUs and where they are looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreAsk {
    /// By their ids in the ledger.
    pub items: Vec<ItemId>,
    /// Around where.
    pub near: Near,
    /// Stores at most so far; none: the policy's reach, which is the most.
    pub radius_km: Option<i64>,
    /// Stores at most.
    pub stores_max: usize,
}

/// What one store has. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStock {
    /// The store.
    pub node_id: String,
    /// From the place.
    pub meters: i64,
    /// By SKU; may be negative.
    pub atp: Vec<i64>,
    /// Whether it is open, by its hours.
    pub open_now: bool,
    /// When it opens next; none: it is open, or its hours are not known so far ahead.
    pub next_open_s: Option<i64>,
    /// The earliest that one line could be ready, by labor alone.
    pub ready_s: Option<i64>,
}

/// Stores, nearest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoresRead {
    /// The nearest.
    pub stores: Vec<StoreStock>,
    /// As of when units were read.
    pub stamp: ReadStamp,
}

impl Planner {
    /// The stores around a place. Runs on the caller's thread.
    ///
    /// # Errors
    /// `NotLoaded`, `UnknownNode`, `NoStore`.
    pub fn by_store(&self, asked: &StoreAsk) -> Result<StoresRead, OptionsError> {
        let world = self.world.load_full().ok_or(OptionsError::NotLoaded)?;
        let mut near = stores_near(&world, &asked.near, asked.radius_km)?;
        near.truncate(asked.stores_max);
        let nodes = world.network.nodes();
        let found: Vec<(i64, &Node, LocationId)> = near
            .into_iter()
            .filter_map(|(meters, index)| {
                let node = nodes.get(index)?;
                // A node is known to the ledger before it is loaded here.
                Some((meters, node, self.engine.location(&node.spec.node_id)?))
            })
            .collect();
        let locations: Vec<LocationId> = found.iter().map(|(_, _, location)| *location).collect();
        let basket = self.engine.basket(&asked.items, Some(&locations));
        let mut rows = basket.atp.chunks(asked.items.len().max(1));
        let now_ms = basket.stamp.wall_ms;
        let stores = found.into_iter().map(|(meters, node, location)| {
            let (open_now, next_open_s) = opening(&node.spec.windows, now_ms);
            StoreStock {
                node_id: node.spec.node_id.clone(),
                meters,
                atp: rows.next().unwrap_or(&[]).to_vec(),
                open_now,
                next_open_s,
                ready_s: self.earliest(&world, node, location, now_ms),
            }
        });
        Ok(StoresRead {
            stores: stores.collect(),
            stamp: basket.stamp,
        })
    }

    /// The end of the first hour, not begun, with labor for a line.
    fn earliest(
        &self,
        world: &World,
        node: &Node,
        location: LocationId,
        now_ms: i64,
    ) -> Option<i64> {
        let windows = &node.spec.windows;
        let from = windows.partition_point(|window| window.start_s * 1_000 < now_ms);
        let ready_from_ms = now_ms.saturating_add(world.policy.lead_time_ms);
        let later = windows.get(from..)?.iter().map(|window| window.start_s);
        let mut ready = later.filter(|start_s| (start_s + WINDOW_S) * 1_000 >= ready_from_ms);
        let has_labor = |start_s: &i64| {
            let item = self.engine.labor(*start_s);
            let free = item.map_or(0, |item| self.engine.atp(CellKey { location, item }));
            free >= node.line_seconds
        };
        ready.find(has_labor).map(|start_s| start_s + WINDOW_S)
    }
}

/// Whether a node is open, and if not, when it opens next (Unix seconds).
///
/// Hours follow each other while it is open. Of an hour that is partly open, the first of several
/// leaves out its beginning, any other its end.
fn opening(windows: &[Window], now_ms: i64) -> (bool, Option<i64>) {
    let now_s = now_ms.div_euclid(1_000);
    let from = windows.partition_point(|window| window.start_s + WINDOW_S <= now_s);
    let Some(here) = windows.get(from..) else {
        return (false, None);
    };
    let follows = |first: Option<&Window>, second: Option<&Window>| match (first, second) {
        (Some(first), Some(second)) => first.start_s + WINDOW_S == second.start_s,
        _ => false,
    };
    for (index, window) in here.iter().enumerate() {
        if window.seconds <= 0 {
            continue;
        }
        let position = from + index;
        let before = position.checked_sub(1).and_then(|one| windows.get(one));
        let begins = !follows(before, Some(window)) && follows(Some(window), here.get(index + 1));
        let end_s = window.start_s + WINDOW_S;
        let (opens_s, closes_s) = if begins {
            (end_s - window.seconds, end_s)
        } else {
            (window.start_s, window.start_s + window.seconds)
        };
        if now_s < opens_s {
            return (false, Some(opens_s));
        }
        if now_s < closes_s {
            return (true, None);
        }
    }
    (false, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = WINDOW_S;

    /// Open from half past the first hour to a quarter past the fourth, and again a day later.
    fn windows() -> Vec<Window> {
        let day = |start: i64| {
            [(0, 1_800), (1, HOUR), (2, HOUR), (3, 900)].map(|(hour, seconds)| Window {
                start_s: start + hour * HOUR,
                seconds,
            })
        };
        [day(0), day(24 * HOUR)].concat()
    }

    fn at(now_s: i64) -> (bool, Option<i64>) {
        opening(&windows(), now_s * 1_000)
    }

    #[test]
    fn a_store_is_open_within_its_hours_to_the_minute() {
        assert_eq!(at(0), (false, Some(1_800)));
        assert_eq!(at(1_800), (true, None));
        assert_eq!(at(3 * HOUR + 899), (true, None));
        assert_eq!(at(3 * HOUR + 900), (false, Some(24 * HOUR + 1_800)));
        assert_eq!(at(27 * HOUR + 900), (false, None), "no hours so far ahead");
        assert_eq!(opening(&[], 0), (false, None));
    }
}
