//! What an allocation holds between its steps.

use std::time::{Duration, Instant};

use bopis_allocation::{Ascended, Assignment, Instance, Pool, Source, Table};
use bopis_promise::BatchOrders;
use parking_lot::{Mutex, RwLock};
use pyo3::prelude::*;

use crate::asker::Asker;
use crate::errors::BindingError;

/// Who knows the orders.
pub(super) enum Orders {
    Batch(Box<BatchOrders>),
    Table(Table),
}

impl Orders {
    pub(super) fn source(&self) -> &dyn Source {
        match self {
            Self::Batch(orders) => orders.as_ref(),
            Self::Table(table) => table,
        }
    }
}

/// What the steps have come to so far.
#[derive(Default)]
pub(super) struct Found {
    pub(super) ascended: Option<Ascended>,
    pub(super) assignment: Option<Assignment>,
    pub(super) pool: Pool,
}

/// Orders that are allocated together, step by step.
#[pyclass(frozen, name = "Allocation", module = "bopis._allocator_rs")]
pub struct PyAllocation {
    pub(super) orders: Orders,
    pub(super) instance: RwLock<Instance>,
    pub(super) threads: usize,
    /// What a first look at every way of all orders took.
    pub(super) look: Duration,
    pub(super) found: Mutex<Found>,
}

pub(super) fn no_step(what: &str) -> BindingError {
    BindingError::Payload(format!("{what} comes first"))
}

impl PyAllocation {
    pub(super) fn of(orders: Orders, threads: usize) -> Self {
        let threads = threads.max(1);
        let began = Instant::now();
        let instance = RwLock::new(Instance::new(orders.source(), threads));
        Self {
            look: began.elapsed(),
            instance,
            orders,
            threads,
            found: Mutex::default(),
        }
    }
}

impl PyAllocation {
    /// A step that makes what is assigned better; the cost of what it leaves.
    pub(super) fn go_on_from(
        &self,
        py: Python<'_>,
        progress: Py<PyAny>,
        step: impl FnOnce(&Instance, Assignment, &mut Pool, &mut Asker) -> Assignment + Send,
    ) -> Result<i64, BindingError> {
        py.detach(|| {
            // Not under the lock: whoever is asked about progress may ask for something else.
            let (start, mut pool) = {
                let mut found = self.found.lock();
                (found.assignment.clone(), std::mem::take(&mut found.pool))
            };
            let start = start.ok_or_else(|| no_step("a construction"))?;
            let mut asker = Asker::of(progress);
            let best = step(&self.instance.read(), start, &mut pool, &mut asker);
            let cost = best.cost(&self.instance.read());
            let mut found = self.found.lock();
            (found.assignment, found.pool) = (Some(best), pool);
            asker.raise()?;
            Ok(cost)
        })
    }
}
