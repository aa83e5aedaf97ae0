//! What every item is asked, of whatever section.

use super::table::Unfit;
use super::{Head, Section, LISTS};

/// An item that was taken over.
pub(super) type Taken = Result<(), Unfit>;

/// Items that are still to come, by section.
pub(super) struct Missing([u64; LISTS]);

impl Missing {
    /// As many as the head says, of these sections.
    pub(super) fn of(head: &Head, sections: &[Section]) -> Self {
        let mut missing = [0; LISTS];
        for section in sections {
            if let Some(count) = missing.get_mut(section.list()) {
                *count = head.count(*section);
            }
        }
        Self(missing)
    }

    /// One has come.
    ///
    /// # Errors
    /// There are more than the head says.
    pub(super) fn one_less(&mut self, section: Section) -> Taken {
        let missing = self.0.get_mut(section.list());
        let missing = missing.ok_or("no items belong here")?;
        let less = missing.checked_sub(1);
        *missing = less.ok_or("more items than the head says")?;
        Ok(())
    }

    pub(super) fn is_none(&self) -> bool {
        self.0 == [0; LISTS]
    }
}

/// The last time of a section: the next one is no earlier.
#[derive(Default)]
pub(super) struct Order(Option<(Section, i64)>);

impl Order {
    /// The next time.
    ///
    /// # Errors
    /// It is earlier.
    pub(super) fn next(&mut self, section: Section, time_ms: i64) -> Taken {
        if self
            .0
            .is_some_and(|last| last.0 == section && time_ms < last.1)
        {
            return Err("items are not in the order of time".into());
        }
        self.0 = Some((section, time_ms));
        Ok(())
    }
}
