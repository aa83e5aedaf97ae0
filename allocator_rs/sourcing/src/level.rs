//! A level of lateness: what may be open is ready by then.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::steps;
use crate::pairs::Pairs;
use crate::problem::{Problem, Twins, CANNOT};
use crate::search::Search;

const TOLL: i64 = 4;

impl Search<'_> {
    /// Searches every plan of two or more groups whose latest is at this level.
    pub(crate) fn search_level(&mut self, level: u32) {
        let problem = self.problem;
        let mut offered = std::mem::take(&mut self.memory.offered);
        let w = self.work;
        self.offer(&mut offered, level);
        crate::dbg(2, (self.work - w) as usize);
        let mut frame = self.frame(0);
        frame.clear(problem, level);
        let ascent = &mut self.memory.ascent;
        let opening = |pickup: bool| {
            let places = offered.iter().map(|f| &problem.facilities[*f]);
            places
                .filter(move |p| p.pickup == pickup)
                .map(|p| p.fixed)
                .min()
        };
        let toll = match (opening(true), opening(false)) {
            (Some(pickup), Some(ship)) => (ship - pickup).max(0) * TOLL / 8,
            _ => 0,
        };
        let enough = self.best_cost - frame.base + toll;
        let lines = ascent.bound(problem, &offered, &frame.relaxed, &[], enough, toll);
        for (facility, slack) in offered.iter().zip(&mut ascent.slack) {
            if problem.facilities[*facility].pickup {
                *slack -= toll;
            }
        }
        let bound = frame.base + lines;
        crate::dbg(3, ascent.work as usize);
        self.work += std::mem::take(&mut ascent.work);
        crate::dbg(12, offered.len());
        frame.bound = bound - toll;
        self.memory.frames[0] = frame;
        if self.is_spent() {
            self.frontier = self.frontier.min(bound - toll);
        } else if self.drop_by_slack(&mut offered, level, bound) {
            crate::dbg(13, offered.len());
            let w = self.work;
            if !std::mem::replace(&mut self.swapped, true) {
                self.swap(&offered);
            }
            crate::dbg(4, (self.work - w) as usize);
            if self.drop_by_slack(&mut offered, level, bound) {
                crate::dbg(10, 1);
                crate::dbg(14, offered.len());
                self.choose(&offered, level, bound - toll);
            }
        }
        self.memory.offered = offered;
    }

    /// Finds the levels of lateness at which a plan can be the best, and drops the facilities
    /// that are later. What is as late as a level could be done earlier at the same node for a little more a
    /// line; where that is less than a level less of lateness costs, no plan of the level is the best.
    pub(crate) fn find_levels(&mut self) {
        let problem = self.problem;
        let mut levels = std::mem::take(&mut self.memory.levels);
        levels.clear();
        let late = |f: &usize| problem.facilities[*f].late;
        for facility in &self.memory.usable {
            if !levels.contains(&late(facility)) {
                levels.push(late(facility));
            }
        }
        levels.sort_unstable();
        for position in (1..levels.len()).rev() {
            let (level, earlier) = (levels[position], levels[position - 1]);
            let saved = problem.late.of(level) - problem.late.of(earlier);
            if self.more_if_earlier(level, saved) <= saved {
                levels.remove(position);
                if position == levels.len() {
                    self.memory.usable.retain(|f| late(f) < level);
                }
            }
        }
        self.memory.levels = levels;
    }

    /// What it costs more, at most, to do everything as late as `level` earlier at the same node;
    /// not looked at further once it is more than `enough`.
    fn more_if_earlier(&mut self, level: u32, enough: i64) -> i64 {
        let problem = self.problem;
        let more = &mut self.memory.more;
        more.clear();
        more.resize(problem.lines, 0);
        let usable = &self.memory.usable;
        for (position, facility) in usable.iter().enumerate() {
            let place = &problem.facilities[*facility];
            if place.late != level {
                continue;
            }
            // Facilities of a node lie side by side.
            let is_near = |other: &&usize| problem.facilities[**other].node == place.node;
            let before = usable[..position].iter().rev().take_while(is_near);
            let after = usable[position + 1..].iter().take_while(is_near);
            let is_earlier = |other: &&usize| problem.facilities[**other].late < level;
            let instead = |other: &usize| more_at(problem, *other, *facility).map(|m| (m, *other));
            self.work += steps(2, problem.lines);
            let Some((_, other)) = before
                .chain(after)
                .filter(is_earlier)
                .filter_map(instead)
                .min()
            else {
                return i64::MAX;
            };
            let rows = problem.row(other).iter().zip(problem.row(*facility));
            let mut total = 0;
            for (most, (earlier, late)) in more.iter_mut().zip(rows) {
                *most = (*most).max(earlier - late);
                total += *most;
            }
            if total > enough {
                return total;
            }
        }
        more.iter().sum()
    }

    /// The facilities of a level without those that another of the same node replaces.
    fn offer(&mut self, offered: &mut Vec<usize>, level: u32) {
        let problem = self.problem;
        offered.clear();
        for facility in &self.memory.usable {
            let place = &problem.facilities[*facility];
            if place.late > level {
                continue;
            }
            // Facilities of a node lie side by side.
            let same_node = |other: &&usize| problem.facilities[**other].node == place.node;
            let count = offered.iter().rev().take_while(same_node).count();
            let side_by_side = offered.len() - count..offered.len();
            self.work += steps(count, problem.lines);
            if side_by_side
                .clone()
                .any(|other| replaces(problem, offered[other], *facility))
            {
                continue;
            }
            let mut kept = side_by_side.start;
            for other in side_by_side {
                if !replaces(problem, *facility, offered[other]) {
                    offered[kept] = offered[other];
                    kept += 1;
                }
            }
            offered.truncate(kept);
            offered.push(*facility);
        }
    }

    /// Drops what the slacks of the level's bound rule out; false if that is every plan.
    fn drop_by_slack(&mut self, offered: &mut Vec<usize>, level: u32, bound: i64) -> bool {
        let problem = self.problem;
        let slack = &mut self.memory.ascent.slack;
        let mut pairs = Pairs::new(Some(level));
        for (position, (facility, slack)) in offered.iter().zip(slack.iter()).enumerate() {
            let place = &problem.facilities[*facility];
            pairs.see(position, place, *slack);
        }
        let below = self.best_cost - bound;
        let mut kept = 0;
        for position in 0..offered.len() {
            let place = &problem.facilities[offered[position]];
            if pairs.least(position, place, slack[position]) < below {
                offered[kept] = offered[position];
                slack[kept] = slack[position];
                kept += 1;
            }
        }
        offered.truncate(kept);
        slack.truncate(kept);
        kept > 1
    }

    /// Chooses the pickup store, or none, and searches what is shipped beside it.
    fn choose(&mut self, offered: &[usize], level: u32, bound: i64) {
        let problem = self.problem;
        let is_pickup = |facility: &usize| problem.facilities[*facility].pickup;
        let mut ships = std::mem::take(&mut self.memory.ships);
        ships.clear();
        ships.extend(offered.iter().copied().filter(|f| !is_pickup(f)));
        let pickups = offered.iter().copied().filter(is_pickup);
        let mut dual = std::mem::take(&mut self.memory.dual);
        dual.clone_from(&self.memory.ascent.dual);
        for choice in [None].into_iter().chain(pickups.map(Some)) {
            if self.is_spent() {
                self.frontier = self.frontier.min(bound);
                break;
            }
            let mut frame = self.frame(0);
            frame.clear(problem, level);
            frame.bound = bound;
            frame.dual.clone_from(&dual);
            if let Some(pickup) = choice {
                frame.take(problem, pickup);
            }
            frame.offer(problem, &ships, choice);
            self.explore(&mut frame, 0);
            self.memory.frames[0] = frame;
        }
        self.memory.dual = dual;
        self.memory.ships = ships;
    }
}

/// Whether a facility can take another's place in any plan of a level that has both, at no more.
fn replaces(problem: &Problem, facility: usize, other: usize) -> bool {
    stands_in(problem, facility, other)
        && problem
            .row(facility)
            .iter()
            .zip(problem.row(other))
            .all(|(a, b)| a <= b)
}

/// What all lines cost more at a facility than at another in whose place it is opened.
fn more_at(problem: &Problem, facility: usize, other: usize) -> Option<i64> {
    if !stands_in(problem, facility, other) {
        return None;
    }
    let rows = problem.row(facility).iter().zip(problem.row(other));
    let more = rows.map(|(a, b)| (a - b).max(0)).sum();
    (more < CANNOT / 2).then_some(more)
}

/// Whether a facility can be opened in another's place, for no more and with as much room.
fn stands_in(problem: &Problem, facility: usize, other: usize) -> bool {
    let (by, place) = (&problem.facilities[facility], &problem.facilities[other]);
    let lines = u32::try_from(problem.lines).unwrap_or(u32::MAX);
    let same_units = |twins: &Twins| twins.available[facility] == twins.available[other];
    by.node == place.node
        && by.pickup == place.pickup
        && by.fixed <= place.fixed
        && by.capacity >= place.capacity.min(lines)
        && problem.twins.iter().all(same_units)
}
