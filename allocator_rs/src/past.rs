//! A choice made again on the ledger as it was.

use std::path::PathBuf;

use bopis_engine::{Past, PastError, VerifyError};
use bopis_promise::{decide_again as decide, Decided, Decision, QuoteFault, QuoteLost};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::dto::parse_uuid;
use crate::duals::{DualChargesDto, DualsDto, QuoteAskDto, QuoteLostDto};
use crate::errors::BindingError;
use crate::planning::{AskDto, ItemDto, NetworkDto, PlanDto};
use crate::policy::PolicyDto;

#[derive(Debug, Deserialize)]
struct DecisionDto {
    journal_id: String,
    sequence: u64,
    network: NetworkDto,
    items: Vec<ItemDto>,
    policy: PolicyDto,
    duals: Option<DualsDto>,
    ask: AskDto,
    quote: Option<QuoteAskDto>,
    quote_lost: Option<LostDto>,
}

#[derive(Debug, Deserialize)]
struct LostDto {
    reason: FaultDto,
    node_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FaultDto {
    NoStock,
    NoLabor,
    WindowPast,
    NodeNotAllowed,
}

impl From<LostDto> for QuoteLost {
    fn from(lost: LostDto) -> Self {
        Self {
            fault: match lost.reason {
                FaultDto::NoStock => QuoteFault::NoStock,
                FaultDto::NoLabor => QuoteFault::NoLabor,
                FaultDto::WindowPast => QuoteFault::WindowPast,
                FaultDto::NodeNotAllowed => QuoteFault::NodeNotAllowed,
            },
            node_id: lost.node_id,
        }
    }
}

#[derive(Debug, Serialize)]
struct DecidedDto {
    plan: PlanDto,
    duals: Option<DualChargesDto>,
    quote_lost: Option<QuoteLostDto>,
}

impl From<Decided> for DecidedDto {
    fn from(decided: Decided) -> Self {
        Self {
            plan: decided.plan.into(),
            duals: decided.duals.map(Into::into),
            quote_lost: decided.quote_lost.map(Into::into),
        }
    }
}

/// Chooses a plan again, on the ledger in `directory` as it was after a record; never writes, and
/// works beside the service.
#[pyfunction]
pub fn decide_again<'py>(
    py: Python<'py>,
    directory: PathBuf,
    payload: &[u8],
) -> Result<Bound<'py, PyBytes>, BindingError> {
    let bytes = py.detach(|| {
        let dto: DecisionDto = rmp_serde::from_slice(payload)?;
        let journal_id = parse_uuid(&dto.journal_id)?;
        let past = Past::at(&directory, journal_id, dto.sequence).map_err(of_past)?;
        let decision = Decision {
            nodes: dto.network.into_specs(),
            items: dto.items.into_iter().map(Into::into).collect(),
            policy: dto.policy.into(),
            duals: dto.duals.map(DualsDto::into_prices),
            ask: dto.ask.into(),
            quote: dto.quote.map(Into::into),
            quote_lost: dto.quote_lost.map(Into::into),
        };
        let decided = DecidedDto::from(decide(&past, decision)?);
        rmp_serde::to_vec_named(&decided).map_err(BindingError::from)
    })?;
    Ok(PyBytes::new(py, &bytes))
}

fn of_past(error: PastError) -> BindingError {
    match error {
        PastError::Unreadable(VerifyError::Io { .. }) => BindingError::Open(error.to_string()),
        PastError::Unreadable(_) | PastError::Beyond { .. } => {
            BindingError::Divergence(error.to_string())
        }
        other => BindingError::Open(other.to_string()),
    }
}
