//! A level of lateness: what may be open is ready by then.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::steps;
use crate::pairs::Pairs;
use crate::problem::Problem;
use crate::search::Search;

impl Search<'_> {
    /// Searches every plan of two or more groups whose latest is at this level.
    pub(crate) fn search_level(&mut self, level: u32) {
        let problem = self.problem;
        let mut offered = std::mem::take(&mut self.memory.offered);
        self.offer(&mut offered, level);
        let mut frame = self.frame(0);
        frame.clear(problem, problem.late.of(level));
        let ascent = &mut self.memory.ascent;
        let bound = frame.base + ascent.bound(problem, &offered, &frame.relaxed);
        self.work += std::mem::take(&mut ascent.work);
        frame.bound = bound;
        self.memory.frames[0] = frame;
        if self.is_spent() {
            self.frontier = self.frontier.min(bound);
        } else if self.drop_by_slack(&mut offered, level, bound) {
            self.swap(&offered);
            if self.drop_by_slack(&mut offered, level, bound) {
                self.choose(&offered, level, bound);
            }
        }
        self.memory.offered = offered;
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
        let mut pairs = Pairs::default();
        let mut latest = i64::MAX;
        for (position, (facility, slack)) in offered.iter().zip(slack.iter()).enumerate() {
            let place = &problem.facilities[*facility];
            pairs.see(position, place, *slack);
            if place.late == level {
                latest = latest.min(*slack);
            }
        }
        let below = self.best_cost - bound;
        if latest >= below {
            return false;
        }
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
        for choice in [None].into_iter().chain(pickups.map(Some)) {
            if self.is_spent() {
                self.frontier = self.frontier.min(bound);
                break;
            }
            let mut frame = self.frame(0);
            frame.clear(problem, problem.late.of(level));
            frame.bound = bound;
            if let Some(pickup) = choice {
                frame.take(problem, pickup);
            }
            frame.offer(problem, &ships, choice);
            self.explore(&mut frame, 0);
            self.memory.frames[0] = frame;
        }
        self.memory.ships = ships;
    }
}

/// Whether a facility can take another's place in any plan of a level that has both, at no more.
fn replaces(problem: &Problem, facility: usize, other: usize) -> bool {
    let (by, place) = (&problem.facilities[facility], &problem.facilities[other]);
    let room = place
        .capacity
        .min(u32::try_from(problem.lines).unwrap_or(u32::MAX));
    let same_units =
        |twins: &crate::problem::Twins| twins.available[facility] == twins.available[other];
    by.node == place.node
        && by.pickup == place.pickup
        && by.fixed <= place.fixed
        && by.capacity >= room
        && problem
            .row(facility)
            .iter()
            .zip(problem.row(other))
            .all(|(a, b)| a <= b)
        && problem.twins.iter().all(same_units)
}
