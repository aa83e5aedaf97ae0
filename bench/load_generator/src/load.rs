//! The calls and their count.

use crate::arguments::Arguments;
use crate::v1::inventory_service_client::InventoryServiceClient;
use crate::v1::reservation::State;
use crate::v1::reservation_line::Item;
use crate::v1::reserve_response::Outcome;
use crate::v1::{ReservationLine, ReserveRequest};
use hdrhistogram::Histogram;
use rustix::time::{clock_gettime, ClockId};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};

/// Any failure.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// What was seen between the end of the warm-up and the end of the run.
struct Seen {
    latencies_us: Histogram<u64>,
    granted: u64,
    errors: u64,
    first_error: Option<String>,
}

/// State shared by the calls of this single-threaded run.
struct Run {
    arguments: Arguments,
    seen: RefCell<Seen>,
    next: RefCell<u64>,
    measure_from: Instant,
    stop_at: Instant,
}

impl Run {
    /// A request nobody sent before.
    fn request(&self) -> ReserveRequest {
        let mut next = self.next.borrow_mut();
        *next += 1;
        let number = *next;
        let sku = number % self.arguments.skus;
        ReserveRequest {
            request_id: format!("{:08x}-0000-4000-8000-{number:012x}", std::process::id(),),
            lines: vec![ReservationLine {
                node_id: self.arguments.node_id.clone(),
                item: Some(Item::Sku(format!("{}{sku}", self.arguments.sku_prefix))),
                quantity: 1,
                ..ReservationLine::default()
            }],
            ttl: Some(prost_types::Duration {
                seconds: 600,
                nanos: 0,
            }),
            ..ReserveRequest::default()
        }
    }

    /// One call, checked and counted from `due`.
    async fn call(&self, client: &mut InventoryServiceClient<Channel>, due: Instant) {
        let request = self.request();
        let wanted = request.lines.clone();
        let answer = client.reserve(request).await;
        let mut seen = self.seen.borrow_mut();
        let problem = match answer.map(|response| response.into_inner().outcome) {
            Ok(Some(Outcome::Reservation(reservation)))
                if reservation.state == State::Held as i32 && reservation.lines == wanted =>
            {
                seen.granted += 1;
                if due >= self.measure_from {
                    let micros = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                    seen.latencies_us.saturating_record(micros);
                }
                return;
            }
            Ok(other) => format!("unexpected answer {other:?}"),
            Err(status) => status.to_string(),
        };
        seen.errors += 1;
        seen.first_error.get_or_insert(problem);
    }
}

/// Runs the load and gives the JSON line.
pub(crate) async fn run(arguments: &Arguments) -> Result<String, Failure> {
    let mut clients = Vec::with_capacity(arguments.connections);
    for _ in 0..arguments.connections {
        let endpoint = Endpoint::from_shared(format!("http://{}", arguments.address))?
            .tcp_nodelay(true)
            .connect()
            .await?;
        clients.push(InventoryServiceClient::new(endpoint));
    }
    let begin = Instant::now();
    let measure_from = begin + Duration::from_secs(arguments.warmup_s);
    let run = Rc::new(Run {
        arguments: arguments.clone(),
        seen: RefCell::new(Seen {
            latencies_us: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            granted: 0,
            errors: 0,
            first_error: None,
        }),
        next: RefCell::new(0),
        measure_from,
        stop_at: measure_from + Duration::from_secs(arguments.seconds),
    });
    let tasks = tokio::task::LocalSet::new();
    for client in clients {
        for slot in 0..run.arguments.in_flight {
            let (run, client) = (Rc::clone(&run), client.clone());
            tasks.spawn_local(async move { caller(run, client, slot).await });
        }
    }
    let cpu = tasks
        .run_until(async {
            tokio::time::sleep_until(measure_from.into()).await;
            let before = cpu_seconds();
            tokio::time::sleep_until(run.stop_at.into()).await;
            cpu_seconds() - before
        })
        .await;
    tasks.await;
    let seen = run.seen.borrow();
    Ok(report(arguments, &seen, cpu))
}

/// One caller: in a closed loop call after call; in an open loop each call at its due time. The
/// callers share the rate evenly, each with its own phase.
async fn caller(run: Rc<Run>, mut client: InventoryServiceClient<Channel>, slot: usize) {
    let callers = (run.arguments.connections * run.arguments.in_flight) as u64;
    let period = match run.arguments.rate {
        0 => None,
        rate => Some(Duration::from_nanos(1_000_000_000 * callers / rate)),
    };
    let mut due = Instant::now();
    if let Some(period) = period {
        due += period.mul_f64(slot as f64 / run.arguments.in_flight as f64);
    }
    while Instant::now() < run.stop_at {
        match period {
            None => due = Instant::now(),
            Some(period) => {
                due += period;
                tokio::time::sleep_until(due.into()).await;
            }
        }
        run.call(&mut client, due).await;
    }
}

/// CPU seconds that this process has used.
fn cpu_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// The JSON line.
fn report(arguments: &Arguments, seen: &Seen, cpu: f64) -> String {
    let wall = arguments.seconds as f64;
    let at = |quantile: f64| seen.latencies_us.value_at_quantile(quantile);
    let first_error = seen.first_error.clone().unwrap_or_default();
    format!(
        "{{\"calls\": {}, \"granted_with_warmup\": {}, \"errors\": {}, \"calls_per_second\": {:.1}, \"p50_us\": {}, \
         \"p99_us\": {}, \"p999_us\": {}, \"max_us\": {}, \"connections\": {}, \"in_flight\": {}, \
         \"rate\": {}, \"generator_cpu\": {:.3}, \"first_error\": \"{}\"}}",
        seen.latencies_us.len(),
        seen.granted,
        seen.errors,
        seen.latencies_us.len() as f64 / wall,
        at(0.5),
        at(0.99),
        at(0.999),
        seen.latencies_us.max(),
        arguments.connections,
        arguments.in_flight,
        arguments.rate,
        cpu / wall,
        first_error.escape_default().to_string().replace("\\'", "'"),
    )
}
