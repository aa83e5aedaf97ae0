//! The `server-timing` trailer: how long the ledger took.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response};
use http_body::{Body as HttpBody, Frame};
use tonic::body::Body;
use tonic::Status;

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Time from the queue to the durable answer. Travels in the response's extensions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LedgerTime(pub(super) Duration);

/// Moves the time from the extensions into the trailers.
pub(super) fn as_trailer(mut response: Response<Body>) -> Response<Body> {
    match response.extensions_mut().remove::<LedgerTime>() {
        Some(time) => response.map(|inner| Body::new(TimedBody { inner, time })),
        None => response,
    }
}

struct TimedBody {
    inner: Body,
    time: LedgerTime,
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        let Poll::Ready(Some(Ok(mut frame))) = polled else {
            return polled;
        };
        if let Some(trailers) = frame.trailers_mut() {
            // Server-Timing counts in milliseconds (W3C Server Timing).
            let micros = self.time.0.as_micros();
            let text = format!("ledger;dur={}.{:03}", micros / 1000, micros % 1000);
            if let Ok(value) = HeaderValue::from_str(&text) {
                trailers.insert(SERVER_TIMING, value);
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }
}
