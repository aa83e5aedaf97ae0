//! The one error map: everything that goes wrong on the native side, and what Python sees.
//!
//! ```text
//! NativeError
//! ├── PayloadError          a payload is not of the stated shape (a bug of the Python side)
//! ├── OpenError             the data folder cannot be opened: locked, damaged, newer, unreadable
//! ├── DivergenceError       the journal does not verify
//! ├── DoorError             the door cannot listen or its options make no sense
//! ├── OverloadedError       the queue is full; try again
//! ├── DiskFullError         no new promises for now
//! ├── StoppedError          the engine is draining or stopped
//! └── OperatingSystemError  the operating system refused something
//! ```

use bopis_engine::{DrainError, SubmitError};
use bopis_promise::PlaceError;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(bopis._allocator_rs, NativeError, PyException);
create_exception!(bopis._allocator_rs, PayloadError, NativeError);
create_exception!(bopis._allocator_rs, OpenError, NativeError);
create_exception!(bopis._allocator_rs, DivergenceError, NativeError);
create_exception!(bopis._allocator_rs, DoorError, NativeError);
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
    /// The door does not start.
    Door(String),
    /// Network and policy are not loaded yet.
    NotLoaded,
    /// The reservation holds something else.
    ReservationMismatch,
    /// The request id was used for something else.
    RequestIdReused,
    /// No room for another request id.
    RequestWindowFull,
    /// The queue is full.
    Overloaded,
    /// The disk is full: no grants for now.
    DiskFull,
    /// The engine takes nothing more.
    Stopped,
    /// The operating system refused.
    System(std::io::Error),
    /// What Python was asked meanwhile raised this.
    Raised(PyErr),
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

impl From<PlaceError> for BindingError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::NotLoaded => Self::NotLoaded,
            PlaceError::Ask(_) | PlaceError::Refused(_) | PlaceError::UnknownName => {
                Self::Payload(error.to_string())
            }
            PlaceError::Overloaded | PlaceError::Contended => Self::Overloaded,
            PlaceError::DiskFull => Self::DiskFull,
            PlaceError::RequestWindowFull => Self::RequestWindowFull,
            PlaceError::RequestIdReused => Self::RequestIdReused,
            PlaceError::ReservationMismatch => Self::ReservationMismatch,
            PlaceError::Stopped => Self::Stopped,
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
            BindingError::Door(why) => DoorError::new_err(why),
            BindingError::DiskFull => DiskFullError::new_err("the disk is full"),
            // These reach Python as results of tickets; a call that raises them has none.
            BindingError::NotLoaded
            | BindingError::ReservationMismatch
            | BindingError::RequestIdReused
            | BindingError::RequestWindowFull => StoppedError::new_err("not now"),
            BindingError::Overloaded => OverloadedError::new_err("the queue is full"),
            BindingError::Stopped => StoppedError::new_err("the engine is stopped"),
            BindingError::System(error) => OperatingSystemError::new_err(error.to_string()),
            BindingError::Raised(error) => error,
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
    module.add("DoorError", py.get_type::<DoorError>())?;
    module.add("OverloadedError", py.get_type::<OverloadedError>())?;
    module.add("DiskFullError", py.get_type::<DiskFullError>())?;
    module.add("StoppedError", py.get_type::<StoppedError>())?;
    module.add(
        "OperatingSystemError",
        py.get_type::<OperatingSystemError>(),
    )
}
