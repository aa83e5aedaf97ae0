//! What a relinking leaves to the next one: the packings that it kept, and the penalties.

use hashbrown::HashMap;

use crate::menu::Menu;

/// An order, and the number of a choice in its repertoire.
pub(crate) type Name = (u32, u32);

/// By name, for the next menu numbers its columns anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relinked {
    /// By packing, then by order.
    kept: Vec<Vec<Name>>,
    /// By row, for each unit or second that lacks (micro-units).
    pub(crate) penalties: Vec<i64>,
}

impl Relinked {
    /// `kept`: columns; `names`: by column.
    pub(crate) fn of(kept: &[Vec<u32>], penalties: &[i64], names: &[Name]) -> Self {
        let name = |column: &u32| names.get(*column as usize).copied();
        let named = kept.iter().map(|one| one.iter().filter_map(name));
        Self {
            kept: named.map(Iterator::collect).collect(),
            penalties: penalties.to_vec(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// The packings in columns of a menu; an order whose column is not there has its cheapest.
    pub(crate) fn packings(&self, menu: &Menu, names: &[Name]) -> Vec<Vec<u32>> {
        let columns: HashMap<Name, u32> = names.iter().copied().zip(0..).collect();
        let column = |name: &Name| {
            let known = columns.get(name).copied();
            known.unwrap_or_else(|| menu.columns_of(name.0).start)
        };
        let kept = self.kept.iter();
        kept.map(|one| one.iter().map(column).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Columns;

    #[test]
    fn packings_are_found_again_by_name_or_are_the_cheapest() {
        let columns = Columns {
            orders: vec![0, 0, 1, 1],
            costs: vec![2, 1, 3, 4],
            starts: vec![0; 5],
            ..Columns::default()
        };
        let (menu, origins) = Menu::new(&columns, &[], 0);
        let names = |numbers: [u32; 4]| -> Vec<Name> {
            let name = |origin: &u32| Some((u32::from(*origin > 1), numbers.get(*origin as usize)));
            let named = origins.iter().filter_map(name);
            named
                .filter_map(|(order, own)| Some((order, *own?)))
                .collect()
        };
        let before = names([10, 11, 12, 13]);
        let dear: Vec<u32> = (0..4).filter(|at| at % 2 == 1).collect();
        let left = Relinked::of(std::slice::from_ref(&dear), &[], &before);
        assert_eq!(left.packings(&menu, &before), [dear]);
        // Of the first order the dearer one is unknown now.
        assert_eq!(left.packings(&menu, &names([99, 11, 12, 13])), [[0, 3]]);
    }
}
