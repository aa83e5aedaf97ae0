//! The promiser for Python: plan + hold as one call, answered through the engine's completions.

use bopis_promise::{Overlay, Planner, Promiser, PromiserOptions};
use parking_lot::RwLock;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::duals::DualsDto;
use crate::engine::PyEngine;
use crate::errors::BindingError;
use crate::explaining::{ExplainDto, ExplainedDto, WorthAskDto, WorthDto};
use crate::planning::{ItemDto, NetworkDto, PlaceAskDto, PlanDto, PlansAskDto};
use crate::policy::ServedPolicyDto;
use crate::station::{Finished, Station};

/// Chooses plans and holds them.
#[pyclass(frozen, name = "Promiser", module = "bopis._allocator_rs")]
pub struct PyPromiser {
    station: Station,
    // None once stopped.
    promiser: RwLock<Option<Promiser>>,
}

impl PyPromiser {
    fn with<T>(
        &self,
        use_it: impl FnOnce(&Promiser) -> Result<T, BindingError>,
    ) -> Result<T, BindingError> {
        match self.promiser.read().as_ref() {
            Some(promiser) => use_it(promiser),
            None => Err(BindingError::Stopped),
        }
    }

    /// Plans without holding.
    ///
    /// # Errors
    /// `Stopped`.
    pub fn planner(&self) -> Result<Planner, BindingError> {
        self.with(|promiser| Ok(promiser.planner()))
    }

    fn place_one(&self, promiser: &Promiser, dto: PlaceAskDto) {
        let ticket = dto.ticket;
        let ask = match dto.into_ask() {
            Ok(ask) => ask,
            Err(error) => return self.station.finish(ticket, Finished::Early(error.into())),
        };
        let station = self.station.clone();
        let done = move |result| station.finish(ticket, Finished::Placed(Box::new(result)));
        if let Err(error) = promiser.place(ask, Box::new(done)) {
            let refused = Finished::Placed(Box::new(Err(error)));
            self.station.finish(ticket, refused);
        }
    }
}

#[pymethods]
impl PyPromiser {
    /// Starts its thread.
    #[new]
    fn new(py: Python<'_>, engine: &PyEngine) -> Result<Self, BindingError> {
        let station = engine.station().clone();
        let engine = station.engine.clone();
        let promiser = py
            .detach(|| Promiser::start(engine, PromiserOptions::default()))
            .map_err(BindingError::System)?;
        Ok(Self {
            station,
            promiser: RwLock::new(Some(promiser)),
        })
    }

    /// Replaces the network, unless a later version is loaded; the number of the world from now on.
    fn load_network(&self, py: Python<'_>, payload: &[u8]) -> Result<u64, BindingError> {
        py.detach(|| {
            let network: NetworkDto = rmp_serde::from_slice(payload)?;
            let version = network.version;
            self.with(|promiser| Ok(promiser.load_network(network.into_specs(), version)))
        })
    }

    /// Adds or replaces items; the number of the world from now on.
    fn load_items(&self, py: Python<'_>, payload: &[u8]) -> Result<u64, BindingError> {
        py.detach(|| {
            let items: Vec<ItemDto> = rmp_serde::from_slice(payload)?;
            let priced = items.iter().map(ItemDto::currency);
            let currency = priced.into_iter().find(|one| !one.is_empty());
            let currency = currency.unwrap_or_default().to_owned();
            self.with(|promiser| {
                promiser.load_currency(&currency);
                Ok(promiser.load_items(items.into_iter().map(Into::into).collect()))
            })
        })
    }

    /// Replaces the policy; the number of the world from now on.
    fn load_policy(&self, py: Python<'_>, payload: &[u8]) -> Result<u64, BindingError> {
        py.detach(|| {
            let served: ServedPolicyDto = rmp_serde::from_slice(payload)?;
            let (policy, terms) = served.into();
            self.with(|promiser| {
                promiser.load_quote_terms(terms);
                Ok(promiser.load_policy(policy))
            })
        })
    }

    /// Replaces all dual prices, unless a later version is loaded.
    fn load_duals(&self, py: Python<'_>, payload: &[u8]) -> Result<(), BindingError> {
        py.detach(|| {
            let duals: DualsDto = rmp_serde::from_slice(payload)?;
            let (version, stock, labor) = duals.into_prices();
            self.with(|promiser| {
                promiser.load_duals(version, &stock, &labor);
                Ok(())
            })
        })
    }

    /// Plans and holds each of a list of asks. Tickets come back in the engine's completions.
    fn place(&self, py: Python<'_>, payload: &[u8]) -> Result<(), BindingError> {
        py.detach(|| {
            let asks: Vec<PlaceAskDto> = rmp_serde::from_slice(payload)?;
            self.with(|promiser| {
                for ask in asks {
                    self.place_one(promiser, ask);
                }
                Ok(())
            })
        })
    }

    /// The best k plans under the stock of now, cheapest first; holds nothing.
    fn plan<'py>(
        &self,
        py: Python<'py>,
        payload: &[u8],
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let asked: PlansAskDto = rmp_serde::from_slice(payload)?;
            let ask = asked.ask.into();
            let policy = asked.policy.map(Into::into);
            let own = Overlay {
                stock: asked.own_stock,
                labor: asked.own_labor,
            };
            let plans =
                self.with(|promiser| Ok(promiser.plan_under(policy, &own, &ask, asked.k)?))?;
            let plans: Vec<PlanDto> = plans.into_iter().map(Into::into).collect();
            rmp_serde::to_vec_named(&plans).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Why an order is planned as it is; holds nothing.
    fn explain<'py>(
        &self,
        py: Python<'py>,
        payload: &[u8],
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let asked: ExplainDto = rmp_serde::from_slice(payload)?;
            let (asked, own) = asked.into_ask();
            let found = self.with(|promiser| Ok(promiser.explain(&asked, &own)?))?;
            rmp_serde::to_vec_named(&ExplainedDto::from(found)).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// What one more, or one fewer, of some resources is worth to open orders (nil: the work did not
    /// suffice); holds nothing.
    fn worth<'py>(
        &self,
        py: Python<'py>,
        payload: &[u8],
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let asked: WorthAskDto = rmp_serde::from_slice(payload)?;
            let (orders, resources) = asked.into_parts();
            let found = self.with(|promiser| Ok(promiser.worth(&orders, &resources)?))?;
            let found = found.into_iter().map(|one| one.map(WorthDto::from));
            let found: Vec<Option<WorthDto>> = found.collect();
            rmp_serde::to_vec_named(&found).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Finishes what was accepted and joins the thread.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| drop(self.promiser.write().take()));
    }
}
