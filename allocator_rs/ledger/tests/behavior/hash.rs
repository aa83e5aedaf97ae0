//! The state hash: equal states, equal hashes; every field counts.

use bopis_ledger::{Command, OrderRef, Terms};

use crate::support::{self, adjust, commit, hold, release, sale, Fixture, A, B, C};

/// Makes a state out of nothing but acts and sweeps, all ending at the same time.
type History = fn(&mut Fixture);

fn hash_after(history: History) -> u128 {
    let mut fixture = Fixture::with_stock(9, 9, 9);
    history(&mut fixture);
    fixture.one(50, adjust(C, 0, 0));
    fixture.assert_replays();
    fixture.ledger.state_hash()
}

fn hold_for(order: u128, priority: u8, ttl_ms: i64) -> Command {
    let (reservation, lines) = (support::id(1), support::lines(&[(A, 1), (B, 1)]));
    Command::Hold {
        reservation,
        order: OrderRef(order),
        lines,
        ttl_ms,
        priority,
        terms: Terms::default(),
    }
}

#[test]
fn states_that_differ_in_one_field_have_different_hashes() {
    let histories: [(&str, History, History); 8] = [
        (
            "order",
            |f| drop(f.one(1, hold_for(1, 1, 90))),
            |f| drop(f.one(1, hold_for(2, 1, 90))),
        ),
        (
            "priority",
            |f| drop(f.one(1, hold_for(1, 1, 90))),
            |f| drop(f.one(1, hold_for(1, 2, 90))),
        ),
        (
            "deadline",
            |f| drop(f.one(1, hold_for(1, 1, 90))),
            |f| drop(f.one(1, hold_for(1, 1, 91))),
        ),
        (
            "when it ended",
            |f| {
                f.one(1, hold_for(1, 1, 5));
                f.expire_due(10, 1);
            },
            |f| {
                f.one(1, hold_for(1, 1, 5));
                f.expire_due(11, 1);
            },
        ),
        (
            "fingerprint",
            |f| drop(f.ask(1, 7, 1, vec![])),
            |f| drop(f.ask(1, 7, 2, vec![])),
        ),
        (
            "request",
            |f| drop(f.ask(1, 7, 1, vec![])),
            |f| drop(f.ask(1, 8, 1, vec![])),
        ),
        (
            "age of a request",
            |f| drop(f.ask(1, 7, 1, vec![])),
            |f| drop(f.ask(2, 7, 1, vec![])),
        ),
        (
            "source of a sale",
            |f| drop(f.one(1, sale(1, A, 1, None))),
            |f| drop(f.one(1, sale(2, A, 1, None))),
        ),
    ];
    for (what, one, other) in histories {
        assert_eq!(hash_after(one), hash_after(one), "{what}");
        assert_ne!(hash_after(one), hash_after(other), "{what}");
    }
}

#[test]
fn the_state_hash_of_a_known_history_is_known() {
    let hash = hash_after(|fixture| {
        fixture.one(1, hold(1, &[(A, 2), (C, 3)], 9));
        fixture.act(
            2,
            vec![
                hold(2, &[(B, 2)], 9),
                commit(2),
                hold(3, &[(B, 1)], 9),
                release(3),
            ],
        );
        fixture.act(20, vec![sale(5, B, 1, Some(2)), hold(4, &[(A, 99)], 9)]);
    });
    assert_eq!(
        format!("{hash:032x}"),
        "969d3fa9adf9fb4996e67897728bb7c8",
        "a change of the state or its hash makes the hashes of old folders wrong"
    );
}
