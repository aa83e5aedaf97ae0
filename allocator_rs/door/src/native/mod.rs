//! The services that the engine answers without Python.

pub(crate) mod codec;
mod convert;
mod days;
mod desk;
mod errors;
mod inventory;
mod promise;
mod reservation_id;
mod stock;
mod timing;
mod unknown;

use bopis_engine::Engine;
use http::{Request, Response};
use tonic::body::Body;
use tonic::codegen::Service;

use crate::inbound::InboundBody;
use crate::options::Quoting;
use crate::v1::inventory_service_server::InventoryServiceServer;
use crate::v1::promise_service_server::PromiseServiceServer;
use crate::v1::stock_service_server::StockServiceServer;

use desk::Desk;
use inventory::Inventory;
use promise::Promise;
use stock::Stock;

/// A native service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::enum_variant_names,
    reason = "the protos' names, which the generated table uses"
)]
pub(crate) enum NativeService {
    /// Availability and reservations.
    InventoryService,
    /// Options and their quotes.
    PromiseService,
    /// Physical facts.
    StockService,
}

/// A native rpc.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NativeMethod {
    /// Its path.
    pub(crate) path: &'static str,
    /// Whose it is.
    pub(crate) service: NativeService,
    /// The client sends any number of messages.
    pub(crate) client_streaming: bool,
    /// The server sends any number of messages.
    pub(crate) server_streaming: bool,
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// All of them over one engine.
pub(crate) struct Native {
    inventory: InventoryServiceServer<Inventory>,
    promise: PromiseServiceServer<Promise>,
    stock: StockServiceServer<Stock>,
}

impl Native {
    pub(crate) fn new(engine: Engine, quoting: Quoting, max_message_bytes: usize) -> Self {
        let desk = Desk::new(engine);
        let inventory = InventoryServiceServer::new(Inventory::new(desk.clone()));
        let promise = PromiseServiceServer::new(Promise::new(desk.clone(), quoting));
        let stock = StockServiceServer::new(Stock::new(desk));
        // A batch read or an outcome per item may be larger than what was asked.
        Self {
            inventory: inventory.max_decoding_message_size(max_message_bytes),
            promise: promise.max_decoding_message_size(max_message_bytes),
            stock: stock.max_decoding_message_size(max_message_bytes),
        }
    }

    /// Answers a call of one of `NATIVE_METHODS`.
    pub(crate) async fn call(
        &self,
        method: &NativeMethod,
        request: Request<InboundBody>,
    ) -> Response<Body> {
        let answered = match method.service {
            NativeService::InventoryService => self.inventory.clone().call(request).await,
            NativeService::PromiseService => self.promise.clone().call(request).await,
            NativeService::StockService => self.stock.clone().call(request).await,
        };
        match answered {
            Ok(response) => timing::as_trailer(response),
            Err(never) => match never {},
        }
    }
}
