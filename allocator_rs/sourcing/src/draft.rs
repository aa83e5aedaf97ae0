//! A problem that is written in place, again and again, without asking for memory.

use crate::problem::{
    Facility, LatePrice, Problem, ProblemError, Room, Store, Twins, CANNOT, COST_MAX,
};

/// An order being written; [`Draft::check`] lends it as a [`Problem`]. Once it has held the largest
/// order, further orders (those without twins) ask for no memory.
#[derive(Clone, Debug)]
pub struct Draft(Problem);

impl Default for Draft {
    fn default() -> Self {
        Self(Problem {
            lines: 0,
            facilities: Vec::new(),
            costs: Vec::new(),
            unfilled: Vec::new(),
            extra_group: 0,
            late: LatePrice::default(),
            all_or_nothing: false,
            twins: Vec::new(),
            is_twin: Vec::new(),
            rooms: Vec::new(),
            visits: Vec::new(),
        })
    }
}

impl Draft {
    /// Begins a new order: no facility, no twins, every charge 0.
    pub fn clear(&mut self, lines: usize) {
        let problem = &mut self.0;
        problem.lines = lines;
        problem.facilities.clear();
        problem.costs.clear();
        problem.unfilled.clear();
        problem.unfilled.resize(lines, 0);
        problem.twins.clear();
        problem.rooms.clear();
        problem.visits.clear();
        self.set_charges(0, LatePrice::default(), false);
    }

    /// What each group beyond the first and being late cost, and whether a plan serves all lines
    /// or none.
    pub fn set_charges(&mut self, extra_group: i64, late: LatePrice, all_or_nothing: bool) {
        self.0.extra_group = extra_group;
        self.0.late = late;
        self.0.all_or_nothing = all_or_nothing;
    }

    /// What leaving each line costs, to be written; 0 until then.
    pub fn unfilled(&mut self) -> &mut [i64] {
        &mut self.0.unfilled
    }

    /// Adds a facility and gives its row of line costs, to be written; [`CANNOT`] until then.
    pub fn add(&mut self, facility: Facility) -> &mut [i64] {
        let problem = &mut self.0;
        let start = problem.costs.len();
        problem.facilities.push(facility);
        problem.costs.resize(start + problem.lines, CANNOT);
        problem.costs.get_mut(start..).unwrap_or_default()
    }

    /// Adds seconds that facilities share; none is below 0, each facility is there and named once.
    pub fn add_room(&mut self, room: Room) {
        self.0.rooms.push(room);
    }

    /// Adds what collecting at a store costs, at least 0 and at most [`COST_MAX`].
    pub fn add_visit(&mut self, store: Store, cost: i64) {
        self.0.visits.push((store, cost.clamp(0, COST_MAX)));
    }

    /// Adds lines of one SKU, once all facilities are there.
    pub fn add_twins(&mut self, twins: Twins) {
        self.0.twins.push(twins);
    }

    /// The order as it now is, if it is one.
    ///
    /// # Errors
    /// [`ProblemError`] where a range or the twins are broken.
    pub fn check(&mut self) -> Result<&Problem, ProblemError> {
        self.0.check()?;
        Ok(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::{solve, Kernel, WORK_LIMIT};
    use crate::solution::Solution;

    const LATE: LatePrice = LatePrice { broken: 7, hour: 3 };

    fn facility(node: u32, late: u32) -> Facility {
        Facility {
            node,
            store: None,
            fixed: 10,
            capacity: 9,
            late,
        }
    }

    fn write(draft: &mut Draft, lines: usize) {
        draft.clear(lines);
        draft.set_charges(2, LATE, true);
        draft.unfilled().fill(100);
        for node in 0..3 {
            let row = draft.add(facility(node, node));
            for (line, cost) in row.iter_mut().enumerate().skip(1) {
                *cost = 5 * i64::from(node) + i64::try_from(line).unwrap();
            }
        }
        draft.add(facility(7, 1)).fill(4);
    }

    #[test]
    fn a_draft_written_again_equals_a_problem_made_anew() {
        let mut draft = Draft::default();
        let (mut kernel, mut found) = (Kernel::default(), Solution::default());
        for lines in [5, 1, 9, 2] {
            write(&mut draft, lines);
            let problem = draft.check().unwrap().clone();
            let anew = Problem::new(
                problem.facilities.clone(),
                problem.costs.clone(),
                vec![100; lines],
                2,
                LATE,
                true,
                Vec::new(),
            );
            assert_eq!(problem, anew.unwrap());
            assert_eq!(problem.row(0).first(), Some(&CANNOT), "never written");
            kernel.solve_into(&problem, WORK_LIMIT, &mut found);
            assert_eq!(found, solve(&problem, WORK_LIMIT), "{lines} lines");
        }
    }

    #[test]
    fn a_draft_out_of_range_is_refused_and_can_be_mended() {
        let mut draft = Draft::default();
        assert_eq!(draft.check(), Err(ProblemError::Lines), "nothing written");
        write(&mut draft, 3);
        draft.unfilled().fill(-1);
        assert_eq!(draft.check(), Err(ProblemError::Cost));
        write(&mut draft, 3);
        draft.add(facility(8, 0)).fill(CANNOT - 1);
        assert_eq!(draft.check(), Err(ProblemError::Cost));
        write(&mut draft, 3);
        assert!(draft.check().is_ok());
    }
}
