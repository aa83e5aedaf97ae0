//! Calls that pass through to the services behind the door, message bytes untouched.

mod connection;
mod forward;
mod headers;

pub(crate) use connection::STREAM_WINDOW_BYTES;
pub(crate) use forward::{Forwarded, PassThrough};
