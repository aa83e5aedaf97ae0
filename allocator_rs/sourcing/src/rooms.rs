//! Leaves whose facilities share rooms: hours of the store where all of them are collected.
//!
//! A room is split in each way that uses it up: so many lines at this facility, so many at that.
//! Under a split each facility has a room of its own, and the leaf is one like others.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::{assign as assign_apart, steps, Leaf};
use crate::problem::Problem;

/// Most lines at a facility, by its own room alone.
fn most(problem: &Problem, facility: usize) -> i64 {
    let room = problem.facilities[facility].capacity as usize;
    i64::try_from(room.min(problem.lines)).unwrap_or(i64::MAX)
}

/// Whether these facilities together could take more of a room than there is.
pub(crate) fn can_bind(problem: &Problem, open: &[usize]) -> bool {
    problem.rooms.iter().any(|room| {
        let takes = open.iter().map(|f| room.share(*f) * most(problem, *f));
        takes.sum::<i64>() > room.seconds
    })
}

/// Whether an assignment keeps within every room.
pub(crate) fn keeps(problem: &Problem, assignment: &[Option<usize>]) -> bool {
    problem.rooms.iter().all(|room| {
        let takes = assignment.iter().flatten().map(|f| room.share(*f));
        takes.sum::<i64>() <= room.seconds
    })
}

/// The cheapest assignment to `open` within the rooms that costs less than `below`, as far as
/// `work_limit` work units reach; the first try is always finished.
pub(crate) fn assign(problem: &Problem, open: &[usize], below: i64, work_limit: u64) -> Leaf {
    let free = assign_apart(problem, open, below, work_limit);
    if free.cost >= below || keeps(problem, &free.assignment) {
        return free;
    }
    let sharing = open.iter().copied().filter(|f| problem.is_shared(*f));
    let mut splits = Splits {
        sharing: sharing.collect(),
        left: problem.rooms.iter().map(|room| room.seconds).collect(),
        apart: problem.clone(),
        open,
        below,
        work_limit,
        tried: false,
        best: Leaf {
            assignment: Vec::new(),
            cost: i64::MAX,
            exact: free.exact,
            work: free.work + steps(problem.facilities.len(), problem.lines),
        },
    };
    splits.apart.rooms.clear();
    splits.split(problem, 0);
    splits.best
}

struct Splits<'a> {
    sharing: Vec<usize>,
    /// Seconds left by room.
    left: Vec<i64>,
    /// The problem without rooms, each sharing facility with a room of its own.
    apart: Problem,
    open: &'a [usize],
    below: i64,
    work_limit: u64,
    tried: bool,
    best: Leaf,
}

impl Splits<'_> {
    /// Gives the facility at a position, and those after it, each number of lines; the last one
    /// gets what is left.
    fn split(&mut self, problem: &Problem, position: usize) {
        let Some(facility) = self.sharing.get(position).copied() else {
            return self.price();
        };
        let shares: Vec<i64> = problem.rooms.iter().map(|r| r.share(facility)).collect();
        let rooms = self.left.iter().zip(&shares);
        let fit = rooms.filter(|(_, share)| **share > 0);
        let fit = fit.map(|(left, share)| left / share);
        let most = fit.fold(most(problem, facility), i64::min);
        let is_last = position + 1 == self.sharing.len();
        let least = if is_last { most } else { 0 };
        for lines in (least..=most).rev() {
            if self.is_spent() {
                return;
            }
            let place = &mut self.apart.facilities[facility];
            place.capacity = u32::try_from(lines).unwrap_or(u32::MAX);
            let take = |(left, share): (&mut i64, &i64)| *left -= share * lines;
            self.left.iter_mut().zip(&shares).for_each(take);
            self.split(problem, position + 1);
            let give = |(left, share): (&mut i64, &i64)| *left += share * lines;
            self.left.iter_mut().zip(&shares).for_each(give);
        }
    }

    /// Whether the work limit is used up; then what was not tried is open.
    fn is_spent(&mut self) -> bool {
        let spent = self.best.work >= self.work_limit && self.tried;
        self.best.exact &= !spent;
        spent
    }

    fn price(&mut self) {
        let below = self.below.min(self.best.cost);
        let limit = self.work_limit.saturating_sub(self.best.work);
        let leaf = assign_apart(&self.apart, self.open, below, limit);
        self.tried = true;
        self.best.work += leaf.work;
        self.best.exact &= leaf.exact;
        if leaf.cost < below {
            self.best.cost = leaf.cost;
            self.best.assignment = leaf.assignment;
        }
    }
}
