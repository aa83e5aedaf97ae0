//! Acts that meet: few cells, few reservations at a time, mostly sensible numbers.

use bopis_ledger::{
    Act, CellKey, Command, ItemId, ItemName, Line, Lines, LocationId, OrderRef, RequestKey,
    ReservationId, Terms, DAY_MAX, QUANTITY_MAX, SALE_SOURCE_SCOPE,
};

use crate::clock::ORIGIN_MS;
use crate::random::Random;

const LOCATIONS: u32 = 3;
const ITEMS: u32 = 3;
/// How far back holds are named.
const RECENT: usize = 12;

/// The acts of a run, as they are made.
pub(super) struct Acts {
    random: Random,
    acts: Vec<Act>,
    lines: usize,
    /// What holds were made for.
    holds: Vec<ReservationId>,
}

/// Lines that a command asks about; at least one.
#[must_use]
pub fn lines_of(command: &Command) -> usize {
    let lines = match command {
        Command::Hold { lines, .. } => lines.len(),
        Command::Release { lines, .. } | Command::Consume { lines, .. } => {
            lines.as_ref().map_or(1, |lines| lines.len())
        }
        Command::Move { moves } => moves.iter().map(|(_, lines)| lines.len()).sum(),
        Command::Relocate { lines, .. } => lines.len(),
        _ => 1,
    };
    lines.max(1)
}

impl Acts {
    pub(super) const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            acts: Vec::new(),
            lines: 0,
            holds: Vec::new(),
        }
    }

    pub(super) const fn lines(&self) -> usize {
        self.lines
    }

    pub(super) fn all(self) -> Vec<Act> {
        self.acts
    }

    /// Names and stock.
    pub(super) fn opening(&mut self) -> usize {
        let node = |number| Command::RegisterLocation {
            name: format!("node-{number}").into(),
        };
        let sku = |number| Command::RegisterItem {
            name: ItemName::Sku(format!("sku-{number}").into()),
        };
        let stock = |number| Command::SetOnHand {
            cell: cell(number / ITEMS, number % ITEMS),
            on_hand: 30,
        };
        let mut commands: Vec<Command> = (0..LOCATIONS).map(node).collect();
        commands.extend((0..ITEMS).map(sku));
        commands.push(Command::RegisterItem {
            name: ItemName::Labor { window_start_s: 0 },
        });
        commands.extend((0..LOCATIONS * ITEMS).map(stock));
        commands.extend((0..LOCATIONS).map(|location| Command::SetOnHand {
            cell: cell(location, ITEMS),
            on_hand: 200,
        }));
        self.push(commands)
    }

    fn push(&mut self, commands: Vec<Command>) -> usize {
        let number = self.acts.len();
        self.lines += commands.iter().map(lines_of).sum::<usize>();
        self.acts.push(Act {
            request: RequestKey {
                scope: 1,
                id: number as u128,
            },
            fingerprint: number as u64,
            commands,
        });
        number
    }

    /// A new act, or one that takes the request id of another.
    pub(super) fn make(&mut self) -> usize {
        let count = match self.random.below(20) {
            0 => self.random.index(9),
            1..5 => 2,
            _ => 1,
        };
        let commands = (0..count).map(|_| self.command()).collect();
        let number = self.push(commands);
        if self.random.once_in(40) {
            let request = self.acts[self.random.index(number)].request;
            self.acts[number].request = request;
        } else if self.random.once_in(300) {
            self.acts[number].request.scope = SALE_SOURCE_SCOPE;
        }
        number
    }

    /// An act that was made before, most likely lately.
    pub(super) fn earlier(&mut self) -> usize {
        let made = self.acts.len();
        let back = if self.random.once_in(4) { made } else { 12 };
        made - 1 - self.random.index(back.min(made))
    }

    /// The id of a reservation that may well exist.
    pub(super) fn some_id(&mut self) -> ReservationId {
        let made = self.holds.len();
        if made == 0 || self.random.once_in(25) {
            return ReservationId(u128::from(self.random.below(2 + made as u64)));
        }
        let back = if self.random.once_in(40) {
            made
        } else {
            RECENT
        };
        self.holds[made - 1 - self.random.index(back.min(made))]
    }

    /// Mostly a new one.
    fn id_to_hold(&mut self) -> ReservationId {
        if self.random.once_in(12) {
            return self.some_id();
        }
        let id = ReservationId(self.holds.len() as u128);
        self.holds.push(id);
        id
    }

    fn some_cell(&mut self) -> CellKey {
        match self.random.below(60) {
            0 => cell(LOCATIONS + 40, 0),
            1..5 => cell(self.random.below(2) as u32, ITEMS),
            5..12 => cell(
                self.random.below(u64::from(LOCATIONS)) as u32,
                self.random.below(u64::from(ITEMS)) as u32,
            ),
            _ => cell(self.random.below(2) as u32, self.random.below(2) as u32),
        }
    }

    fn quantity(&mut self) -> i64 {
        if self.random.once_in(90) {
            self.random
                .pick(&[i64::MIN, -1, 0, QUANTITY_MAX, QUANTITY_MAX + 1, i64::MAX])
        } else {
            self.random.between(1, 3)
        }
    }

    fn some_lines(&mut self, most: u64) -> Lines {
        let count = if self.random.once_in(60) {
            0
        } else {
            1 + self.random.below(most)
        };
        let mut line = || Line {
            cell: self.some_cell(),
            quantity: self.quantity(),
        };
        (0..count).map(|_| line()).collect()
    }

    /// What most reservations have somewhere.
    fn one_unit(&mut self) -> Lines {
        if self.random.once_in(5) {
            return self.some_lines(2);
        }
        Lines::from_iter([Line {
            cell: self.some_cell(),
            quantity: 1,
        }])
    }

    fn part(&mut self) -> Option<Lines> {
        self.random.once_in(2).then(|| self.some_lines(2))
    }

    fn ttl_ms(&mut self) -> i64 {
        match self.random.below(60) {
            0 => self
                .random
                .pick(&[i64::MIN, -1, 0, i64::MAX - 500, i64::MAX]),
            1..4 => self.random.between(1, 100_000),
            _ => self.random.between(1, 60) * 10,
        }
    }

    fn command(&mut self) -> Command {
        let reservation = self.some_id();
        match self.random.below(100) {
            0..36 => Command::Hold {
                reservation: self.id_to_hold(),
                order: OrderRef(reservation.0 % 5),
                lines: self.some_lines(3),
                ttl_ms: self.ttl_ms(),
                priority: self.random.below(3) as u8,
                terms: self.terms(),
            },
            36..54 => Command::Commit { reservation },
            54..61 => Command::Release {
                reservation,
                lines: self.part(),
            },
            61..69 => Command::Consume {
                reservation,
                lines: self.part(),
            },
            69..72 => self.some_move(),
            72..74 => Command::Relocate {
                reservation,
                to: LocationId(self.random.below(u64::from(LOCATIONS)) as u32),
                lines: self.one_unit(),
            },
            74..77 => Command::Extend {
                reservation,
                ttl_ms: self.ttl_ms(),
            },
            77 => Command::Expire { reservation },
            _ => self.fact(),
        }
    }

    fn terms(&mut self) -> Terms {
        Terms {
            is_partial: self.random.once_in(5),
            day: self.random.once_in(6).then(|| self.day()),
        }
    }

    fn day(&mut self) -> i32 {
        if self.random.once_in(40) {
            self.random.pick(&[i32::MIN, -1, DAY_MAX, DAY_MAX + 1])
        } else {
            20_000 + self.random.below(4) as i32
        }
    }

    /// Lately, as wall time goes in a run; or never, or nonsense.
    fn effective_ms(&mut self) -> Option<i64> {
        match self.random.below(40) {
            0 => Some(self.random.pick(&[i64::MIN, 0, i64::MAX])),
            1..12 => Some(ORIGIN_MS + self.random.between(-20_000, 40_000)),
            _ => None,
        }
    }

    fn some_move(&mut self) -> Command {
        let mut one = || (self.some_id(), self.some_lines(3));
        let first = one();
        let mut moves = vec![first];
        if self.random.once_in(2) {
            moves.push((self.some_id(), self.some_lines(3)));
        }
        if self.random.once_in(40) {
            moves.clear();
        }
        Command::Move { moves }
    }

    fn stock(&mut self) -> i64 {
        if self.random.once_in(50) {
            self.random
                .pick(&[i64::MIN, -QUANTITY_MAX, QUANTITY_MAX, i64::MAX])
        } else {
            self.random.between(-3, 40)
        }
    }

    fn fact(&mut self) -> Command {
        let cell = self.some_cell();
        match self.random.below(30) {
            0..5 => Command::SetOnHand {
                cell,
                on_hand: self.stock(),
            },
            5..8 => Command::CompareAndSet {
                cell,
                expected: self.random.between(0, 9),
                on_hand: self.stock(),
            },
            8..11 => Command::Transfer {
                from: cell,
                to: CellKey {
                    location: LocationId(self.random.below(u64::from(LOCATIONS)) as u32),
                    ..cell
                },
                quantity: self.quantity(),
                effective_ms: self.effective_ms(),
            },
            11..13 => Command::SetSafetyStock {
                cell,
                safety_stock: if self.random.once_in(30) {
                    self.random.pick(&[i64::MIN, -1, QUANTITY_MAX + 1])
                } else {
                    self.random.between(0, 2)
                },
            },
            13..17 => self.sale(cell),
            17 => self.name(),
            18..21 => Command::SetInbound {
                cell,
                day: self.day(),
                quantity: self.stock(),
            },
            21..23 => Command::Receive {
                cell,
                quantity: self.quantity(),
                expected_day: self.random.once_in(2).then(|| self.day()),
                effective_ms: self.effective_ms(),
            },
            23..25 => Command::Count {
                cell,
                counted: self.stock(),
                effective_ms: self.effective_ms().unwrap_or(ORIGIN_MS),
            },
            25 => Command::CloseWindow { cell },
            _ => Command::Adjust {
                cell,
                on_hand_delta: if self.random.once_in(60) {
                    self.random.pick(&[i64::MIN, i64::MAX])
                } else {
                    self.random.between(-3, 6)
                },
                unavailable_delta: self.random.between(-2, 1),
                reason: 2,
                effective_ms: self.effective_ms(),
            },
        }
    }

    fn sale(&mut self, cell: CellKey) -> Command {
        let reservation = self.random.once_in(2).then(|| self.some_id());
        Command::Sale {
            source: u128::from(self.acts.len() as u64 / 2 + self.random.below(6)),
            cell,
            quantity: self.quantity(),
            reservation,
            effective_ms: self.effective_ms(),
        }
    }

    fn name(&mut self) -> Command {
        let number = self.random.between(0, 5);
        match self.random.below(4) {
            0 => Command::RegisterLocation {
                name: format!("node-{number}").into(),
            },
            1 => Command::RegisterItem {
                name: ItemName::Labor {
                    window_start_s: number * 3_600,
                },
            },
            2 => Command::RegisterItem {
                name: ItemName::Sku(format!("sku-{number}").into()),
            },
            _ => Command::RegisterLocation { name: "".into() },
        }
    }
}

const fn cell(location: u32, item: u32) -> CellKey {
    CellKey {
        location: LocationId(location),
        item: ItemId(item),
    }
}
