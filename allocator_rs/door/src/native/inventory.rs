//! `InventoryService`: validate, extract, submit, convert.

mod availability;
mod batch;
mod granted;
mod list;
mod reserve;
mod watch;

use tonic::{Request, Response, Status};

use self::availability::Chunks;
use self::watch::Watched;
use super::desk::Desk;
use super::timing::LedgerTime;
use crate::v1::inventory_service_server::InventoryService;
use crate::v1::{
    BatchGetAvailabilityRequest, BatchReserveRequest, BatchReserveResponse,
    CommitReservationRequest, CommitReservationResponse, ExtendReservationRequest,
    ExtendReservationResponse, GetAvailabilityRequest, GetAvailabilityResponse,
    GetReservationRequest, GetReservationResponse, ListReservationsRequest,
    ListReservationsResponse, MoveReservationRequest, MoveReservationResponse,
    ReleaseReservationRequest, ReleaseReservationResponse, ReserveRequest, ReserveResponse,
    WatchAvailabilityRequest,
};

/// Availability and reservations over the engine.
#[derive(Clone)]
pub(super) struct Inventory {
    desk: Desk,
}

impl Inventory {
    pub(super) const fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

/// An answer with the ledger's time beside it.
fn timed<T>((message, took): (T, std::time::Duration)) -> Response<T> {
    let mut response = Response::new(message);
    response.extensions_mut().insert(LedgerTime(took));
    response
}

#[tonic::async_trait]
impl InventoryService for Inventory {
    type BatchGetAvailabilityStream = Chunks;
    type WatchAvailabilityStream = Watched;

    async fn get_availability(
        &self,
        request: Request<GetAvailabilityRequest>,
    ) -> Result<Response<GetAvailabilityResponse>, Status> {
        self.read_one(request.into_inner()).await.map(Response::new)
    }

    async fn batch_get_availability(
        &self,
        request: Request<BatchGetAvailabilityRequest>,
    ) -> Result<Response<Chunks>, Status> {
        self.read_many(request.into_inner())
            .await
            .map(Response::new)
    }

    async fn watch_availability(
        &self,
        request: Request<WatchAvailabilityRequest>,
    ) -> Result<Response<Watched>, Status> {
        self.watch(request.into_inner()).map(Response::new)
    }

    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        self.hold(request).await.map(timed)
    }

    async fn batch_reserve(
        &self,
        request: Request<BatchReserveRequest>,
    ) -> Result<Response<BatchReserveResponse>, Status> {
        self.hold_each(request).await.map(timed)
    }

    async fn commit_reservation(
        &self,
        request: Request<CommitReservationRequest>,
    ) -> Result<Response<CommitReservationResponse>, Status> {
        self.commit(request).await.map(timed)
    }

    async fn extend_reservation(
        &self,
        request: Request<ExtendReservationRequest>,
    ) -> Result<Response<ExtendReservationResponse>, Status> {
        self.extend(request).await.map(timed)
    }

    async fn release_reservation(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>, Status> {
        self.release(request).await.map(timed)
    }

    async fn move_reservation(
        &self,
        request: Request<MoveReservationRequest>,
    ) -> Result<Response<MoveReservationResponse>, Status> {
        self.move_all(request).await.map(timed)
    }

    async fn get_reservation(
        &self,
        request: Request<GetReservationRequest>,
    ) -> Result<Response<GetReservationResponse>, Status> {
        self.find(request.into_inner()).await.map(Response::new)
    }

    async fn list_reservations(
        &self,
        request: Request<ListReservationsRequest>,
    ) -> Result<Response<ListReservationsResponse>, Status> {
        self.list(request.into_inner()).await.map(Response::new)
    }
}
