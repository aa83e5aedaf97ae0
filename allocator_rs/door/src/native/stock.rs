//! `StockService`: validate, extract, submit, convert.

mod import;
mod sales;

use std::time::Duration;

use bopis_engine::scope;
use bopis_ledger::{Act, Command, Outcome};
use tonic::{Request, Response, Status, Streaming};

use super::convert::availability;
use super::desk::{body_digest, deadline_of, request_key, Desk};
use super::errors::{check, invalid_field, refused, unexpected};
use super::timing::LedgerTime;
use crate::v1::stock_service_server::StockService;
use crate::v1::{
    AdjustStockRequest, AdjustStockResponse, ImportStockRequest, ImportStockResponse,
    RecordSalesRequest, RecordSalesResponse,
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

    async fn adjust(
        &self,
        request: Request<AdjustStockRequest>,
    ) -> Result<(AdjustStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        if body.on_hand_delta == 0 && body.unavailable_delta == 0 {
            return Err(invalid_field(
                "on_hand_delta",
                "or unavailable_delta must not be 0",
            ));
        }
        let request_id = std::mem::take(&mut body.request_id);
        let fingerprint = body_digest(&body);
        let cell = self.desk.stock_cell(&body.node_id, &body.sku);
        let command = Command::Adjust {
            cell: cell.map_err(|gap| gap.of_cell(&body.node_id, &body.sku))?,
            on_hand_delta: body.on_hand_delta,
            unavailable_delta: body.unavailable_delta,
            reason: u8::try_from(body.reason).unwrap_or(0),
        };
        let request = request_key(scope::ADJUST, &request_id)?;
        let act = Act {
            request,
            fingerprint,
            commands: vec![command],
        };
        let mut answered = self.desk.submit(act, deadline).await?;
        match answered.only()? {
            Outcome::Cell(view) => {
                let response = AdjustStockResponse {
                    availability: Some(availability(body.node_id, body.sku, &view)),
                    deficit_quantity: view.deficit(),
                    position: Some(answered.position),
                };
                Ok((response, answered.took))
            }
            Outcome::Refused(refusal) => Err(refused(refusal)),
            _ => Err(unexpected()),
        }
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
