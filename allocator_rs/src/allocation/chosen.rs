//! What an order does, as Python gets it.

use bopis_allocation::{Choice, Group};

use super::dto::ChosenDto;
use super::{Orders, PyAllocation};
use crate::errors::BindingError;

impl PyAllocation {
    pub(super) fn chosen(&self, order: usize, choice: &Choice) -> Result<ChosenDto, BindingError> {
        let origin = |way| self.instance.read().origin(order, way);
        let plan = match &self.orders {
            Orders::Batch(orders) => orders
                .plan(order, choice, origin)
                .map_err(|error| BindingError::Payload(error.to_string()))?,
            Orders::Table(_) => None,
        };
        let groups = match choice {
            Choice::InForce => Vec::new(),
            Choice::Groups(groups) => {
                let node = |way| self.instance.read().node(order, way);
                let group = |group: &Group| (node(group.way), group.lines.to_vec());
                groups.iter().map(group).collect()
            }
        };
        let (rows, amounts) = self
            .instance
            .read()
            .takes(order, choice)
            .into_iter()
            .unzip();
        Ok(ChosenDto {
            order,
            cost_micro: self.instance.read().cost(order, choice),
            rows,
            amounts,
            plan: plan.map(Into::into),
            groups,
        })
    }
}
