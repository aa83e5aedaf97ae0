//! Dual prices and quotes as msgpack maps. The fields are those of the values in bopis/domain
//! (duals.py, quote.py).

use bopis_promise::{DualCharges, LaborPrice, QuoteAsk, QuoteLost, QuotedGroup, StockPrice};
use serde::{Deserialize, Serialize};

use crate::planning::MethodDto;

#[derive(Debug, Deserialize)]
struct StockPriceDto {
    node_id: String,
    sku: String,
    price_micro: i64,
}

#[derive(Debug, Deserialize)]
struct LaborPriceDto {
    node_id: String,
    window_start_s: i64,
    price_micro: i64,
}

/// All dual prices.
#[derive(Debug, Deserialize)]
pub struct DualsDto {
    version: i64,
    stock: Vec<StockPriceDto>,
    labor: Vec<LaborPriceDto>,
}

impl DualsDto {
    /// For the promiser.
    pub fn into_prices(self) -> (i64, Vec<StockPrice>, Vec<LaborPrice>) {
        let stock = self.stock.into_iter().map(|price| StockPrice {
            node_id: price.node_id,
            sku: price.sku,
            price_micro: price.price_micro,
        });
        let labor = self.labor.into_iter().map(|price| LaborPrice {
            node_id: price.node_id,
            window_start_s: price.window_start_s,
            price_micro: price.price_micro,
        });
        (self.version, stock.collect(), labor.collect())
    }
}

/// What dual prices charged.
#[derive(Debug, Serialize)]
pub struct DualChargesDto {
    version: i64,
    stock_micro: i64,
    labor_micro: i64,
}

impl From<DualCharges> for DualChargesDto {
    fn from(charges: DualCharges) -> Self {
        Self {
            version: charges.version,
            stock_micro: charges.stock,
            labor_micro: charges.labor,
        }
    }
}

/// A group of a quote, or of a plan in force.
#[derive(Debug, Deserialize)]
pub struct QuotedGroupDto {
    node_id: String,
    method: MethodDto,
    line_numbers: Vec<i32>,
    window_start_ms: i64,
    ready_by_ms: i64,
}

/// An option to be kept.
#[derive(Debug, Deserialize)]
pub struct QuoteAskDto {
    groups: Vec<QuotedGroupDto>,
    required: bool,
}

impl From<QuotedGroupDto> for QuotedGroup {
    fn from(dto: QuotedGroupDto) -> Self {
        Self {
            node_id: dto.node_id,
            method: dto.method.into(),
            line_numbers: dto.line_numbers,
            window_start_s: dto.window_start_ms.div_euclid(1_000),
            ready_s: dto.ready_by_ms.div_euclid(1_000),
        }
    }
}

impl From<QuoteAskDto> for QuoteAsk {
    fn from(dto: QuoteAskDto) -> Self {
        Self {
            groups: dto.groups.into_iter().map(Into::into).collect(),
            required: dto.required,
        }
    }
}

/// Why a quote was not kept.
#[derive(Debug, Serialize)]
pub struct QuoteLostDto {
    reason: &'static str,
    node_id: String,
}

impl From<QuoteLost> for QuoteLostDto {
    fn from(lost: QuoteLost) -> Self {
        Self {
            reason: lost.fault.name(),
            node_id: lost.node_id,
        }
    }
}
