//! What the door answers itself: health and reflection.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_health::ServingStatus;

use crate::inbound::InboundBody;
use crate::options::StartError;

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;
type Handler = Arc<dyn Fn(Request<InboundBody>) -> Answering + Send + Sync>;

/// An rpc of the door's own.
#[derive(Clone)]
pub(crate) struct SystemMethod {
    /// Its path.
    pub(crate) path: &'static str,
    /// The client sends exactly one message.
    pub(crate) single: bool,
    /// The answer has no end of its own.
    pub(crate) streaming: bool,
    handler: Handler,
}

impl SystemMethod {
    fn new(path: &'static str, single: bool, streaming: bool, handler: &Handler) -> Self {
        Self {
            path,
            single,
            streaming,
            handler: Arc::clone(handler),
        }
    }

    /// Answers.
    pub(crate) async fn call(&self, request: Request<InboundBody>) -> Response<Body> {
        (self.handler)(request).await
    }
}

/// Health of every service; NOT_SERVING until told otherwise.
pub(crate) struct Health {
    reporter: HealthReporter,
    names: Vec<String>,
}

impl Health {
    /// Health of these services and of the whole (the empty name).
    pub(crate) async fn start(
        reporter: HealthReporter,
        services: impl IntoIterator<Item = String>,
    ) -> Self {
        let health = Self {
            reporter,
            names: services.into_iter().chain([String::new()]).collect(),
        };
        health.set(false).await;
        health
    }

    /// Tells who asks, and who watches.
    pub(crate) async fn set(&self, serving: bool) {
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// The rpcs of health, and of reflection if there are descriptors.
///
/// # Errors
/// Descriptors that make no set.
pub(crate) fn methods(
    reporter: &HealthReporter,
    descriptor_set: &[u8],
) -> Result<Vec<SystemMethod>, StartError> {
    let health = tonic_health::pb::health_server::HealthServer::new(
        HealthService::from_health_reporter(reporter.clone()),
    );
    let health = handler(health);
    let mut methods = vec![
        SystemMethod::new("/grpc.health.v1.Health/Check", true, false, &health),
        SystemMethod::new("/grpc.health.v1.Health/Watch", true, true, &health),
    ];
    if !descriptor_set.is_empty() {
        let failed =
            |error: tonic_reflection::server::Error| StartError::Descriptors(error.to_string());
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(descriptor_set)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let v1 = handler(builder().build_v1().map_err(failed)?);
        let v1alpha = handler(builder().build_v1alpha().map_err(failed)?);
        methods.extend([
            SystemMethod::new(
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                false,
                true,
                &v1,
            ),
            SystemMethod::new(
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                false,
                true,
                &v1alpha,
            ),
        ]);
    }
    Ok(methods)
}

fn handler<S>(service: S) -> Handler
where
    S: Service<Request<InboundBody>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    Arc::new(move |request| {
        let mut service = service.clone();
        let answering = service.call(request);
        Box::pin(async move {
            match answering.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    })
}
