//! Names and opening stock, a few hundred commands an act.

use bopis_ledger::{Act, ActOutcome, Command, ItemName, Outcome, RequestKey};

use crate::stock::Stock;
use crate::Failure;

const COMMANDS: usize = 512;
const SCOPE: u32 = 2;

/// The acts that bring a new ledger to the opening stock.
pub(crate) fn acts(stock: &Stock) -> impl Iterator<Item = Act> + '_ {
    let locations = (0..stock.locations()).map(|number| Command::RegisterLocation {
        name: format!("node-{number}").into(),
    });
    let items = (0..stock.items).map(|number| Command::RegisterItem {
        name: ItemName::Sku(format!("sku-{number}").into()),
    });
    let cells = (0u32..).zip(&stock.cells);
    let counts = cells.map(|(number, counters)| Command::SetOnHand {
        cell: stock.key(number),
        on_hand: counters.on_hand.into(),
    });
    let mut commands = locations.chain(items).chain(counts);
    let mut serial = 0;
    std::iter::from_fn(move || {
        let some: Vec<Command> = commands.by_ref().take(COMMANDS).collect();
        serial += 1;
        (!some.is_empty()).then_some(Act {
            request: RequestKey {
                scope: SCOPE,
                id: serial,
            },
            fingerprint: 0,
            commands: some,
        })
    })
}

/// An error unless all of it was taken over.
pub(crate) fn check(outcome: &ActOutcome) -> Result<(), Failure> {
    let taken =
        |outcome: &Outcome| matches!(outcome, Outcome::Registered { .. } | Outcome::Cell(_));
    match outcome {
        ActOutcome::Done(outcomes) if outcomes.iter().all(taken) => Ok(()),
        other => Err(format!("the opening stock was refused: {other:?}").into()),
    }
}
