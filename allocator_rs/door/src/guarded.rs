//! The body of an answer that takes its time: ends with trailers, whatever happens to its source.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, Status};

use crate::admission::Permit;
use crate::deadline::Deadline;
use crate::errors::{deadline_exceeded, malformed, not_serving, upstream_unavailable};
use crate::inbound::Verdict;
use crate::meter::MessageMeter;

/// A source that fails this close to the deadline failed because of it: the service behind the
/// door watches the same deadline.
pub(crate) const DEADLINE_SLACK: std::time::Duration = std::time::Duration::from_millis(50);

/// What may end an answer besides its source.
pub(crate) struct Guard {
    /// The call's deadline.
    pub(crate) deadline: Deadline,
    /// Cancelled when the call must end because the door closes.
    pub(crate) closing: CancellationToken,
    /// Set when the request's body was refused.
    pub(crate) verdict: Verdict,
    /// Held until the answer is over.
    pub(crate) _permit: Permit,
    /// Greatest size of one message, bytes.
    pub(crate) max_message_bytes: usize,
}

impl Guard {
    /// The status of a call whose source failed.
    pub(crate) fn fault(&self, detail: &str) -> Status {
        if let Some(status) = self.verdict.get() {
            return status.clone();
        }
        match self.deadline.0 {
            Some(at) if Instant::now() + DEADLINE_SLACK >= at => deadline_exceeded(),
            _ => upstream_unavailable(detail),
        }
    }
}

impl Guard {
    /// What the gRPC library behind the door says of its own accord (when it stops, when a
    /// deadline passes) says no reason: the status to send instead, if this is such an end.
    pub(crate) fn reasoned(&self, end: &HeaderMap) -> Option<Status> {
        if end.contains_key("grpc-status-details-bin") {
            return None;
        }
        match Status::from_header_map(end)?.code() {
            Code::Unavailable => Some(self.fault("is stopping")),
            Code::DeadlineExceeded => Some(deadline_exceeded()),
            _ => None,
        }
    }
}

/// An answer under guard. Its frames never fail: a fault becomes the trailers.
pub(crate) struct GuardedBody<B> {
    /// None once the trailers were sent; dropping the source resets it.
    source: Option<B>,
    sleep: Option<Pin<Box<Sleep>>>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    meter: MessageMeter,
    guard: Guard,
    /// The headers carried the status already: no trailers follow.
    trailers_only: bool,
}

impl<B> GuardedBody<B> {
    pub(crate) fn new(source: B, guard: Guard, trailers_only: bool) -> Self {
        Self {
            source: Some(source),
            sleep: guard
                .deadline
                .0
                .map(|at| Box::pin(tokio::time::sleep_until(at))),
            closing: Box::pin(guard.closing.clone().cancelled_owned()),
            meter: MessageMeter::new(guard.max_message_bytes, true),
            guard,
            trailers_only,
        }
    }

    fn end(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.source = None;
        let mut trailers = HeaderMap::new();
        if status.add_header(&mut trailers).is_err() {
            let plain = malformed("the error cannot be written as trailers");
            // Ours is plain ASCII: it can.
            let _ = plain.add_header(&mut trailers);
        }
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    /// Whether the deadline has passed.
    fn is_past(&mut self, cx: &mut Context<'_>) -> bool {
        self.sleep
            .as_mut()
            .is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }
}

impl<B> Body for GuardedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.source.is_some() && this.is_past(cx) {
            return this.end(&deadline_exceeded());
        }
        let Some(source) = &mut this.source else {
            return Poll::Ready(None);
        };
        match Pin::new(source).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref() {
                Some(data) => match this.meter.feed(data) {
                    Ok(()) => Poll::Ready(Some(Ok(frame))),
                    Err(_) => this.end(&upstream_unavailable("sent a message over the limit")),
                },
                None => match frame
                    .trailers_ref()
                    .and_then(|end| this.guard.reasoned(end))
                {
                    Some(status) => this.end(&status),
                    None => {
                        this.source = None;
                        Poll::Ready(Some(Ok(frame)))
                    }
                },
            },
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, "an answer broke off");
                let status = this.guard.fault("broke off");
                this.end(&status)
            }
            Poll::Ready(None) if this.trailers_only => {
                this.source = None;
                Poll::Ready(None)
            }
            Poll::Ready(None) => {
                let status = this.guard.fault("ended without a status");
                this.end(&status)
            }
            Poll::Pending if this.closing.as_mut().poll(cx).is_ready() => this.end(&not_serving()),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Some(source) => self.trailers_only && source.is_end_stream(),
            None => true,
        }
    }
}
