//! Asking Python whether to go on, while a step works without it.

use pyo3::prelude::*;

use crate::errors::BindingError;

/// Asks Python whether to go on. What it raises, a Ctrl-C, say, is no answer: the step ends, and
/// its caller raises it.
pub struct Asker {
    progress: Py<PyAny>,
    raised: Option<PyErr>,
}

impl Asker {
    pub fn of(progress: Py<PyAny>) -> Self {
        Self {
            progress,
            raised: None,
        }
    }

    pub fn ask(&mut self, numbers: (u64, i64)) -> bool {
        let answer = Python::attach(|py| {
            let answer = self.progress.call1(py, numbers);
            answer.and_then(|answer| answer.is_truthy(py))
        });
        answer.unwrap_or_else(|raised| {
            self.raised = Some(raised);
            false
        })
    }

    /// What was raised, if anything was.
    pub fn raise(self) -> Result<(), BindingError> {
        self.raised
            .map_or(Ok(()), |raised| Err(BindingError::Raised(raised)))
    }
}
