//! One call: found, admitted, answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::Status;

use crate::admission::Admission;
use crate::deadline::Deadline;
use crate::errors::{deadline_exceeded, malformed, not_serving, Refusal};
use crate::guarded::{Guard, GuardedBody};
use crate::inbound::{BodyRules, InboundBody, InboundBudget, Verdict};
use crate::native::{Native, NativeMethod};
use crate::passthrough::{Forwarded, PassThrough};
use crate::routes::{Route, Routes, Through};
use crate::system::SystemMethod;
use crate::v1::ErrorReason;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const REQUEST_ID_BYTES_MAX: usize = 128;
const LINGER_BYTES_MAX: usize = 64 * 1024;
const LINGER_TIME_MAX: Duration = Duration::from_millis(100);
const GRPC_CONTENT: &[u8] = b"application/grpc";

/// Everything that answering a call takes.
pub(crate) struct Answerer {
    pub(crate) routes: Routes,
    pub(crate) native: Native,
    pub(crate) passthrough: PassThrough,
    pub(crate) admission: Admission,
    pub(crate) budget: Arc<InboundBudget>,
    pub(crate) max_message_bytes: usize,
    /// Whether calls are taken; health and reflection always are.
    pub(crate) serving: AtomicBool,
    /// The door closes: what has no end of its own ends now.
    pub(crate) closing: CancellationToken,
    /// The time to finish is over: everything ends now.
    pub(crate) aborting: CancellationToken,
}

impl Answerer {
    /// Answers; no call is left without a status.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let request_id = echoed(request.headers());
        let mut response = match self.dispatch(request).await {
            Ok(response) => response,
            Err(status) => status.into_http(),
        };
        if let Some(id) = request_id {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    async fn dispatch(&self, request: Request<Incoming>) -> Result<Response<Body>, Status> {
        if request.method() != Method::POST || !is_grpc(request.headers()) {
            linger(request.into_body()).await;
            return Ok(not_grpc());
        }
        let (route, guard) = match self.admit(&request) {
            Ok(admitted) => admitted,
            Err(status) => {
                linger(request.into_body()).await;
                return Err(status);
            }
        };
        match route {
            Route::Native(method) => self.native(method, request, guard).await,
            Route::Through(through) => self.through(*through, request, guard).await,
            Route::System(method) => Ok(self.system(method, request, guard).await),
        }
    }

    /// Everything that can be said before the body is looked at.
    fn admit(&self, request: &Request<Incoming>) -> Result<(&Route, Guard), Status> {
        let path = request.uri().path();
        let route = self.routes.find(path).ok_or_else(|| unknown(path))?;
        let (streaming, endless) = match route {
            Route::Native(method) => (
                method.client_streaming || method.server_streaming,
                method.server_streaming,
            ),
            Route::Through(through) => (through.streaming, through.watch),
            Route::System(method) => (method.streaming, method.streaming),
        };
        if !matches!(route, Route::System(_)) && !self.serving.load(Ordering::Acquire) {
            return Err(not_serving());
        }
        let closing = if endless {
            &self.closing
        } else {
            &self.aborting
        };
        let guard = Guard {
            deadline: Deadline::read(request.headers())?,
            closing: closing.clone(),
            verdict: Verdict::default(),
            _permit: self.admission.admit(streaming)?,
            max_message_bytes: self.max_message_bytes,
        };
        Ok((route, guard))
    }

    async fn system(
        &self,
        method: &SystemMethod,
        request: Request<Incoming>,
        guard: Guard,
    ) -> Response<Body> {
        let request = self.inbound(request, method.single, &guard.verdict);
        let response = method.call(request).await;
        if method.streaming {
            guarded(response, guard)
        } else {
            response
        }
    }

    async fn native(
        &self,
        method: &NativeMethod,
        request: Request<Incoming>,
        guard: Guard,
    ) -> Result<Response<Body>, Status> {
        let mut request = self.inbound(request, !method.client_streaming, &guard.verdict);
        request.extensions_mut().insert(guard.deadline);
        // Whether a message is compressed is said, and refused, by the flag before it.
        request.headers_mut().remove(GRPC_ENCODING);
        let answering = self.native.call(method, request);
        let response = match guard.deadline.0 {
            Some(at) => tokio::time::timeout_at(at, answering)
                .await
                .map_err(|_| deadline_exceeded())?,
            None => answering.await,
        };
        Ok(if method.server_streaming {
            guarded(response, guard)
        } else {
            response
        })
    }

    async fn through(
        &self,
        through: Through,
        request: Request<Incoming>,
        guard: Guard,
    ) -> Result<Response<Body>, Status> {
        let rules = BodyRules {
            max_message_bytes: self.max_message_bytes,
            single: through.single,
            compression: true,
        };
        let call = Forwarded {
            request,
            streaming: through.streaming,
            rules,
            guard,
        };
        self.passthrough.forward(call).await
    }

    fn inbound(
        &self,
        request: Request<Incoming>,
        single: bool,
        verdict: &Verdict,
    ) -> Request<InboundBody> {
        let rules = BodyRules {
            max_message_bytes: self.max_message_bytes,
            single,
            compression: false,
        };
        request.map(|body| {
            InboundBody::new(
                body,
                rules,
                Arc::clone(verdict),
                Some(Arc::clone(&self.budget)),
            )
        })
    }
}

fn guarded(response: Response<Body>, guard: Guard) -> Response<Body> {
    let trailers_only = response.headers().contains_key("grpc-status");
    response.map(|body| Body::new(GuardedBody::new(body, guard, trailers_only)))
}

/// Takes in what a refused call still sends, if that is soon over: a stream that is answered while
/// its body is on the way has to be reset, and a client that sees many resets gives up on the
/// connection.
async fn linger(mut body: Incoming) {
    let mut room = LINGER_BYTES_MAX;
    let rest = async {
        while let Some(Ok(frame)) = body.frame().await {
            room = room.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if room == 0 {
                return;
            }
        }
    };
    // What takes longer is cut off.
    let _ = tokio::time::timeout(LINGER_TIME_MAX, rest).await;
}

fn unknown(path: &str) -> Status {
    let shown: String = path.chars().take(200).collect();
    Refusal::new(ErrorReason::UnknownMethod, "no such rpc here")
        .with("path", shown)
        .status()
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        value
            .as_bytes()
            .strip_prefix(GRPC_CONTENT)
            .is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(b"+proto") || rest.starts_with(b";")
            })
    })
}

/// What is not gRPC gets an HTTP answer, as the protocol says.
fn not_grpc() -> Response<Body> {
    let mut response = malformed("this address speaks gRPC only").into_http::<Body>();
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

fn echoed(headers: &HeaderMap) -> Option<HeaderValue> {
    headers
        .get(REQUEST_ID)
        .filter(|value| value.len() <= REQUEST_ID_BYTES_MAX)
        .cloned()
}
