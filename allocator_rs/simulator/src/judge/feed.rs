//! I9: whoever follows the change feed has the cells.

use std::collections::BTreeMap;

use bopis_engine::{Change, Engine};
use bopis_ledger::{CellKey, CellView};

use super::books::Books;
use super::checks::{violated, Check};

/// Somebody who follows the feed and reads the cells only when they fell behind.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    seen: u64,
    cells: BTreeMap<CellKey, CellView>,
    /// The feed was there when it last followed.
    is_following: bool,
}

/// Changes that no run makes between two looks at the feed.
const AMPLE: usize = 4_096;

impl Follower {
    /// The engine was started anew; its feed begins there.
    pub fn fall_behind(&mut self) {
        self.is_following = false;
    }

    /// Follows, from wherever it was.
    ///
    /// # Errors
    /// The feed is out of order, has a gap, or tells something else than reads do.
    pub fn follow(&mut self, engine: &Engine, books: &Books, changes_max: usize) -> Check {
        let position = engine.position();
        match engine.changes_since(self.seen) {
            None if self.is_following && changes_max >= AMPLE => {
                return violated("I9", format!("changes after {} are forgotten", self.seen));
            }
            None => {
                self.start(engine, books);
                return Ok(());
            }
            Some(changes) if changes_max == 0 => {
                return violated("I9", format!("{changes:?} of a feed without length"));
            }
            Some(changes) => self.take(&changes, position)?,
        }
        self.seen = position;
        for cell in books.keys() {
            let view = books.cell(cell);
            let followed = self.cells.get(&cell).copied().unwrap_or_default();
            if followed != view {
                let what = format!("{cell:?} is {view:?}, who followed has {followed:?}");
                return violated("I9", what);
            }
        }
        Ok(())
    }

    fn take(&mut self, changes: &[Change], position: u64) -> Check {
        let mut last = self.seen;
        for change in changes {
            if change.sequence <= self.seen || change.sequence < last || change.sequence > position
            {
                let what = format!("{change:?} after {last}, seen {}, at {position}", self.seen);
                return violated("I9", what);
            }
            if change.deficit != change.view.deficit() {
                return violated("I9", format!("{change:?} tells another deficit"));
            }
            last = change.sequence;
            self.cells.insert(change.cell, change.view);
        }
        Ok(())
    }

    fn start(&mut self, engine: &Engine, books: &Books) {
        let keys: Vec<CellKey> = books.keys().collect();
        let mut views = Vec::new();
        self.seen = engine.read(&keys, &mut views).sequence;
        self.is_following = true;
        self.cells = keys.into_iter().zip(views).collect();
    }
}
