//! A level of lateness: what may be open is ready by then.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::steps;
use crate::frame::Candidate;
use crate::pairs::Pairs;
use crate::problem::{Problem, Room, Twins, CANNOT};
use crate::search::{Memory, Search};

/// No plan of a level costs less, if no store picks what is collected there; if one does, less the
/// toll.
struct LevelBound {
    without_pickup: i64,
    toll: i64,
}

impl Search<'_> {
    /// Searches every plan of two or more groups whose latest is at this level.
    pub(crate) fn search_level(&mut self, level: u32) {
        let mut offered = std::mem::take(&mut self.memory.offered);
        self.offer(&mut offered, level);
        let bound = self.bound_level(&offered, level);
        let least = bound.without_pickup - bound.toll;
        if self.is_spent() {
            self.frontier = self.frontier.min(least);
        } else if self.drop_by_slack(&mut offered, level, bound.without_pickup) {
            self.choose(&offered, level, &bound);
        }
        self.memory.offered = offered;
    }

    /// Bounds the plans of a level. The slacks are those of `offered`, less the toll at pickup
    /// stores.
    ///
    /// Only one store picks what is collected there, but the dual ascent knows nothing of that and
    /// would pay the little that each of them costs. So it pays a toll at each, which the one plan
    /// that has such a store gets back (a Lagrange multiplier of that rule).
    fn bound_level(&mut self, offered: &[usize], level: u32) -> LevelBound {
        let problem = self.problem;
        let least_fixed = |pickup: bool| {
            let places = offered.iter().map(|f| &problem.facilities[*f]);
            let places = places.filter(|place| place.is_pickup() == pickup);
            places.map(|place| place.fixed).min()
        };
        let toll = match (least_fixed(true), least_fixed(false)) {
            (Some(pickup), Some(ship)) => (ship - pickup).max(0) / 2,
            _ => 0,
        };
        let mut frame = self.frame(0);
        frame.clear(problem, level);
        let ascent = &mut self.memory.ascent;
        let enough = self.best_cost - frame.base + toll;
        let open = offered.iter().copied();
        let lines = ascent.bound(problem, open, &frame.relaxed, &[], enough, toll);
        self.work += std::mem::take(&mut ascent.work);
        for (facility, slack) in offered.iter().zip(&mut ascent.slack) {
            if problem.facilities[*facility].is_pickup() {
                *slack -= toll;
            }
        }
        let without_pickup = frame.base + lines;
        self.memory.frames[0] = frame;
        LevelBound {
            without_pickup,
            toll,
        }
    }

    /// Finds the levels of lateness at which a plan can be the best, and drops what is later.
    /// What is as late as a level could be done earlier at the same node for a little more a line;
    /// where all of that costs no more than the lateness, no plan of the level is the best.
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

    /// Chooses the first of what is collected, or nothing, and searches what is shipped beside it,
    /// or collected with it and not a first choice before. What is picked where it is collected comes
    /// first: no further one is open then, and the toll is paid back once.
    fn choose(&mut self, offered: &[usize], level: u32, bound: &LevelBound) {
        let problem = self.problem;
        let candidate = |(facility, slack): (&usize, &i64)| Candidate {
            facility: *facility,
            slack: *slack,
            gain: 0,
        };
        let place = |one: &Candidate| &problem.facilities[one.facility];
        let is_shipped = |one: &Candidate| place(one).store.is_none();
        let Memory {
            ascent,
            ships,
            collected,
            dual,
            ..
        } = &mut *self.memory;
        let slacks = offered.iter().zip(&ascent.slack);
        ships.clear();
        ships.extend(slacks.clone().map(candidate).filter(is_shipped));
        collected.clear();
        collected.extend(slacks.map(candidate).filter(|one| !is_shipped(one)));
        if !collected.iter().all(|one| place(one).is_pickup()) {
            collected.sort_by_key(|one| !place(one).is_pickup());
        }
        dual.clone_from(&ascent.dual);
        for position in 0..=self.memory.collected.len() {
            if self.is_spent() {
                self.frontier = self.frontier.min(bound.without_pickup - bound.toll);
                return;
            }
            let choice = position
                .checked_sub(1)
                .and_then(|index| self.memory.collected.get(index))
                .copied();
            let mut frame = self.frame(0);
            frame.clear(problem, level);
            frame.bound = bound.without_pickup;
            frame.dual.clone_from(&self.memory.dual);
            if let Some(first) = choice {
                let visit = problem.visit(place(&first));
                frame.bound += first.slack + visit;
                frame.base += visit;
                frame.take(problem, first.facility);
            }
            let opened = choice.map(|first| first.facility);
            frame.offer(problem, &self.memory.ships, opened);
            if let Some(first) = opened {
                let first = &problem.facilities[first];
                let with = |one: &&Candidate| {
                    place(one).store == first.store && place(one).node != first.node
                };
                let further = self.memory.collected.iter().skip(position).filter(with);
                frame.open.extend(further);
            }
            self.explore(&mut frame, 0);
            self.memory.frames[0] = frame;
        }
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
    let no_more = |room: &Room| room.share(facility) <= room.share(other);
    by.node == place.node
        && by.store == place.store
        && by.fixed <= place.fixed
        && by.capacity >= place.capacity.min(lines)
        && problem.twins.iter().all(same_units)
        && problem.rooms.iter().all(no_more)
}
