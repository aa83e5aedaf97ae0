//! What is expected, comes in and is counted.

use std::time::Duration;

use bopis_engine::scope;
use bopis_ledger::{CellKey, Command, Outcome};
use tonic::{Request, Status};

use super::Stock;
use crate::native::convert::{availability, named_day, unix_ms};
use crate::native::desk::deadline_of;
use crate::native::errors::{check, unexpected};
use crate::v1::{
    CountStockRequest, CountStockResponse, ReceiveStockRequest, ReceiveStockResponse,
    SetInboundRequest, SetInboundResponse,
};

impl Stock {
    pub(super) async fn count(
        &self,
        request: Request<CountStockRequest>,
    ) -> Result<(CountStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let command = Command::Count {
            cell: self.cell(&body.node_id, &body.sku)?,
            counted: body.counted_quantity,
            effective_ms: body.effective_time.as_ref().map_or(i64::MAX, unix_ms),
        };
        let (outcome, answered) = self
            .act(scope::COUNT_STOCK, &request_id, &body, command, deadline)
            .await?;
        let Outcome::Counted {
            view,
            drift,
            is_included,
        } = outcome
        else {
            return Err(unexpected());
        };
        let response = CountStockResponse {
            availability: Some(availability(body.node_id, body.sku, &view)),
            drift_quantity: drift,
            is_included,
            deficit_quantity: view.deficit(),
            position: Some(answered.position),
        };
        Ok((response, answered.took))
    }

    pub(super) async fn receive(
        &self,
        request: Request<ReceiveStockRequest>,
    ) -> Result<(ReceiveStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let command = Command::Receive {
            cell: self.cell(&body.node_id, &body.sku)?,
            quantity: body.quantity,
            expected_day: named_day(body.expected_day),
            effective_ms: body.effective_time.as_ref().map(unix_ms),
        };
        let (view, answered) = self
            .change(scope::RECEIVE_STOCK, &request_id, &body, command, deadline)
            .await?;
        let response = ReceiveStockResponse {
            availability: Some(availability(body.node_id, body.sku, &view)),
            position: Some(answered.position),
        };
        Ok((response, answered.took))
    }

    pub(super) async fn expect(
        &self,
        request: Request<SetInboundRequest>,
    ) -> Result<(SetInboundResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let command = Command::SetInbound {
            cell: self.cell(&body.node_id, &body.sku)?,
            day: body.day,
            quantity: body.quantity,
        };
        let (view, answered) = self
            .change(scope::SET_INBOUND, &request_id, &body, command, deadline)
            .await?;
        let response = SetInboundResponse {
            availability: Some(availability(body.node_id, body.sku, &view)),
            deficit_quantity: view.deficit(),
            position: Some(answered.position),
        };
        Ok((response, answered.took))
    }

    fn cell(&self, node_id: &str, sku: &str) -> Result<CellKey, Status> {
        let cell = self.desk.stock_cell(node_id, sku);
        cell.map_err(|gap| gap.of_cell(node_id, sku))
    }
}
