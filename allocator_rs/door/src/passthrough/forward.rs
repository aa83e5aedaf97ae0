//! One call on its way through.

use http::header::HeaderValue;
use http::uri::{PathAndQuery, Uri};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::Status;

use super::connection::{Pool, UpstreamFault};
use super::headers;
use crate::errors::{deadline_exceeded, malformed, not_serving};
use crate::guarded::{Guard, GuardedBody};
use crate::inbound::{BodyRules, InboundBody};
use crate::options::DoorOptions;

/// The way through.
#[derive(Debug)]
pub(crate) struct PassThrough {
    unary: Pool,
    streams: Pool,
    secret: HeaderValue,
}

/// A call to forward.
pub(crate) struct Forwarded {
    /// As it arrived.
    pub(crate) request: Request<Incoming>,
    /// Whether it goes over the connections for streams.
    pub(crate) streaming: bool,
    /// The rules of its body.
    pub(crate) rules: BodyRules,
    /// What may end it.
    pub(crate) guard: Guard,
}

impl PassThrough {
    /// Connects when the first call passes.
    pub(crate) fn new(options: &DoorOptions, secret: HeaderValue) -> Self {
        let socket = &options.upstream_socket;
        Self {
            unary: Pool::new(socket, options.unary_connections, options.max_calls),
            streams: Pool::new(socket, options.stream_connections, options.max_streams),
            secret,
        }
    }

    /// # Errors
    /// The status to answer with when upstream gave no answer.
    pub(crate) async fn forward(&self, call: Forwarded) -> Result<Response<Body>, Status> {
        let Forwarded {
            request,
            streaming,
            rules,
            guard,
        } = call;
        guard.deadline.check()?;
        let upstream = self.upstream_request(request, rules, &guard)?;
        let pool = if streaming {
            &self.streams
        } else {
            &self.unary
        };
        let closing = guard.closing.clone();
        let sent = tokio::select! {
            biased;
            sent = pool.send(upstream) => sent,
            () = past(guard.deadline.0) => return Err(deadline_exceeded()),
            () = closing.cancelled() => return Err(not_serving()),
        };
        match sent {
            Ok(response) => answer(response, guard),
            Err(UpstreamFault::Connect) => Err(guard.fault("cannot be reached")),
            Err(UpstreamFault::Broken(error)) => {
                tracing::debug!(%error, "an upstream call broke");
                Err(guard.fault("broke off"))
            }
        }
    }

    fn upstream_request(
        &self,
        request: Request<Incoming>,
        rules: BodyRules,
        guard: &Guard,
    ) -> Result<Request<InboundBody>, Status> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned();
        let uri = Uri::builder()
            .scheme("http")
            .authority("localhost")
            .path_and_query(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
            .build()
            .map_err(|_| malformed("the path cannot be forwarded"))?;
        let body = InboundBody::new(body, rules, guard.verdict.clone(), None);
        let mut upstream = Request::new(body);
        *upstream.method_mut() = Method::POST;
        *upstream.version_mut() = Version::HTTP_2;
        *upstream.uri_mut() = uri;
        *upstream.headers_mut() = headers::upstream(&parts.headers, &self.secret, guard.deadline);
        Ok(upstream)
    }
}

/// Resolves at the deadline, never without one.
async fn past(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn answer(response: Response<Incoming>, guard: Guard) -> Result<Response<Body>, Status> {
    let (parts, body) = response.into_parts();
    if parts.status != StatusCode::OK {
        return Err(guard.fault("answered in no gRPC"));
    }
    if let Some(status) = guard.reasoned(&parts.headers) {
        return Err(status);
    }
    let trailers_only = parts.headers.contains_key("grpc-status");
    Ok(Response::from_parts(
        parts,
        Body::new(GuardedBody::new(body, guard, trailers_only)),
    ))
}
