//! A second, simple solver and a generator of cases. Shares no code with the search.

use bopis_sourcing::{Facility, LatePrice, OpportunityTiers, Problem, Room, Store, Twins, CANNOT};

/// A small case with everything visible.
#[derive(Clone, Debug)]
pub struct Case {
    pub facilities: Vec<Facility>,
    pub costs: Vec<i64>,
    pub unfilled: Vec<i64>,
    pub extra_group: i64,
    pub late_broken: i64,
    pub late_hour: i64,
    pub all_or_nothing: bool,
    pub twins: Vec<Twins>,
    pub rooms: Vec<Room>,
    pub visits: Vec<(Store, i64)>,
}

impl Case {
    pub fn problem(&self) -> Problem {
        Problem::new(
            self.facilities.clone(),
            self.costs.clone(),
            self.unfilled.clone(),
            self.extra_group,
            LatePrice {
                broken: self.late_broken,
                hour: self.late_hour,
            },
            self.all_or_nothing,
            self.twins.clone(),
        )
        .unwrap()
        .with_rooms(self.rooms.clone())
        .unwrap()
        .with_visits(self.visits.clone())
        .unwrap()
    }

    /// Cost of the lines of `mask` at a facility, none if it cannot do them together.
    fn subset_cost(&self, facility: usize, mask: u32) -> Option<i64> {
        let lines = self.unfilled.len();
        if mask.count_ones() > self.facilities[facility].capacity {
            return None;
        }
        let mut cost = self.facilities[facility].fixed;
        for line in (0..lines).filter(|l| mask >> l & 1 == 1) {
            let c = self.costs[facility * lines + line];
            if c == CANNOT {
                return None;
            }
            cost += c;
        }
        for twins in &self.twins {
            let taken: Vec<i64> = twins
                .lines
                .iter()
                .zip(&twins.quantities)
                .filter(|(l, _)| mask >> **l & 1 == 1)
                .map(|(_, q)| *q)
                .collect();
            let units: i64 = taken.iter().sum();
            let available = twins.available[facility];
            if units > available {
                return None;
            }
            cost += worth(twins.tiers, available, units);
            cost -= taken
                .iter()
                .map(|q| worth(twins.tiers, available, *q))
                .sum::<i64>();
        }
        Some(cost)
    }

    fn visit_cost(&self, store: Store) -> i64 {
        let there = self.visits.iter().filter(|(one, _)| *one == store);
        there.map(|(_, cost)| cost).sum()
    }

    /// What so many lines at a facility add to what each room has given; none: more than it has.
    fn seconds(&self, used: &[i64], facility: usize, lines: u32) -> Option<Vec<i64>> {
        let rooms = self.rooms.iter().zip(used).map(|(room, used)| {
            let takes = room.takes.iter().filter(|(f, _)| *f == facility);
            let after = used + takes.map(|(_, s)| s * i64::from(lines)).sum::<i64>();
            (after <= room.seconds).then_some(after)
        });
        rooms.collect()
    }

    /// Where all may be collected; none: nothing is.
    fn stores(&self) -> Vec<Option<Store>> {
        let mut stores: Vec<Option<Store>> = self.facilities.iter().map(|f| f.store).collect();
        stores.push(None);
        stores.sort_unstable();
        stores.dedup();
        stores
    }

    /// What the rooms may have given.
    fn states(&self) -> Vec<Vec<i64>> {
        let mut states = vec![Vec::new()];
        for room in &self.rooms {
            let longer = |state: Vec<i64>| {
                (0..=room.seconds).map(move |used| [state.clone(), vec![used]].concat())
            };
            states = states.into_iter().flat_map(longer).collect();
        }
        states
    }

    /// By state of the rooms and lines at a facility: the state after; none: more than there is.
    fn after(&self, states: &[Vec<i64>], facility: usize) -> Vec<Vec<Option<usize>>> {
        let lines = 0..=self.unfilled.len() as u32;
        let of_state = |used: &Vec<i64>| {
            let after = |lines| {
                let after = self.seconds(used, facility, lines)?;
                states.iter().position(|state| *state == after)
            };
            lines.clone().map(after).collect()
        };
        states.iter().map(of_state).collect()
    }

    /// Dynamic program over line subsets, node by node: 3^L per node, lateness level, store where
    /// all is collected, and seconds used of the rooms. No bound, no dominance.
    pub fn optimum(&self) -> i64 {
        let lines = self.unfilled.len();
        let full = (1_u32 << lines) - 1;
        let mut nodes: Vec<u32> = self.facilities.iter().map(|f| f.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let mut levels: Vec<u32> = self.facilities.iter().map(|f| f.late).collect();
        levels.sort_unstable();
        levels.dedup();
        let stores = self.stores();
        let states = self.states();
        let after: Vec<_> = (0..self.facilities.len())
            .map(|f| self.after(&states, f))
            .collect();
        let subsets: Vec<Vec<Option<i64>>> = (0..self.facilities.len())
            .map(|f| (0..=full).map(|mask| self.subset_cost(f, mask)).collect())
            .collect();
        let far = i64::MAX / 4;
        let mut best: i64 = self.unfilled.iter().sum();
        for (level, store) in levels
            .iter()
            .flat_map(|l| stores.iter().map(move |s| (l, s)))
        {
            // table[lines served][state of the rooms] = least cost of groups, each with an extra
            // charge.
            let mut table = vec![vec![far; states.len()]; full as usize + 1];
            table[0][0] = store.map_or(0, |store| self.visit_cost(store));
            for node in &nodes {
                let mut next = table.clone();
                for (f, facility) in self.facilities.iter().enumerate() {
                    let elsewhere = facility.store.is_some() && facility.store != *store;
                    if facility.node != *node || facility.late > *level || elsewhere {
                        continue;
                    }
                    for (mask, row) in table.iter().enumerate() {
                        let free = full ^ mask as u32;
                        let mut sub = free;
                        while sub > 0 {
                            let there = (mask as u32 | sub) as usize;
                            let lines = sub.count_ones() as usize;
                            if let Some(cost) = subsets[f][sub as usize] {
                                for (state, before) in row.iter().enumerate() {
                                    if let Some(to) = after[f][state][lines] {
                                        let total = before + cost + self.extra_group;
                                        next[there][to] = next[there][to].min(total);
                                    }
                                }
                            }
                            sub = (sub - 1) & free;
                        }
                    }
                }
                table = next;
            }
            for (mask, row) in table.iter().enumerate().skip(1) {
                if self.all_or_nothing && mask as u32 != full {
                    continue;
                }
                let left: i64 = (0..lines)
                    .filter(|l| mask >> l & 1 == 0)
                    .map(|l| self.unfilled[l])
                    .sum();
                let groups = row.iter().min().unwrap() - self.extra_group;
                best = best.min(groups + left + self.late_cost(*level));
            }
        }
        best
    }

    /// Prices an assignment from the case alone, none if it breaks a rule.
    pub fn price(&self, assignment: &[Option<usize>]) -> Option<i64> {
        let mut cost = 0;
        let mut used = vec![0; self.rooms.len()];
        let mut groups: Vec<usize> = assignment.iter().flatten().copied().collect();
        groups.sort_unstable();
        groups.dedup();
        let nodes: std::collections::BTreeSet<u32> =
            groups.iter().map(|f| self.facilities[*f].node).collect();
        let stores: std::collections::BTreeSet<Store> = groups
            .iter()
            .filter_map(|f| self.facilities[*f].store)
            .collect();
        let unfilled = assignment.iter().filter(|c| c.is_none()).count();
        let partial = unfilled > 0 && unfilled < assignment.len();
        if nodes.len() < groups.len() || stores.len() > 1 || (self.all_or_nothing && partial) {
            return None;
        }
        for f in &groups {
            let mask = (0..assignment.len())
                .filter(|l| assignment[*l] == Some(*f))
                .fold(0, |mask, l| mask | 1_u32 << l);
            cost += self.subset_cost(*f, mask)?;
            used = self.seconds(&used, *f, mask.count_ones())?;
        }
        for (line, choice) in assignment.iter().enumerate() {
            if choice.is_none() {
                cost += self.unfilled[line];
            }
        }
        cost += stores
            .iter()
            .map(|store| self.visit_cost(*store))
            .sum::<i64>();
        cost += self.extra_group * (groups.len() as i64 - 1).max(0);
        let late = groups
            .iter()
            .map(|f| self.facilities[*f].late)
            .max()
            .unwrap_or(0);
        Some(cost + self.late_cost(late))
    }

    fn late_cost(&self, hours: u32) -> i64 {
        if hours > 0 {
            self.late_broken + self.late_hour * i64::from(hours)
        } else {
            0
        }
    }

    /// Every assignment there is.
    pub fn brute_force(&self) -> i64 {
        let lines = self.unfilled.len();
        let choices = self.facilities.len() + 1;
        let mut best = i64::MAX;
        for code in 0..choices.pow(lines as u32) {
            let mut rest = code;
            let assignment: Vec<Option<usize>> = (0..lines)
                .map(|_| {
                    let choice = rest % choices;
                    rest /= choices;
                    choice.checked_sub(1)
                })
                .collect();
            best = self.price(&assignment).map_or(best, |cost| best.min(cost));
        }
        best
    }
}

/// The charge for the last units, unit by unit.
fn worth(tiers: OpportunityTiers, available: i64, units: i64) -> i64 {
    (0..units)
        .map(|taken| match available - taken {
            1 => tiers.last,
            2 | 3 => tiers.next_two,
            _ => 0,
        })
        .sum()
}

/// A small deterministic generator (SplitMix64), so that a failure's seed replays it.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }

    pub fn amount(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }
}

/// A random case: ties, tight capacities, several patterns a node, pickups, lateness, twins.
pub fn random_case(seed: u64, lines: usize, nodes: u32) -> Case {
    let mut dice = Dice(seed);
    let scale = [10, 100, 10_000][dice.below(3) as usize];
    let tight = dice.below(3) == 0;
    let lateness = dice.below(2) == 0;
    let mut facilities = Vec::new();
    for node in 0..nodes {
        for _ in 0..=dice.below(2) {
            facilities.push(Facility {
                node,
                store: (dice.below(3) == 0).then_some(Store::at(node)),
                fixed: dice.amount(0, 2 * scale),
                capacity: if tight {
                    dice.amount(0, 3) as u32
                } else {
                    lines as u32
                },
                late: if lateness { dice.below(4) as u32 } else { 0 },
            });
        }
    }
    let mut twins = Vec::new();
    if lines >= 3 && dice.below(3) == 0 {
        let size = 2 + usize::from(lines >= 4 && dice.below(2) == 0);
        let quantities: Vec<i64> = (0..size).map(|_| dice.amount(1, 3)).collect();
        let available = facilities.iter().map(|_| dice.amount(0, 7)).collect();
        let last = dice.amount(0, scale);
        let tiers = OpportunityTiers {
            last,
            next_two: dice.amount(0, last),
        };
        twins.push(Twins {
            lines: (0..size).collect(),
            quantities,
            available,
            tiers,
        });
    }
    let mut costs = Vec::new();
    for f in 0..facilities.len() {
        for line in 0..lines {
            let lacks = twins.iter().any(|t: &Twins| {
                t.lines
                    .iter()
                    .zip(&t.quantities)
                    .any(|(l, q)| *l == line && *q > t.available[f])
            });
            let cannot = lacks || dice.below(4) == 0;
            costs.push(if cannot {
                CANNOT
            } else {
                dice.amount(0, scale)
            });
        }
    }
    Case {
        facilities,
        costs,
        unfilled: (0..lines).map(|_| dice.amount(0, 4 * scale)).collect(),
        extra_group: dice.amount(0, scale / 2),
        late_hour: dice.amount(0, scale / 2),
        late_broken: dice.amount(0, 2 * scale),
        all_or_nothing: dice.below(4) == 0,
        twins,
        rooms: Vec::new(),
        visits: Vec::new(),
    }
}

/// The same with transfers: most of the other facilities send to one of the nodes, or to
/// one that has no facility of its own. `rooms`: they share hours there.
pub fn transfer_case(seed: u64, lines: usize, nodes: u32, rooms: bool) -> Case {
    let mut case = random_case(seed, lines, nodes);
    let mut dice = Dice(seed ^ 0x7F4A_7C15);
    let cheap = dice.below(2) == 0;
    case.extra_group /= if cheap { 4 } else { 1 };
    let popular = dice.below(u64::from(nodes) + 1) as u32;
    for facility in &mut case.facilities {
        facility.fixed /= if cheap { 4 } else { 1 };
        if facility.store.is_none() && dice.below(3) > 0 {
            let any = dice.below(u64::from(nodes) + 1) as u32;
            let store = [popular, any][dice.below(2) as usize];
            facility.store = (store != facility.node).then_some(Store::at(store));
        }
    }
    if dice.below(2) == 0 {
        let visit = |store| (Store::at(store), dice.amount(0, 200));
        case.visits = (0..=nodes).map(visit).collect();
    }
    for _ in 0..if rooms { 1 + dice.below(2) } else { 0 } {
        let store = Some(Store::at(popular));
        let users = (0..case.facilities.len()).filter(|f| case.facilities[*f].store == store);
        let users: Vec<usize> = users.collect();
        let takes = users
            .into_iter()
            .filter(|_| dice.below(4) > 0)
            .collect::<Vec<_>>();
        case.rooms.push(Room {
            seconds: dice.amount(0, 2 * lines as i64),
            takes: takes.into_iter().map(|f| (f, dice.amount(1, 4))).collect(),
        });
    }
    case
}
