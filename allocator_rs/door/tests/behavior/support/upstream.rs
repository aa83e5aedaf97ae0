//! What stands behind the door in these tests: a hyper server on the unix socket, whose rpcs are
//! named after what they do.

use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;

use super::raw::framed;

type Sent = Result<Frame<Bytes>, Infallible>;

/// What the tests ask about afterwards.
#[derive(Default)]
pub struct Seen {
    /// Calls that arrived.
    pub calls: AtomicU64,
    /// Headers of the last call.
    pub headers: Mutex<HeaderMap>,
    /// Authority of the last call.
    pub authority: Mutex<String>,
    /// Calls that ended because the door reset them.
    pub cancelled: AtomicU64,
    /// Connections made.
    pub connections: AtomicU64,
}

/// A running upstream; dropping it breaks everything off.
pub struct Upstream {
    runtime: Option<Runtime>,
    pub seen: Arc<Seen>,
}

impl Upstream {
    pub fn start(socket: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let seen = Arc::new(Seen::default());
        let _ = std::fs::remove_file(socket);
        let listener = runtime.block_on(async { UnixListener::bind(socket).unwrap() });
        let counted = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.connections.fetch_add(1, Ordering::SeqCst);
                let seen = Arc::clone(&counted);
                let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
                tokio::spawn(
                    Builder::new(TokioExecutor::new())
                        .max_concurrent_streams(20_000)
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self {
            runtime: Some(runtime),
            seen,
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    seen: Arc<Seen>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    seen.calls.fetch_add(1, Ordering::SeqCst);
    *seen.headers.lock().unwrap() = request.headers().clone();
    *seen.authority.lock().unwrap() = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let verb = request
        .uri()
        .path()
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let (send, receive) = tokio::sync::mpsc::channel::<Sent>(4);
    tokio::spawn(async move {
        if perform(&verb, request.into_body(), &send).await.is_none() {
            seen.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    });
    let body = BodyExt::boxed(StreamBody::new(ReceiverStream::new(receive)));
    let builder = Response::builder().header("content-type", "application/grpc");
    Ok(builder
        .header("x-from-upstream", "head")
        .body(body)
        .unwrap())
}

/// None: the call was reset meanwhile.
async fn perform(
    verb: &str,
    mut body: Incoming,
    send: &tokio::sync::mpsc::Sender<Sent>,
) -> Option<()> {
    match verb {
        // Sends back every byte as it comes.
        "Echo" => {
            while let Some(frame) = body.frame().await {
                let data = frame.ok()?.into_data().ok()?;
                send.send(Ok(Frame::data(data))).await.ok()?;
            }
        }
        // Sends one message, then nothing for as long as somebody listens.
        "Hang" => {
            send.send(Ok(Frame::data(framed(b"first")))).await.ok()?;
            send.closed().await;
            return None;
        }
        // Never sends anything.
        "Silent" => {
            send.closed().await;
            return None;
        }
        // Sends without end.
        "Flood" => loop {
            send.send(Ok(Frame::data(framed(&[7; 16 * 1024]))))
                .await
                .ok()?;
        },
        // Ends without trailers, inside the answer.
        "Torn" => {
            send.send(Ok(Frame::data(framed(b"first")))).await.ok()?;
            return Some(());
        }
        other => panic!("no such verb {other}"),
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("x-from-upstream", "tail".parse().unwrap());
    send.send(Ok(Frame::trailers(trailers))).await.ok()
}
