//! Names, naively: a list.

use bopis_ledger::{Outcome, Refusal};

pub(super) fn register<T: Clone + PartialEq>(
    names: &mut Vec<T>,
    name: &T,
    length: usize,
) -> Result<Outcome, Refusal> {
    if length == 0 || length > 256 {
        return Err(Refusal::Malformed);
    }
    let at = names
        .iter()
        .position(|known| known == name)
        .unwrap_or_else(|| {
            names.push(name.clone());
            names.len() - 1
        });
    let index = u32::try_from(at).unwrap();
    Ok(Outcome::Registered { index })
}
