//! The kernel for the batch optimizer: prices many orders under dual prices, in one call.

use std::sync::Arc;

use bopis_promise::{Ask, BatchKernel, BatchRow, Catalog, Network, Priced, Unfilled, World};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::errors::BindingError;
use crate::planning::{AskDto, ItemDto, MethodDto, NetworkDto, PlanDto};
use crate::policy::PolicyDto;

/// Units of a SKU at a node that the orders may use.
#[derive(Debug, Deserialize)]
struct StockRowDto {
    node_id: String,
    sku: String,
    units: i64,
}

/// Seconds of a node's hour that the orders may use.
#[derive(Debug, Deserialize)]
struct LaborRowDto {
    node_id: String,
    window_start_s: i64,
    seconds: i64,
}

/// Groups that the orders may have ready at a node in one of its days.
#[derive(Debug, Deserialize)]
struct GroupRowDto {
    node_id: String,
    method: Option<MethodDto>,
    after_s: i64,
    until_s: i64,
    groups: i64,
}

/// Orders and what they share. Rows are numbered through: stock, what may be shipped of it, groups of
/// days, labor last (the search deals orders by the last row that they take of).
#[derive(Debug, Deserialize)]
pub(crate) struct BatchDto {
    network: NetworkDto,
    items: Vec<ItemDto>,
    policy: PolicyDto,
    asks: Vec<AskDto>,
    now_ms: i64,
    /// By order: numbers of the lines that must not be left.
    promised: Vec<Vec<i32>>,
    stock: Vec<StockRowDto>,
    labor: Vec<LaborRowDto>,
    #[serde(default)]
    shipping: Vec<StockRowDto>,
    #[serde(default)]
    groups: Vec<GroupRowDto>,
}

impl From<BatchDto> for BatchKernel {
    fn from(dto: BatchDto) -> Self {
        let mut catalog = Catalog::default();
        catalog.put(dto.items.into_iter().map(Into::into));
        let world = World::new(
            Arc::new(Network::new(dto.network.into_specs())),
            Arc::new(catalog),
            dto.policy.into(),
        );
        let stock = dto.stock.into_iter().map(|row| BatchRow::Stock {
            node_id: row.node_id,
            sku: row.sku,
            limit: row.units,
        });
        let labor = dto.labor.into_iter().map(|row| BatchRow::Labor {
            node_id: row.node_id,
            window_start_s: row.window_start_s,
            limit: row.seconds,
        });
        let shipping = dto.shipping.into_iter().map(|row| BatchRow::Shipped {
            node_id: row.node_id,
            sku: row.sku,
            limit: row.units,
        });
        let groups = dto.groups.into_iter().map(|row| BatchRow::Groups {
            node_id: row.node_id,
            method: row.method.map(Into::into),
            after_s: row.after_s,
            until_s: row.until_s,
            limit: row.groups,
        });
        let rows: Vec<BatchRow> = stock.chain(shipping).chain(groups).chain(labor).collect();
        let asks: Vec<Ask> = dto.asks.into_iter().map(Into::into).collect();
        Self::new(Arc::new(world), asks, &rows, dto.now_ms).with_promised(dto.promised)
    }
}

/// What is to be priced.
#[derive(Debug, Deserialize)]
struct PriceAskDto {
    /// Indices of orders.
    orders: Vec<usize>,
    /// By row, whole micro-units a unit or second, at least 0.
    prices: Vec<i64>,
    work_limit: u64,
}

#[derive(Debug, Serialize)]
struct ColumnDto {
    cost_micro: i64,
    rows: Vec<usize>,
    amounts: Vec<i64>,
    /// Numbers of the lines that it leaves.
    left: Vec<i32>,
    plan: PlanDto,
}

#[derive(Debug, Serialize)]
struct PricedDto {
    lower_bound: i64,
    priced_cost: i64,
    exact: bool,
    work: u64,
    column: ColumnDto,
}

impl From<Priced> for PricedDto {
    fn from(priced: Priced) -> Self {
        let (rows, amounts) = priced.takes.into_iter().unzip();
        Self {
            lower_bound: priced.lower_bound,
            priced_cost: priced.priced_cost,
            exact: priced.exact,
            work: priced.work,
            column: ColumnDto {
                cost_micro: priced.plan.terms.total(),
                rows,
                amounts,
                left: unfilled_numbers(&priced.plan.unfilled),
                plan: priced.plan.into(),
            },
        }
    }
}

fn unfilled_numbers(unfilled: &[Unfilled]) -> Vec<i32> {
    unfilled.iter().map(|line| line.line_number).collect()
}

/// Prices orders under dual prices.
#[pyclass(frozen, name = "BatchKernel", module = "bopis._allocator_rs")]
pub struct PyBatchKernel(BatchKernel);

#[pymethods]
impl PyBatchKernel {
    /// Takes over network, items, policy, orders and rows.
    #[new]
    fn new(py: Python<'_>, payload: &[u8]) -> Result<Self, BindingError> {
        py.detach(|| {
            let batch: BatchDto = rmp_serde::from_slice(payload)?;
            Ok(Self(batch.into()))
        })
    }

    /// The best plan of each named order under the prices, and its proven lower bound.
    fn price<'py>(
        &self,
        py: Python<'py>,
        payload: &[u8],
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let asked: PriceAskDto = rmp_serde::from_slice(payload)?;
            let priced = self
                .0
                .price(&asked.orders, &asked.prices, asked.work_limit)
                .map_err(|error| BindingError::Payload(error.to_string()))?;
            let answer: Vec<PricedDto> = priced.into_iter().map(Into::into).collect();
            rmp_serde::to_vec_named(&answer).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}
