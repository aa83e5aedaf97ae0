//! Connections to the services behind the door: a few for unary calls, a few for streams, so that
//! streams that nobody reads never hold up a unary call.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use tokio::time::Instant;

use crate::inbound::InboundBody;

/// Credit of one stream. With larger windows a few unread streams use up the connection's.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The greatest window that HTTP/2 knows.
const WINDOW_MAX: u32 = (1 << 31) - 1;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const BACKOFF_FIRST: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
const HEADER_BYTES_MAX: u32 = 64 * 1024;

type Sender = SendRequest<InboundBody>;

/// Why there is no answer from upstream.
#[derive(Debug)]
pub(super) enum UpstreamFault {
    /// No connection could be made, or one failed a moment ago.
    Connect,
    /// The connection or the stream broke.
    Broken(hyper::Error),
}

/// A few connections of one kind.
#[derive(Debug)]
pub(super) struct Pool {
    slots: Vec<Slot>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Slot {
    socket: PathBuf,
    window_bytes: u32,
    sender: Mutex<Option<Sender>>,
    backoff: tokio::sync::Mutex<Backoff>,
}

#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
    retry_at: Option<Instant>,
}

impl Pool {
    /// `calls_max` calls of this kind share `connections` connections.
    pub(super) fn new(socket: &Path, connections: usize, calls_max: usize) -> Self {
        let per_connection = u32::try_from(calls_max.div_ceil(connections)).unwrap_or(WINDOW_MAX);
        let window_bytes = per_connection
            .saturating_mul(STREAM_WINDOW_BYTES)
            .min(WINDOW_MAX);
        let slot = |_| Slot {
            socket: socket.to_owned(),
            window_bytes,
            sender: Mutex::new(None),
            backoff: tokio::sync::Mutex::default(),
        };
        Self {
            slots: (0..connections).map(slot).collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// Sends a call; what was never sent because its connection had ended goes over a new one.
    pub(super) async fn send(
        &self,
        request: Request<InboundBody>,
    ) -> Result<Response<Incoming>, UpstreamFault> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        let slot = self.slots.get(turn).ok_or(UpstreamFault::Connect)?;
        let mut failed = match slot.sender().await?.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        match failed.take_message() {
            Some(request) => {
                let sender = &mut slot.sender().await?;
                let sent = sender.try_send_request(request).await;
                sent.map_err(|again| UpstreamFault::Broken(again.into_error()))
            }
            None => Err(UpstreamFault::Broken(failed.into_error())),
        }
    }
}

impl Slot {
    fn live(&self) -> Option<Sender> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.as_ref().is_some_and(Sender::is_closed) {
            *sender = None;
        }
        sender.clone()
    }

    /// The live connection, or a new one unless one failed a moment ago.
    async fn sender(&self) -> Result<Sender, UpstreamFault> {
        if let Some(sender) = self.live() {
            return Ok(sender);
        }
        let mut backoff = self.backoff.lock().await;
        if let Some(sender) = self.live() {
            return Ok(sender);
        }
        if backoff.retry_at.is_some_and(|at| Instant::now() < at) {
            return Err(UpstreamFault::Connect);
        }
        match tokio::time::timeout(CONNECT_TIMEOUT, self.connect()).await {
            Ok(Ok(sender)) => {
                *backoff = Backoff::default();
                let mut current = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
                *current = Some(sender.clone());
                Ok(sender)
            }
            failed => {
                tracing::warn!(?failed, "cannot reach the services behind the door");
                let delay = BACKOFF_FIRST * 2_u32.saturating_pow(backoff.failures.min(16));
                backoff.failures = backoff.failures.saturating_add(1);
                backoff.retry_at = Some(Instant::now() + delay.min(BACKOFF_MAX));
                Err(UpstreamFault::Connect)
            }
        }
    }

    async fn connect(&self) -> Result<Sender, Box<dyn std::error::Error + Send + Sync>> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(self.window_bytes)
            .max_header_list_size(HEADER_BYTES_MAX)
            // Cancelled calls leave frames on their way; they must not end the connection, which
            // the library holds against a peer that is not trusted.
            .max_local_error_reset_streams(None)
            .max_send_buf_size(STREAM_WINDOW_BYTES as usize)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection broke");
            }
        });
        Ok(sender)
    }
}
