//! The clock that drives both sides.

use std::path::PathBuf;
use std::sync::Arc;

use bopis_engine::{Clock, ScaledClock, SystemClock};
use pyo3::prelude::*;

use crate::errors::BindingError;

/// A clock, shared by the engine and the Python services.
#[pyclass(frozen, name = "Clock", module = "bopis._allocator_rs")]
pub struct PyClock {
    inner: Arc<dyn Clock>,
}

impl PyClock {
    /// The clock itself.
    pub(crate) fn share(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner)
    }
}

#[pymethods]
impl PyClock {
    /// The time of the machine.
    #[staticmethod]
    fn system() -> Self {
        Self {
            inner: Arc::new(SystemClock::new()),
        }
    }

    /// Begins at `origin_ms` (Unix ms) and runs `scale` times as fast as the machine's; the file
    /// at `path` lets a restarted process go on in the same time.
    #[staticmethod]
    #[pyo3(signature = (origin_ms, scale, path=None))]
    fn scaled(
        py: Python<'_>,
        origin_ms: i64,
        scale: f64,
        path: Option<PathBuf>,
    ) -> Result<Self, BindingError> {
        let clock = py.detach(|| ScaledClock::open(origin_ms, scale, path.as_deref()));
        let clock = clock.map_err(|error| BindingError::Open(error.to_string()))?;
        Ok(Self {
            inner: Arc::new(clock),
        })
    }

    /// Now, Unix ms.
    fn wall_ms(&self) -> i64 {
        self.inner.wall_ms()
    }
}
