//! A door over an engine in memory, and clients of it.

pub mod raw;
pub mod upstream;

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc};
use std::time::Duration;

use bopis_door::v1::inventory_service_client::InventoryServiceClient;
use bopis_door::v1::stock_service_client::StockServiceClient;
use bopis_door::v1::{
    reservation_line, reserve_response, Availability, CommitReservationRequest,
    GetAvailabilityRequest, ReleaseReservationRequest, Reservation, ReservationLine,
    ReserveRequest, ReserveResponse,
};
use bopis_door::{Door, DoorOptions, Quoting};
use bopis_engine::{Engine, EngineOptions, SystemClock};
use bopis_ledger::{Act, ActOutcome, CellKey, Command, ItemName, Outcome, RequestKey};
use bopis_promise::{Promiser, PromiserOptions};
use prost_types::Timestamp;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::Status;
use tonic_types::StatusExt;

/// One store, two SKUs, one labor window.
pub const NODE: &str = "store-1";
pub const OTHER_NODE: &str = "store-2";
pub const SKU: &str = "sku-1";
pub const OTHER_SKU: &str = "sku-2";
pub const ON_HAND: i64 = 10;
pub const LABOR_SECONDS: i64 = 3600;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A UUID that no other call of this test got.
pub fn uuid() -> String {
    let number = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// A running door with everything around it.
pub struct House {
    pub door: Door,
    pub engine: Engine,
    pub runtime: Runtime,
    pub channel: Channel,
    pub folder: tempfile::TempDir,
    pub promiser: Promiser,
}

impl House {
    /// A serving door over a stocked engine.
    pub fn open() -> Self {
        Self::open_with(|_| ())
    }

    pub fn open_with(change: impl FnOnce(&mut DoorOptions)) -> Self {
        let engine = Engine::open(EngineOptions::memory(Arc::new(SystemClock::new()))).unwrap();
        stock(&engine);
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path().join("up"));
        change(&mut options);
        let promiser = Promiser::start(engine.clone(), PromiserOptions::default()).unwrap();
        let door = Door::start(engine.clone(), quoting(&promiser), options).unwrap();
        door.set_serving(true);
        let runtime = Runtime::new().unwrap();
        let channel = runtime.block_on(async { endpoint(door.port()).connect().await.unwrap() });
        Self {
            door,
            engine,
            runtime,
            channel,
            folder,
            promiser,
        }
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(30), future)
                .await
                .expect("a test call hangs")
        })
    }

    pub fn inventory(&self) -> InventoryServiceClient<Channel> {
        InventoryServiceClient::new(self.channel.clone())
            .max_decoding_message_size(64 * 1024 * 1024)
    }

    pub fn stock(&self) -> StockServiceClient<Channel> {
        StockServiceClient::new(self.channel.clone())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("up")
    }
}

/// What promises are made from and signed with.
pub fn quoting(promiser: &Promiser) -> Quoting {
    Quoting {
        planner: promiser.planner(),
        key: vec![7; 32],
    }
}

pub fn options(socket: PathBuf) -> DoorOptions {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    DoorOptions::new(address, socket, "secret".to_owned())
}

pub fn endpoint(port: u16) -> Endpoint {
    Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap()
}

/// The hour that began last, Unix seconds.
pub fn window_start_s(engine: &Engine) -> i64 {
    engine.wall_ms() / 3_600_000 * 3600
}

/// Applies commands past the door.
pub fn apply(engine: &Engine, commands: Vec<Command>) -> Vec<Outcome> {
    let id = u128::from(NEXT_ID.fetch_add(1, Ordering::Relaxed));
    let (send, receive) = mpsc::channel();
    let act = Act {
        request: RequestKey { scope: 1000, id },
        fingerprint: 0,
        commands,
    };
    engine
        .submit(act, Box::new(move |reply| send.send(reply).unwrap()))
        .unwrap();
    match receive.recv().unwrap().unwrap().outcome {
        ActOutcome::Done(outcomes) => outcomes.into_vec(),
        other => panic!("{other:?}"),
    }
}

/// Names and stock.
pub fn stock(engine: &Engine) {
    let labor = ItemName::Labor {
        window_start_s: window_start_s(engine),
    };
    apply(
        engine,
        vec![
            Command::RegisterLocation { name: NODE.into() },
            Command::RegisterLocation {
                name: OTHER_NODE.into(),
            },
            Command::RegisterItem {
                name: ItemName::Sku(SKU.into()),
            },
            Command::RegisterItem {
                name: ItemName::Sku(OTHER_SKU.into()),
            },
            Command::RegisterItem { name: labor },
        ],
    );
    let location = engine.location(NODE).unwrap();
    let cell = |item| CellKey { location, item };
    let set = |cell, on_hand| Command::SetOnHand { cell, on_hand };
    apply(
        engine,
        vec![
            set(cell(engine.sku(SKU).unwrap()), ON_HAND),
            set(cell(engine.sku(OTHER_SKU).unwrap()), ON_HAND),
            set(
                cell(engine.labor(window_start_s(engine)).unwrap()),
                LABOR_SECONDS,
            ),
        ],
    );
}

pub fn line(node_id: &str, sku: &str, quantity: i64) -> ReservationLine {
    let item = Some(reservation_line::Item::Sku(sku.to_owned()));
    ReservationLine {
        node_id: node_id.to_owned(),
        quantity,
        item,
        staged: false,
    }
}

pub fn labor_line(node_id: &str, window_start_s: i64, quantity: i64) -> ReservationLine {
    let start = Timestamp {
        seconds: window_start_s,
        nanos: 0,
    };
    let item = Some(reservation_line::Item::LaborWindowStartTime(start));
    ReservationLine {
        node_id: node_id.to_owned(),
        quantity,
        item,
        staged: false,
    }
}

pub fn reserve(lines: Vec<ReservationLine>) -> ReserveRequest {
    ReserveRequest {
        request_id: uuid(),
        lines,
        ..ReserveRequest::default()
    }
}

/// Asks for a reservation.
pub fn hold(house: &House, request: ReserveRequest) -> ReserveResponse {
    let answer = house.block_on(house.inventory().reserve(request));
    answer.unwrap().into_inner()
}

/// The reservation that was asked for, of which nothing lacked.
pub fn granted(response: ReserveResponse) -> Reservation {
    match response.outcome {
        Some(reserve_response::Outcome::Reservation(reservation)) => reservation,
        other => panic!("{other:?}"),
    }
}

/// What of a SKU can be promised at the store.
pub fn available(house: &House, sku: &str) -> Availability {
    let request = GetAvailabilityRequest {
        node_id: NODE.into(),
        sku: sku.into(),
        at_least_position: None,
        ..Default::default()
    };
    let answer = house
        .block_on(house.inventory().get_availability(request))
        .unwrap();
    answer.into_inner().availability.unwrap()
}

/// Commits a hold.
pub fn commit(house: &House, reservation_id: &str) -> Reservation {
    let request = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.into(),
    };
    let answer = house.block_on(house.inventory().commit_reservation(request));
    answer.unwrap().into_inner().reservation.unwrap()
}

/// Releases these lines of a reservation; without any, all of it.
pub fn release(house: &House, reservation_id: &str, lines: Vec<ReservationLine>) -> Reservation {
    let request = ReleaseReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.into(),
        lines,
    };
    let answer = house.block_on(house.inventory().release_reservation(request));
    answer.unwrap().into_inner().reservation.unwrap()
}

/// Reason of the `ErrorInfo`, which every error carries.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "bopis");
    info.reason.clone()
}

/// Paths of the `BadRequest`.
pub fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details
        .bad_request()
        .map(|bad| {
            bad.field_violations
                .iter()
                .map(|v| v.field.clone())
                .collect()
        })
        .unwrap_or_default()
}

/// Waits for a condition with a deadline.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}
