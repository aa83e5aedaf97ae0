//! Facts and settings of one cell, or of two.

use std::time::Duration;

use bopis_engine::scope;
use bopis_ledger::{Act, CellView, Command, Outcome};
use prost::Message;
use tonic::{Request, Status};

use super::Stock;
use crate::deadline::Deadline;
use crate::native::convert::{availability, unix_ms};
use crate::native::desk::{body_digest, deadline_of, request_key, Answered};
use crate::native::errors::{check, invalid_field, refused, unexpected};
use crate::v1::{
    AdjustStockRequest, AdjustStockResponse, SetSafetyStockRequest, SetSafetyStockResponse,
    SetStockRequest, SetStockResponse,
};

impl Stock {
    pub(super) async fn adjust(
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
        let cell = self.desk.stock_cell(&body.node_id, &body.sku);
        let command = Command::Adjust {
            cell: cell.map_err(|gap| gap.of_cell(&body.node_id, &body.sku))?,
            on_hand_delta: body.on_hand_delta,
            unavailable_delta: body.unavailable_delta,
            reason: u8::try_from(body.reason).unwrap_or(0),
            effective_ms: body.effective_time.as_ref().map(unix_ms),
        };
        let (view, answered) = self
            .change(scope::ADJUST, &request_id, &body, command, deadline)
            .await?;
        let response = AdjustStockResponse {
            availability: Some(availability(body.node_id, body.sku, &view)),
            deficit_quantity: view.deficit(),
            position: Some(answered.position),
        };
        Ok((response, answered.took))
    }

    pub(super) async fn set(
        &self,
        request: Request<SetStockRequest>,
    ) -> Result<(SetStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let cell = self.desk.stock_cell(&body.node_id, &body.sku);
        let command = Command::CompareAndSet {
            cell: cell.map_err(|gap| gap.of_cell(&body.node_id, &body.sku))?,
            expected: body.expected_on_hand,
            on_hand: body.on_hand,
        };
        let (view, answered) = self
            .change(scope::SET_STOCK, &request_id, &body, command, deadline)
            .await?;
        let response = SetStockResponse {
            availability: Some(availability(body.node_id, body.sku, &view)),
            deficit_quantity: view.deficit(),
            position: Some(answered.position),
        };
        Ok((response, answered.took))
    }

    pub(super) async fn keep(
        &self,
        request: Request<SetSafetyStockRequest>,
    ) -> Result<(SetSafetyStockResponse, Duration), Status> {
        let deadline = deadline_of(&request);
        let mut body = request.into_inner();
        check(&body)?;
        let request_id = std::mem::take(&mut body.request_id);
        let cell = self.desk.stock_cell(&body.node_id, &body.sku);
        let command = Command::SetSafetyStock {
            cell: cell.map_err(|gap| gap.of_cell(&body.node_id, &body.sku))?,
            safety_stock: body.safety_stock,
        };
        let (view, answered) = self
            .change(
                scope::SET_SAFETY_STOCK,
                &request_id,
                &body,
                command,
                deadline,
            )
            .await?;
        let response = SetSafetyStockResponse {
            availability: Some(availability(body.node_id, body.sku, &view)),
            position: Some(answered.position),
        };
        Ok((response, answered.took))
    }

    /// An act of one command that changes one cell: the cell as it is now.
    pub(super) async fn change(
        &self,
        scope: u32,
        request_id: &str,
        body: &impl Message,
        command: Command,
        deadline: Deadline,
    ) -> Result<(CellView, Answered), Status> {
        match self.act(scope, request_id, body, command, deadline).await? {
            (Outcome::Cell(view), answered) => Ok((view, answered)),
            _ => Err(unexpected()),
        }
    }

    /// An act of one command, the rest of the message being what a repeat must equal.
    pub(super) async fn act(
        &self,
        scope: u32,
        request_id: &str,
        body: &impl Message,
        command: Command,
        deadline: Deadline,
    ) -> Result<(Outcome, Answered), Status> {
        let act = Act {
            request: request_key(scope, request_id)?,
            fingerprint: body_digest(body),
            commands: vec![command],
        };
        let mut answered = self.desk.submit(act, deadline).await?;
        match answered.only()? {
            Outcome::Refused(refusal) => Err(refused(refusal)),
            outcome => Ok((outcome, answered)),
        }
    }
}
