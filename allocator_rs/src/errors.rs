//! The one error map: everything that goes wrong on the native side, and what Python sees.
//!
//! ```text
//! NativeError
//! ├── PayloadError          a payload is not of the stated shape (a bug of the Python side)
//! ├── OpenError             the data folder cannot be opened: locked, damaged, newer, unreadable
//! ├── DivergenceError       the journal does not verify
//! ├── OverloadedError       the queue is full; try again
//! ├── DiskFullError         no new promises for now
//! ├── StoppedError          the engine is draining or stopped
//! └── OperatingSystemError  the operating system refused something
//! ```

use bopis_engine::{DrainError, SubmitError};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(bopis._allocator_rs, NativeError, PyException);
create_exception!(bopis._allocator_rs, PayloadError, NativeError);
create_exception!(bopis._allocator_rs, OpenError, NativeError);
create_exception!(bopis._allocator_rs, DivergenceError, NativeError);
create_exception!(bopis._allocator_rs, OverloadedError, NativeError);
create_exception!(bopis._allocator_rs, DiskFullError, NativeError);
create_exception!(bopis._allocator_rs, StoppedError, NativeError);
create_exception!(bopis._allocator_rs, OperatingSystemError, NativeError);

/// What can go wrong in a call of the binding.
#[derive(Debug)]
pub enum BindingError {
    /// A payload is not what was agreed.
    Payload(String),
    /// The data folder cannot be opened.
    Open(String),
    /// The journal disagrees with the rules.
    Divergence(String),
    /// The queue is full.
    Overloaded,
    /// The disk is full: no grants for now.
    DiskFull,
    /// The engine takes nothing more.
    Stopped,
    /// The operating system refused.
    System(std::io::Error),
}

impl From<SubmitError> for BindingError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded => Self::Overloaded,
            SubmitError::DiskFull => Self::DiskFull,
            SubmitError::TooLarge => Self::Payload(error.to_string()),
            SubmitError::Stopped => Self::Stopped,
        }
    }
}

impl From<DrainError> for BindingError {
    fn from(error: DrainError) -> Self {
        match error {
            DrainError::Stopped | DrainError::OnWriterThread => Self::Stopped,
            other => Self::System(std::io::Error::other(other.to_string())),
        }
    }
}

impl From<rmp_serde::decode::Error> for BindingError {
    fn from(error: rmp_serde::decode::Error) -> Self {
        Self::Payload(error.to_string())
    }
}

impl From<rmp_serde::encode::Error> for BindingError {
    fn from(error: rmp_serde::encode::Error) -> Self {
        Self::Payload(error.to_string())
    }
}

impl From<BindingError> for PyErr {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Payload(why) => PayloadError::new_err(why),
            BindingError::Open(why) => OpenError::new_err(why),
            BindingError::Divergence(why) => DivergenceError::new_err(why),
            BindingError::DiskFull => DiskFullError::new_err("the disk is full"),
            BindingError::Overloaded => OverloadedError::new_err("the queue is full"),
            BindingError::Stopped => StoppedError::new_err("the engine is stopped"),
            BindingError::System(error) => OperatingSystemError::new_err(error.to_string()),
        }
    }
}

/// Adds the exception classes to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("NativeError", py.get_type::<NativeError>())?;
    module.add("PayloadError", py.get_type::<PayloadError>())?;
    module.add("OpenError", py.get_type::<OpenError>())?;
    module.add("DivergenceError", py.get_type::<DivergenceError>())?;
    module.add("OverloadedError", py.get_type::<OverloadedError>())?;
    module.add("DiskFullError", py.get_type::<DiskFullError>())?;
    module.add("StoppedError", py.get_type::<StoppedError>())?;
    module.add(
        "OperatingSystemError",
        py.get_type::<OperatingSystemError>(),
    )
}
