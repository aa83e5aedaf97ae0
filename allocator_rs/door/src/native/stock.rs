//! `StockService`: validate, extract, submit, convert.

mod cell;
mod import;
mod sales;
mod supply;
mod transfer;

use std::time::Duration;

use tonic::{Request, Response, Status, Streaming};

use super::desk::Desk;
use super::timing::LedgerTime;
use crate::v1::stock_service_server::StockService;
use crate::v1::{
    AdjustStockRequest, AdjustStockResponse, CountStockRequest, CountStockResponse,
    ImportStockRequest, ImportStockResponse, ReceiveStockRequest, ReceiveStockResponse,
    RecordSalesRequest, RecordSalesResponse, SetInboundRequest, SetInboundResponse,
    SetSafetyStockRequest, SetSafetyStockResponse, SetStockRequest, SetStockResponse,
    TransferStockRequest, TransferStockResponse,
};

/// Physical facts over the engine.
#[derive(Clone)]
pub(super) struct Stock {
    desk: Desk,
}

impl Stock {
    pub(super) const fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

fn timed<T>((message, took): (T, Duration)) -> Response<T> {
    let mut response = Response::new(message);
    response.extensions_mut().insert(LedgerTime(took));
    response
}

#[tonic::async_trait]
impl StockService for Stock {
    async fn adjust_stock(
        &self,
        request: Request<AdjustStockRequest>,
    ) -> Result<Response<AdjustStockResponse>, Status> {
        self.adjust(request).await.map(timed)
    }

    async fn set_stock(
        &self,
        request: Request<SetStockRequest>,
    ) -> Result<Response<SetStockResponse>, Status> {
        self.set(request).await.map(timed)
    }

    async fn count_stock(
        &self,
        request: Request<CountStockRequest>,
    ) -> Result<Response<CountStockResponse>, Status> {
        self.count(request).await.map(timed)
    }

    async fn receive_stock(
        &self,
        request: Request<ReceiveStockRequest>,
    ) -> Result<Response<ReceiveStockResponse>, Status> {
        self.receive(request).await.map(timed)
    }

    async fn set_inbound(
        &self,
        request: Request<SetInboundRequest>,
    ) -> Result<Response<SetInboundResponse>, Status> {
        self.expect(request).await.map(timed)
    }

    async fn transfer_stock(
        &self,
        request: Request<TransferStockRequest>,
    ) -> Result<Response<TransferStockResponse>, Status> {
        self.transfer(request).await.map(timed)
    }

    async fn set_safety_stock(
        &self,
        request: Request<SetSafetyStockRequest>,
    ) -> Result<Response<SetSafetyStockResponse>, Status> {
        self.keep(request).await.map(timed)
    }

    async fn import_stock(
        &self,
        request: Request<Streaming<ImportStockRequest>>,
    ) -> Result<Response<ImportStockResponse>, Status> {
        self.import(request).await.map(timed)
    }

    async fn record_sales(
        &self,
        request: Request<RecordSalesRequest>,
    ) -> Result<Response<RecordSalesResponse>, Status> {
        self.record(request).await.map(timed)
    }
}
