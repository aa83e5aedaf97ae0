//! The body of a request on its way in, native or through: framed as the protocol says, within
//! the limits, and held in bounded memory.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{ready, Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use crate::errors::{malformed, Refusal};
use crate::meter::{FramingFault, MessageMeter};
use crate::v1::ErrorReason;

/// Why a request body was refused; the answer takes it from here, whatever became of the call.
pub(crate) type Verdict = Arc<OnceLock<Status>>;

/// Bytes of request messages that native services hold, over all calls.
#[derive(Debug)]
pub(crate) struct InboundBudget {
    held: AtomicUsize,
    max: usize,
}

impl InboundBudget {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            held: AtomicUsize::new(0),
            max,
        }
    }
}

/// What is asked of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyRules {
    /// Greatest size of one message, bytes.
    pub(crate) max_message_bytes: usize,
    /// Exactly one message is expected.
    pub(crate) single: bool,
    /// Compressed messages may pass.
    pub(crate) compression: bool,
}

/// A request body under the door's rules.
#[derive(Debug)]
pub(crate) struct InboundBody {
    inner: Incoming,
    meter: MessageMeter,
    rules: BodyRules,
    verdict: Verdict,
    /// Set for native calls, which gather whole messages.
    budget: Option<Arc<InboundBudget>>,
    charged: usize,
    done: bool,
}

impl InboundBody {
    pub(crate) fn new(
        inner: Incoming,
        rules: BodyRules,
        verdict: Verdict,
        budget: Option<Arc<InboundBudget>>,
    ) -> Self {
        let meter = MessageMeter::new(rules.max_message_bytes, rules.compression);
        Self {
            inner,
            meter,
            rules,
            verdict,
            budget,
            charged: 0,
            done: false,
        }
    }

    fn refuse(&mut self, status: Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.done = true;
        // The first verdict stands.
        let _ = self.verdict.set(status.clone());
        Poll::Ready(Some(Err(status)))
    }

    /// A message that was gathered whole is no longer the body's to account for.
    fn charge(&mut self, bytes: usize) -> Result<(), Status> {
        let Some(budget) = &self.budget else {
            return Ok(());
        };
        let held = budget.held.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.charged += bytes;
        if held > budget.max {
            return Err(Refusal::new(
                ErrorReason::Overloaded,
                "too many unfinished requests are held in memory",
            )
            .retry_after(std::time::Duration::from_millis(500))
            .status());
        }
        if self.meter.is_between_messages() && !self.rules.single {
            self.release();
        }
        Ok(())
    }

    fn release(&mut self) {
        if let Some(budget) = &self.budget {
            budget.held.fetch_sub(self.charged, Ordering::Relaxed);
        }
        self.charged = 0;
    }

    fn take(&mut self, data: &Bytes) -> Result<(), Status> {
        self.meter
            .feed(data)
            .map_err(|fault| fault_status(fault, self.rules))?;
        if self.rules.single && self.meter.messages() > 1 {
            return Err(malformed("a unary call carries one message"));
        }
        self.charge(data.len())
    }

    fn finish(&self) -> Result<(), Status> {
        self.meter
            .finish()
            .map_err(|fault| fault_status(fault, self.rules))?;
        if self.rules.single && self.meter.messages() == 0 {
            return Err(malformed("the call carries no message"));
        }
        Ok(())
    }
}

fn fault_status(fault: FramingFault, rules: BodyRules) -> Status {
    match fault {
        FramingFault::TooLarge(length) => {
            let max = rules.max_message_bytes;
            Refusal::new(
                ErrorReason::MalformedMessage,
                format!("a message of {length} bytes is over the limit of {max}"),
            )
            .with("max_message_bytes", max.to_string())
            .status()
        }
        FramingFault::Flag(flag) => malformed(format!(
            "the flag {flag} before a message is not allowed; send messages uncompressed"
        )),
        FramingFault::Truncated => malformed("the call ends inside a message"),
    }
}

impl Drop for InboundBody {
    fn drop(&mut self) {
        self.release();
    }
}

impl Body for InboundBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    if let Err(status) = this.take(data) {
                        return this.refuse(status);
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // The client reset the stream: nobody reads the answer.
            Some(Err(_)) => {
                this.done = true;
                Poll::Ready(Some(Err(Status::cancelled("the client ended the call"))))
            }
            None => match this.finish() {
                Ok(()) => {
                    this.done = true;
                    Poll::Ready(None)
                }
                Err(status) => this.refuse(status),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.done || (self.inner.is_end_stream() && self.finish().is_ok())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
