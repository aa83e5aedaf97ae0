//! How many calls of each kind may be open at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use crate::errors::Refusal;
use crate::v1::ErrorReason;

const RETRY: Duration = Duration::from_millis(500);

/// A place among the open calls; dropping it gives the place back.
#[derive(Debug)]
pub(crate) struct Permit {
    _place: OwnedSemaphorePermit,
}

/// The places there are.
#[derive(Debug)]
pub(crate) struct Admission {
    streams: Arc<Semaphore>,
    calls: Arc<Semaphore>,
}

impl Admission {
    pub(crate) fn new(max_streams: usize, max_calls: usize) -> Self {
        Self {
            streams: Arc::new(Semaphore::new(max_streams.min(Semaphore::MAX_PERMITS))),
            calls: Arc::new(Semaphore::new(max_calls.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A place for a call, at once or not at all.
    ///
    /// # Errors
    /// `TOO_MANY_STREAMS` or `OVERLOADED`.
    pub(crate) fn admit(&self, streaming: bool) -> Result<Permit, Status> {
        let (places, reason, message) = if streaming {
            (
                &self.streams,
                ErrorReason::TooManyStreams,
                "too many streams are open",
            )
        } else {
            (
                &self.calls,
                ErrorReason::Overloaded,
                "too many calls are under way",
            )
        };
        match Arc::clone(places).try_acquire_owned() {
            Ok(place) => Ok(Permit { _place: place }),
            Err(_) => Err(Refusal::new(reason, message).retry_after(RETRY).status()),
        }
    }
}
