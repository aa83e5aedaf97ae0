//! The door as its owner sees it: started, told to serve, drained, stopped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bopis_engine::Engine;
use http::HeaderValue;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic_health::server::HealthReporter;

use crate::admission::Admission;
use crate::answer::Answerer;
use crate::inbound::InboundBudget;
use crate::native::Native;
use crate::options::{DoorOptions, Quoting, StartError};
use crate::passthrough::PassThrough;
use crate::routes::Routes;
use crate::server;
use crate::system::{self, Health};

/// What calls that were told to end get to send their trailers.
const ABORT_GRACE: Duration = Duration::from_secs(1);
/// What the runtime's threads get to end.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// A running door. Its methods block the caller for as long as they say, so call them from no
/// async task. Dropping it stops it at once.
pub struct Door {
    runtime: Mutex<Option<Runtime>>,
    answerer: Arc<Answerer>,
    health: Health,
    connections: TaskTracker,
    port: u16,
}

/// How a door stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopReport {
    /// Every call ended by itself before the deadline.
    pub finished: bool,
}

impl Door {
    /// Listens. Health says NOT_SERVING, and calls are refused, until [`Door::set_serving`].
    ///
    /// # Errors
    /// See [`StartError`]; nothing is left behind then.
    pub fn start(
        engine: Engine,
        quoting: Quoting,
        options: DoorOptions,
    ) -> Result<Self, StartError> {
        options.check()?;
        quoting.check()?;
        let secret = HeaderValue::from_str(&options.upstream_secret);
        let mut secret = secret.map_err(|_| StartError::Secret)?;
        secret.set_sensitive(true);
        let reporter = HealthReporter::new();
        let system = system::methods(&reporter, &options.descriptor_set)?;
        let routes = Routes::new(&options, system)?;
        let services = routes.services();
        let answerer = Arc::new(Answerer {
            routes,
            native: Native::new(engine, quoting, options.max_message_bytes),
            passthrough: PassThrough::new(&options, secret),
            admission: Admission::new(options.max_streams, options.max_calls),
            budget: Arc::new(InboundBudget::new(options.max_inbound_bytes)),
            max_message_bytes: options.max_message_bytes,
            serving: AtomicBool::new(false),
            closing: CancellationToken::new(),
            aborting: CancellationToken::new(),
        });
        let runtime = runtime(options.threads)?;
        let connections = TaskTracker::new();
        let (listener, health) = runtime
            .block_on(async {
                let health = Health::start(reporter, services).await;
                TcpListener::bind(options.address)
                    .await
                    .map(|listener| (listener, health))
            })
            .map_err(|source| StartError::Listen {
                address: options.address,
                source,
            })?;
        let local = listener.local_addr();
        let port = local
            .map_err(|source| StartError::Listen {
                address: options.address,
                source,
            })?
            .port();
        connections.spawn_on(
            server::accept(
                listener,
                Arc::clone(&answerer),
                options.max_connections,
                options.max_streams.saturating_add(options.max_calls),
                connections.clone(),
            ),
            runtime.handle(),
        );
        Ok(Self {
            runtime: Mutex::new(Some(runtime)),
            answerer,
            health,
            connections,
            port,
        })
    }

    /// The port that clients connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Takes calls from now on, or refuses new ones (UNAVAILABLE, `NOT_SERVING`); health says so.
    /// A door that was stopped stays so.
    pub fn set_serving(&self, serving: bool) {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(runtime) = runtime.as_ref() else {
            return;
        };
        self.answerer.serving.store(serving, Ordering::Release);
        runtime.block_on(self.health.set(serving));
    }

    /// Refuses new calls; those under way go on.
    pub fn begin_drain(&self) {
        self.set_serving(false);
    }

    /// Stops listening, lets calls under way finish until the deadline, ends those that are left
    /// with UNAVAILABLE, joins the threads. Streams that only the server sends on have no end of
    /// their own and are ended at once. A second call finds nothing left to do.
    pub fn stop(&self, deadline: Duration) -> StopReport {
        self.begin_drain();
        let runtime = self
            .runtime
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(runtime) = runtime else {
            return StopReport { finished: true };
        };
        self.answerer.closing.cancel();
        self.connections.close();
        let finished = runtime.block_on(async {
            if tokio::time::timeout(deadline, self.connections.wait())
                .await
                .is_ok()
            {
                return true;
            }
            self.answerer.aborting.cancel();
            // What still does not end loses its connection below.
            let _ = tokio::time::timeout(ABORT_GRACE, self.connections.wait()).await;
            false
        });
        runtime.shutdown_timeout(SHUTDOWN_GRACE);
        StopReport { finished }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Door")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

fn runtime(threads: usize) -> Result<Runtime, StartError> {
    let number = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name_fn(move || format!("bopis-door-{}", number.fetch_add(1, Ordering::Relaxed)))
        .enable_io()
        .enable_time()
        .build()
        .map_err(StartError::Threads)
}
