//! Every refusal of every command, in order of precedence.

use bopis_ledger::{
    Command, ItemName, Outcome, Refusal, ReservationState, LINES_MAX, NAME_BYTES_MAX, QUANTITY_MAX,
};

use crate::support::{
    self, adjust, cell, commit, consume, consume_part, hold, moves, refused, release, release_part,
    sale, set, Fixture, A, B, C, UNKNOWN,
};

const HELD: u128 = 1;
const COMMITTED: u128 = 2;
const CONSUMED: u128 = 3;
const RELEASED: u128 = 4;
const EXPIRED: u128 = 5;
/// Due at the time of the tables, its expiry not journaled yet.
const DUE: u128 = 6;
const NOBODY: u128 = 7;

const NOW_MS: i64 = 100;

/// One reservation in each state, each of 2 of A and 1 of B where it still has something.
fn one_of_each() -> Fixture {
    let mut fixture = Fixture::with_stock(100, 100, 100);
    let what = [(A, 2), (B, 1)];
    for (id, ttl_ms) in [
        (HELD, 1000),
        (COMMITTED, 9),
        (CONSUMED, 9),
        (RELEASED, 9),
        (EXPIRED, 50),
    ] {
        fixture.one(0, hold(id, &what, ttl_ms));
    }
    fixture.act(
        5,
        vec![commit(COMMITTED), commit(CONSUMED), consume(CONSUMED)],
    );
    fixture.act(5, vec![release(RELEASED)]);
    assert!(!fixture.expire_due(60, 10));
    fixture.one(60, hold(DUE, &what, 40));
    assert_eq!(fixture.expired(), [EXPIRED]);
    fixture
}

fn check(table: Vec<(&str, Command, Refusal)>) {
    for (name, command, refusal) in table {
        let mut fixture = one_of_each();
        let before = [fixture.view(A), fixture.view(B), fixture.view(C)];
        let is_due_expired = format!("{command:?}").contains("ReservationId(6)")
            && refusal == Refusal::ReservationExpired;
        assert_eq!(fixture.one(NOW_MS, command), refused(refusal), "{name}");
        if is_due_expired {
            assert_eq!(fixture.expired(), [EXPIRED, DUE], "{name}");
        } else {
            assert_eq!(
                [fixture.view(A), fixture.view(B), fixture.view(C)],
                before,
                "{name}"
            );
            assert_eq!(fixture.expired(), [EXPIRED], "{name}");
        }
        fixture.assert_replays();
    }
}

fn many(count: usize) -> Vec<(bopis_ledger::CellKey, i64)> {
    vec![(A, 1); count]
}

#[test]
fn hold_is_refused_in_order_of_precedence() {
    use Refusal::{Malformed, QuantityOutOfRange};
    let max = i64::MAX;
    check(vec![
        ("no lines", hold(NOBODY, &[], 9), Malformed),
        (
            "too many lines",
            hold(NOBODY, &many(LINES_MAX + 1), 9),
            Malformed,
        ),
        (
            "a quantity of 0",
            hold(NOBODY, &[(A, 1), (B, 0)], 9),
            Malformed,
        ),
        (
            "a negative quantity",
            hold(NOBODY, &[(A, i64::MIN)], 9),
            Malformed,
        ),
        ("no time", hold(NOBODY, &[(A, 1)], 0), Malformed),
        (
            "an unknown cell",
            hold(NOBODY, &[(UNKNOWN, 1)], 9),
            Malformed,
        ),
        (
            "an unknown location",
            hold(NOBODY, &[(cell(2, 0), 1)], 9),
            Malformed,
        ),
        ("malformed before in use", hold(HELD, &[], 9), Malformed),
        (
            "malformed before out of range",
            hold(NOBODY, &[(A, max), (B, 0)], 9),
            Malformed,
        ),
        ("i64::MAX", hold(NOBODY, &[(A, max)], 9), QuantityOutOfRange),
        (
            "twice i64::MAX",
            hold(NOBODY, &[(A, max), (A, max)], 9),
            QuantityOutOfRange,
        ),
        (
            "512 times i64::MAX",
            hold(NOBODY, &[(A, max); 512], 9),
            QuantityOutOfRange,
        ),
        (
            "a sum just too large",
            hold(NOBODY, &[(A, QUANTITY_MAX), (A, 1)], 9),
            QuantityOutOfRange,
        ),
        (
            "out of range before insufficient",
            hold(NOBODY, &[(A, max), (B, 999)], 9),
            QuantityOutOfRange,
        ),
        (
            "a deadline that does not fit",
            hold(NOBODY, &[(A, 1)], max),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn commit_is_refused_in_order_of_precedence() {
    check(vec![
        ("unknown", commit(NOBODY), Refusal::ReservationNotFound),
        ("expired", commit(EXPIRED), Refusal::ReservationExpired),
        ("due", commit(DUE), Refusal::ReservationExpired),
        ("consumed", commit(CONSUMED), Refusal::ReservationEnded),
        ("released", commit(RELEASED), Refusal::ReservationEnded),
        ("committed", commit(COMMITTED), Refusal::AlreadyCommitted),
    ]);
}

#[test]
fn release_is_refused_in_order_of_precedence() {
    use Refusal::LineNotHeld;
    check(vec![
        ("no lines", release_part(NOBODY, &[]), Refusal::Malformed),
        (
            "a quantity of 0",
            release_part(HELD, &[(A, 0)]),
            Refusal::Malformed,
        ),
        (
            "an unknown cell",
            release_part(HELD, &[(UNKNOWN, 1)]),
            Refusal::Malformed,
        ),
        ("unknown", release(NOBODY), Refusal::ReservationNotFound),
        ("expired", release(EXPIRED), Refusal::ReservationExpired),
        ("due", release(DUE), Refusal::ReservationExpired),
        (
            "due, more than remains",
            release_part(DUE, &[(A, 9)]),
            Refusal::ReservationExpired,
        ),
        ("consumed", release(CONSUMED), Refusal::ReservationEnded),
        ("released", release(RELEASED), Refusal::ReservationEnded),
        (
            "ended, more than remains",
            release_part(RELEASED, &[(A, 9)]),
            Refusal::ReservationEnded,
        ),
        (
            "more than remains",
            release_part(HELD, &[(A, 3)]),
            LineNotHeld,
        ),
        (
            "more than remains, in all",
            release_part(HELD, &[(A, 1), (B, 1), (A, 2)]),
            LineNotHeld,
        ),
        (
            "another cell",
            release_part(COMMITTED, &[(C, 1)]),
            LineNotHeld,
        ),
        (
            "i64::MAX twice",
            release_part(HELD, &[(A, i64::MAX), (A, i64::MAX)]),
            LineNotHeld,
        ),
    ]);
}

#[test]
fn consume_is_refused_in_order_of_precedence() {
    check(vec![
        ("no lines", consume_part(NOBODY, &[]), Refusal::Malformed),
        ("unknown", consume(NOBODY), Refusal::ReservationNotFound),
        ("expired", consume(EXPIRED), Refusal::ReservationExpired),
        ("due", consume(DUE), Refusal::ReservationExpired),
        ("consumed", consume(CONSUMED), Refusal::ReservationEnded),
        ("released", consume(RELEASED), Refusal::ReservationEnded),
        ("held", consume(HELD), Refusal::NotCommitted),
        (
            "held, more than remains",
            consume_part(HELD, &[(A, 9)]),
            Refusal::NotCommitted,
        ),
        (
            "more than remains",
            consume_part(COMMITTED, &[(A, 3)]),
            Refusal::LineNotHeld,
        ),
        (
            "another cell",
            consume_part(COMMITTED, &[(C, 1)]),
            Refusal::LineNotHeld,
        ),
    ]);
}

#[test]
fn consume_below_the_range_of_on_hand_is_refused() {
    let mut fixture = one_of_each();
    fixture.one(NOW_MS, set(A, -QUANTITY_MAX + 1));
    let out_of_range = refused(Refusal::QuantityOutOfRange);
    assert_eq!(fixture.one(NOW_MS, consume(COMMITTED)), out_of_range);
    assert_eq!(
        fixture.state(COMMITTED, NOW_MS),
        Some(ReservationState::Committed)
    );
    fixture.one(NOW_MS, consume_part(COMMITTED, &[(A, 1)]));
    assert_eq!(fixture.view(A).on_hand, -QUANTITY_MAX);
    assert_eq!(fixture.one(NOW_MS, sale(1, A, 1, None)), out_of_range);
    fixture.assert_replays();
}

#[test]
fn move_is_refused_in_order_of_precedence() {
    use Refusal::{Malformed, QuantityOutOfRange, ReservationEnded};
    use Refusal::{ReservationExpired, ReservationNotFound};
    let one: &[_] = &[(A, 1)];
    let half = many(LINES_MAX / 2);
    check(vec![
        ("nothing", moves(&[]), Malformed),
        (
            "no lines",
            moves(&[(HELD, one), (COMMITTED, &[])]),
            Malformed,
        ),
        ("one twice", moves(&[(HELD, one), (HELD, one)]), Malformed),
        (
            "an unknown cell",
            moves(&[(HELD, &[(UNKNOWN, 1)])]),
            Malformed,
        ),
        (
            "too many lines in all",
            moves(&[(HELD, &half), (COMMITTED, &half), (NOBODY, one)]),
            Malformed,
        ),
        (
            "unknown",
            moves(&[(EXPIRED, one), (NOBODY, one)]),
            ReservationNotFound,
        ),
        (
            "unknown before due",
            moves(&[(DUE, one), (NOBODY, one)]),
            ReservationNotFound,
        ),
        (
            "expired",
            moves(&[(RELEASED, one), (EXPIRED, one)]),
            ReservationExpired,
        ),
        (
            "due",
            moves(&[(CONSUMED, one), (DUE, one)]),
            ReservationExpired,
        ),
        (
            "released",
            moves(&[(HELD, one), (RELEASED, one)]),
            ReservationEnded,
        ),
        (
            "consumed",
            moves(&[(HELD, &[(A, 999)]), (CONSUMED, one)]),
            ReservationEnded,
        ),
        (
            "i64::MAX",
            moves(&[(HELD, &[(A, i64::MAX)]), (COMMITTED, one)]),
            QuantityOutOfRange,
        ),
        (
            "i64::MAX over two",
            moves(&[(HELD, &[(A, i64::MAX)]), (COMMITTED, &[(A, i64::MAX)])]),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn facts_are_refused_only_when_malformed_or_out_of_range() {
    use Refusal::{Malformed, QuantityOutOfRange};
    check(vec![
        (
            "adjust an unknown cell",
            adjust(UNKNOWN, i64::MAX, 0),
            Malformed,
        ),
        ("adjust too far", adjust(A, i64::MAX, 0), QuantityOutOfRange),
        (
            "adjust too far down",
            adjust(A, i64::MIN, 0),
            QuantityOutOfRange,
        ),
        ("unavailable below 0", adjust(A, 5, -1), QuantityOutOfRange),
        (
            "unavailable too far",
            adjust(A, 0, QUANTITY_MAX + 1),
            QuantityOutOfRange,
        ),
        ("set an unknown cell", set(UNKNOWN, i64::MIN), Malformed),
        ("set too far", set(A, QUANTITY_MAX + 1), QuantityOutOfRange),
        ("set too far down", set(A, i64::MIN), QuantityOutOfRange),
        ("sell an unknown cell", sale(1, UNKNOWN, 1, None), Malformed),
        ("sell nothing", sale(1, A, 0, None), Malformed),
        ("sell i64::MIN", sale(1, A, i64::MIN, None), Malformed),
        (
            "sell too much",
            sale(1, A, i64::MAX, None),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn names_are_refused_when_empty_or_too_long_and_else_keep_their_integers() {
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    let location = |name: &str| Command::RegisterLocation { name: name.into() };
    let sku = |name: &str| Command::RegisterItem {
        name: ItemName::Sku(name.into()),
    };
    check(vec![
        ("an empty location", location(""), Refusal::Malformed),
        ("a long location", location(&long), Refusal::Malformed),
        ("an empty SKU", sku(""), Refusal::Malformed),
        ("a long SKU", sku(&long), Refusal::Malformed),
        (
            "expire nobody",
            Command::Expire {
                reservation: support::id(NOBODY),
            },
            Refusal::ReservationNotFound,
        ),
    ]);
    let mut fixture = one_of_each();
    let outcomes = fixture.act(
        NOW_MS,
        vec![
            location("store-2"),
            location("store-3"),
            sku("store-3"),
            location(&long[1..]),
        ],
    );
    let indexes = [1, 2, 3, 3].map(|index| Outcome::Registered { index });
    assert_eq!(outcomes, indexes);
    fixture.assert_replays();
}
