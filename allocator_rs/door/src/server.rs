//! Accepts connections and serves HTTP/2 on them.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::answer::Answerer;
use crate::passthrough::STREAM_WINDOW_BYTES;

/// Room above the door's own limits, so that its refusal is heard instead of a client waiting for
/// HTTP/2 to let it open a stream.
const STREAM_ROOM: usize = 16_384;
/// The greatest window that HTTP/2 knows.
const WINDOW_MAX: u32 = (1 << 31) - 1;
/// Streams of one connection that may send at once without waiting for one another.
const BUSY_STREAMS: u32 = 1024;
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Streams that a client opened and reset before they were looked at; beyond, it is shut out.
const RESET_STREAMS_MAX: usize = 1024;
/// Frames on streams that were answered and forgotten, over the life of a connection. Clients send
/// them in good faith (an answer crossed a request), so the library's 1,024 are too few.
const LATE_FRAMES_MAX: usize = 65_536;
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// After a failed accept (no more file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until the door closes.
pub(crate) async fn accept(
    listener: TcpListener,
    answerer: Arc<Answerer>,
    max_connections: usize,
    max_streams: usize,
    connections: TaskTracker,
) {
    let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    let builder = builder(max_streams);
    loop {
        let place = tokio::select! {
            biased;
            () = answerer.closing.cancelled() => return,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            biased;
            () = answerer.closing.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let serving = serve(builder.clone(), stream, Arc::clone(&answerer));
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn builder(max_streams: usize) -> Builder<TokioExecutor> {
    let streams = u32::try_from(max_streams.saturating_add(STREAM_ROOM)).unwrap_or(u32::MAX);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(
            BUSY_STREAMS
                .saturating_mul(STREAM_WINDOW_BYTES)
                .min(WINDOW_MAX),
        )
        .max_concurrent_streams(streams)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(LATE_FRAMES_MAX)
        .max_send_buf_size(STREAM_WINDOW_BYTES as usize)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .auto_date_header(false);
    builder
}

async fn serve(builder: Builder<TokioExecutor>, stream: TcpStream, answerer: Arc<Answerer>) {
    // Answers are small and somebody waits for them; a socket that refuses is slower, not wrong.
    let _ = stream.set_nodelay(true);
    let closing = answerer.closing.clone();
    let service = service_fn(move |request| {
        let answerer = Arc::clone(&answerer);
        async move { Ok::<_, Infallible>(answerer.answer(request).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a client connection broke");
    }
}
