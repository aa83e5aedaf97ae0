//! Many orders allocated at once: the steps of the batch optimizer, which calls them in its order.

mod chosen;
mod dto;
mod state;

use std::sync::Arc;

use bopis_allocation::{
    bound, with_each, AscentOptions, Assignment, Choice, RelinkOptions, SearchOptions, Surcharge,
};
use bopis_promise::BatchOrders;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use self::dto::{AscentDto, ChosenDto, ColumnsDto, OrdersDto, RelinkDto, SearchDto, TableDto};
pub use self::state::PyAllocation;
use self::state::{no_step, Found, Orders};
use crate::asker::Asker;
use crate::errors::BindingError;

/// Work units of the kernel for one order.
const WORK_LIMIT: u64 = 10_000_000;
/// The same where a good plan is as welcome as the best: in the search.
const SEARCH_WORK_LIMIT: u64 = 20_000;

#[pymethods]
impl PyAllocation {
    /// Takes over a batch.
    #[staticmethod]
    fn of_orders(py: Python<'_>, payload: &[u8]) -> Result<Self, BindingError> {
        py.detach(|| {
            let dto: OrdersDto = rmp_serde::from_slice(payload)?;
            let in_force = dto.in_force.into_iter().map(|plan| plan.map(Into::into));
            let orders = BatchOrders::new(dto.batch.into(), in_force.collect(), dto.charges);
            Ok(Self::of(Orders::Batch(Box::new(orders)), dto.threads))
        })
    }

    /// Takes over a table.
    #[staticmethod]
    fn of_table(py: Python<'_>, payload: &[u8]) -> Result<Self, BindingError> {
        py.detach(|| {
            let dto: TableDto = rmp_serde::from_slice(payload)?;
            let threads = dto.threads;
            Ok(Self::of(Orders::Table(dto.into()), threads))
        })
    }

    /// Moves prices for some passes, as long as `progress(passes, estimate)` says so:
    /// (passes made, estimate).
    fn ascend(
        &self,
        py: Python<'_>,
        payload: &[u8],
        progress: Py<PyAny>,
    ) -> Result<(u32, i64), BindingError> {
        py.detach(|| {
            let dto: AscentDto = rmp_serde::from_slice(payload)?;
            let options = AscentOptions {
                passes: dto.passes,
                softness: dto.softness,
                learning: dto.learning,
                rounds: dto.rounds,
                work_limit: WORK_LIMIT,
                threads: self.threads,
            };
            let mut asker = Asker::of(progress);
            let mut pool = std::mem::take(&mut self.found.lock().pool);
            let ascended = self
                .instance
                .read()
                .ascend(&mut pool, &dto.start, options, |at| {
                    asker.ask((u64::from(at.passes), at.estimate))
                });
            let mut found = self.found.lock();
            found.pool = pool;
            let made = (ascended.passes, ascended.estimate);
            found.ascended = Some(ascended);
            asker.raise()?;
            Ok(made)
        })
    }

    /// Seconds that a look at every way of all orders takes, about.
    fn look_seconds(&self) -> f64 {
        self.look.as_secs_f64()
    }

    /// What may be taken: by row, then by rounding inequality.
    fn limits(&self, py: Python<'_>) -> Vec<i64> {
        py.detach(|| self.instance.read().limits())
    }

    /// The best prices so far, by row, then by rounding inequality.
    fn prices(&self, py: Python<'_>) -> Vec<i64> {
        py.detach(|| {
            let found = self.found.lock();
            let ascended = found.ascended.as_ref();
            ascended
                .map(|ascended| ascended.prices.clone())
                .unwrap_or_default()
        })
    }

    /// What prices prove, over every way of every order: (micro-units, orders that were stopped).
    fn bound(&self, py: Python<'_>, prices: Vec<i64>) -> (i64, u64) {
        py.detach(|| {
            let roundings = Arc::clone(self.instance.read().roundings());
            let source = self.orders.source();
            let proven = bound(source, &roundings, &prices, WORK_LIMIT, self.threads);
            (proven.micro, proven.stopped)
        })
    }

    /// What a first assignment prefers: a column of the pool per order, with its weight.
    fn prefer(&self, py: Python<'_>, numbers: Vec<usize>, weights: Vec<u32>) {
        py.detach(|| {
            let mut found = self.found.lock();
            let Found { ascended, pool, .. } = &mut *found;
            let Some(ascended) = ascended else { return };
            for (number, weight) in numbers.into_iter().zip(weights) {
                let Some((order, choice)) = pool.column(number) else {
                    continue;
                };
                let place = order as usize;
                let known = ascended.choices.get_mut(place);
                if let Some((known, steady)) = known.zip(ascended.steady.get_mut(place)) {
                    (*known, *steady) = (choice.clone(), weight);
                }
            }
        });
    }

    /// Looks at more ways: those of the best choices under prices; how many came.
    fn widen(&self, py: Python<'_>, prices: Vec<i64>) -> usize {
        py.detach(|| {
            let mut instance = self.instance.write();
            instance.widen(self.orders.source(), &prices, WORK_LIMIT, self.threads)
        })
    }

    /// A first assignment: the best of the plans in force, what the prices lead to, and what there was
    /// before. What it found enters the pool. Prices keep lines from what is scarce, and in the end
    /// some of it is left: those lines are rescued before anything is compared.
    fn construct(&self, py: Python<'_>) -> Result<i64, BindingError> {
        py.detach(|| {
            let mut found = self.found.lock();
            let ascended = found
                .ascended
                .as_ref()
                .ok_or_else(|| no_step("an ascent"))?;
            let mut instance = self.instance.write();
            let mut made = instance.construct(ascended, &found.pool, WORK_LIMIT);
            instance.rescue(self.orders.source(), &mut made, WORK_LIMIT);
            for (order, choice) in made.choices().iter().enumerate() {
                found.pool.add(&instance, order, choice);
            }
            let all = [
                found.assignment.take(),
                Some(instance.in_force()),
                Some(made),
            ];
            let all = all.into_iter().flatten();
            let best = all.min_by_key(|assignment| assignment.cost(&instance));
            let cost = best.as_ref().map_or(0, |best| best.cost(&instance));
            found.assignment = best;
            Ok(cost)
        })
    }

    /// Assigns every order, in turn, its best choice among all ways in what is left; what that costs.
    fn place_each(&self, py: Python<'_>) -> i64 {
        py.detach(|| {
            let mut found = self.found.lock();
            let mut instance = self.instance.write();
            let made = instance.place_each(self.orders.source(), WORK_LIMIT);
            let cost = made.cost(&instance);
            found.assignment = Some(made);
            cost
        })
    }

    /// Lets orders that leave lines look at every way; how many do better.
    fn rescue(&self, py: Python<'_>) -> Result<usize, BindingError> {
        py.detach(|| {
            let mut found = self.found.lock();
            let assignment = found.assignment.as_mut();
            let assignment = assignment.ok_or_else(|| no_step("a construction"))?;
            let mut instance = self.instance.write();
            Ok(instance.rescue(self.orders.source(), assignment, WORK_LIMIT))
        })
    }

    /// How many orders are late as they are assigned, and how many lines are left.
    fn counts(&self, py: Python<'_>) -> Result<(u64, u64), BindingError> {
        py.detach(|| {
            let found = self.found.lock();
            let assignment = found.assignment.as_ref();
            let assignment = assignment.ok_or_else(|| no_step("a construction"))?;
            let counts = self.instance.read().counts(assignment);
            Ok((counts.late, counts.left))
        })
    }

    /// Sets what a late order and a line left cost beside the card; the cost of what is assigned then.
    fn make_dearer(&self, py: Python<'_>, late: i64, left: i64) -> Result<i64, BindingError> {
        py.detach(|| {
            let mut found = self.found.lock();
            let Found {
                assignment, pool, ..
            } = &mut *found;
            let assignment = assignment.as_mut();
            let assignment = assignment.ok_or_else(|| no_step("a construction"))?;
            let mut instance = self.instance.write();
            instance.make_dearer(Surcharge { late, left }, pool, Some(assignment));
            Ok(assignment.cost(&instance))
        })
    }

    /// Ruins and recreates, as long as `progress(moves, cost)` says so; the cost of what is best.
    fn improve(
        &self,
        py: Python<'_>,
        payload: &[u8],
        progress: Py<PyAny>,
    ) -> Result<i64, BindingError> {
        let dto: SearchDto = rmp_serde::from_slice(payload)?;
        let options = SearchOptions {
            moves: dto.moves,
            rounds: dto.rounds,
            tolerance: dto.tolerance,
            work_limit: SEARCH_WORK_LIMIT,
            threads: self.threads,
            seed: dto.seed,
        };
        self.go_on_from(py, progress, |instance, start, pool, asker| {
            instance.improve(start, pool, &dto.prices, options, |at| {
                asker.ask((at.moves, at.cost))
            })
        })
    }

    /// Descends from between good assignments, as long as `progress(descents, cost)` says so; the cost of
    /// what is best.
    fn relink(
        &self,
        py: Python<'_>,
        payload: &[u8],
        progress: Py<PyAny>,
    ) -> Result<i64, BindingError> {
        let dto: RelinkDto = rmp_serde::from_slice(payload)?;
        let options = RelinkOptions {
            descents: dto.descents,
            threads: if dto.is_beside { 1 } else { self.threads },
            columns: dto.columns,
            seed: dto.seed,
        };
        self.go_on_from(py, progress, |instance, start, pool, asker| {
            instance.relink(start, pool, &dto.prices, options, |descents, cost| {
                asker.ask((descents, cost))
            })
        })
    }

    /// The pool in arrays: what the last passes chose, what is assigned, and of every order the `k`
    /// cheapest under the prices. The assigned columns' numbers come with it.
    fn pool<'py>(
        &self,
        py: Python<'py>,
        prices: Vec<i64>,
        k: usize,
        most: usize,
    ) -> Result<(Bound<'py, PyBytes>, Vec<usize>), BindingError> {
        let (bytes, assigned) = py.detach(|| {
            let mut found = self.found.lock();
            let Found {
                assignment, pool, ..
            } = &mut *found;
            let assigned = assignment.as_ref().map_or(&[][..], Assignment::choices);
            for (order, choice) in assigned.iter().enumerate() {
                pool.add(&self.instance.read(), order, choice);
            }
            if k > 0 {
                self.instance
                    .read()
                    .add_cheapest(pool, &prices, k, WORK_LIMIT, self.threads);
            }
            let instance = self.instance.read();
            let all = pool.columns(&instance, &prices, most, assignment.as_ref());
            let numbers = assignment
                .as_ref()
                .map(|assignment| pool.numbers(assignment));
            let dto = ColumnsDto {
                orders: all.orders,
                costs: all.costs,
                starts: all.starts,
                rows: all.rows,
                amounts: all.amounts,
            };
            Ok::<_, BindingError>((rmp_serde::to_vec_named(&dto)?, numbers.unwrap_or_default()))
        })?;
        Ok((PyBytes::new(py, &bytes), assigned))
    }

    /// Takes over one column per order as the assignment; false, and nothing changes, if they do
    /// not fit together or cost more than what is assigned.
    fn choose(&self, py: Python<'_>, numbers: Vec<usize>) -> bool {
        py.detach(|| {
            let mut found = self.found.lock();
            let Some(chosen) = found.pool.assignment(&self.instance.read(), &numbers) else {
                return false;
            };
            let cost = chosen.cost(&self.instance.read());
            let before = found
                .assignment
                .as_ref()
                .map(|now| now.cost(&self.instance.read()));
            let is_better = before.is_none_or(|before| cost < before);
            let takes_over = is_better && chosen.overfull().is_empty();
            if takes_over {
                found.assignment = Some(chosen);
            }
            takes_over
        })
    }

    /// Lets orders keep their plans in force that gain no more than that; the cost then.
    fn settle(&self, py: Python<'_>, stay_micro: i64) -> Result<i64, BindingError> {
        py.detach(|| {
            let mut found = self.found.lock();
            let assignment = found.assignment.as_mut();
            let assignment = assignment.ok_or_else(|| no_step("a construction"))?;
            self.instance.read().settle(assignment, stay_micro);
            Ok(assignment.cost(&self.instance.read()))
        })
    }

    /// What each order does that does not keep its plan in force.
    fn chosen_plans<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let found = self.found.lock();
            let assignment = found
                .assignment
                .as_ref()
                .ok_or_else(|| no_step("a construction"))?;
            let choices = assignment.choices().iter().enumerate();
            let moved: Vec<(usize, &Choice)> = choices
                .filter(|(_, choice)| **choice != Choice::InForce)
                .collect();
            let one = |(): &mut (), index: usize| {
                let (order, choice) = moved.get(index)?;
                Some(self.chosen(*order, choice))
            };
            let (chosen, _) = with_each(moved.len(), self.threads, || (), one);
            let chosen: Result<Vec<ChosenDto>, BindingError> =
                chosen.into_iter().flatten().collect();
            rmp_serde::to_vec_named(&chosen?).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}
