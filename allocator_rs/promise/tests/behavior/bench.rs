//! The town on a real engine in memory, with a promiser.

use std::path::Path;
use std::sync::{mpsc, Arc};
use std::time::Duration;

use bopis_engine::{order_reference, scope, Engine, EngineOptions, ScaledClock};
use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, ItemName, Outcome, RequestKey, ReservationId,
};
use bopis_promise::{
    Ask, Item, Near, Options, OptionsAsk, PlaceAsk, PlaceError, Placement, Promiser,
    PromiserOptions, QuoteAsk, QuoteTerms, RequestId, StoreOption,
};

use crate::town::{ask, in_force, policy, world, HOUR_S, NOON_S};

/// Longest wait for an answer.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct Bench {
    pub engine: Engine,
    pub promiser: Promiser,
}

pub fn act(engine: &Engine, name: &str, commands: Vec<Command>) -> Vec<Outcome> {
    let (send, receive) = mpsc::channel();
    let request = RequestKey {
        scope: scope::INTERNAL,
        id: order_reference(name),
    };
    let act = Act {
        request,
        fingerprint: 1,
        commands,
    };
    engine
        .submit(act, Box::new(move |reply| send.send(reply).unwrap()))
        .unwrap();
    match receive.recv_timeout(DEADLINE).unwrap().unwrap().outcome {
        ActOutcome::Done(outcomes) => outcomes.into_vec(),
        other => panic!("{other:?}"),
    }
}

/// An engine with the town's names, its labor, and units by (node, SKU).
pub fn bench(units: &[(&str, &str, i64)]) -> Bench {
    bench_of(EngineOptions::memory(past_noon()), units)
}

/// The same with a journal in a folder.
pub fn durable_bench(folder: &Path, units: &[(&str, &str, i64)]) -> Bench {
    bench_of(EngineOptions::durable(folder, past_noon()), units)
}

/// A clock that is past noon from its first reading on: the hour of noon is not whole any more.
fn past_noon() -> Arc<ScaledClock> {
    Arc::new(ScaledClock::open(NOON_S * 1_000 + 1, 1.0, None).unwrap())
}

fn bench_of(options: EngineOptions, units: &[(&str, &str, i64)]) -> Bench {
    let engine = Engine::open(options).unwrap();
    let world = world();
    let mut names = Vec::new();
    for node in world.network.nodes() {
        names.push(Command::RegisterLocation {
            name: node.spec.node_id.as_str().into(),
        });
        for window in &node.spec.windows {
            let name = ItemName::Labor {
                window_start_s: window.start_s,
            };
            names.push(Command::RegisterItem { name });
        }
    }
    for sku in ["a", "b", "c", "d"] {
        names.push(Command::RegisterItem {
            name: ItemName::Sku(sku.into()),
        });
    }
    act(&engine, "names", names);
    let mut facts = Vec::new();
    for node in world.network.nodes() {
        let location = engine.location(&node.spec.node_id).unwrap();
        for window in &node.spec.windows {
            let item = engine.labor(window.start_s).unwrap();
            let cell = CellKey { location, item };
            facts.push(Command::SetOnHand {
                cell,
                on_hand: window.seconds,
            });
        }
    }
    for (node, sku, on_hand) in units {
        let cell = CellKey {
            location: engine.location(node).unwrap(),
            item: engine.sku(sku).unwrap(),
        };
        facts.push(Command::SetOnHand {
            cell,
            on_hand: *on_hand,
        });
    }
    act(&engine, "facts", facts);
    let promiser = started(&engine);
    Bench { engine, promiser }
}

pub fn started(engine: &Engine) -> Promiser {
    let world = world();
    let promiser = Promiser::start(engine.clone(), PromiserOptions::default()).unwrap();
    promiser.load_network(
        world
            .network
            .nodes()
            .iter()
            .map(|n| n.spec.clone())
            .collect(),
        1,
    );
    let item = Item {
        unit_price_micro: 10_000_000,
        weight_g: 0,
    };
    promiser.load_items(
        ["a", "b", "c", "d"]
            .map(|sku| (sku.to_owned(), item))
            .to_vec(),
    );
    promiser.load_policy(policy());
    promiser
}

pub fn place_ask(ask: Ask, number: u128) -> PlaceAsk {
    PlaceAsk {
        ask,
        reservation_id: ReservationId(1_000 + number),
        request_id: RequestId(number),
        hold_ttl_ms: 900_000,
        priority: 0,
        quote: None,
    }
}

pub fn place(promiser: &Promiser, ask: PlaceAsk) -> Result<Placement, PlaceError> {
    let (send, receive) = mpsc::channel();
    promiser
        .place(ask, Box::new(move |result| send.send(result).unwrap()))
        .unwrap();
    receive.recv_timeout(DEADLINE).unwrap()
}

/// Where the town's customers are.
pub const HERE: Near = Near::Place {
    latitude: 0.0,
    longitude: 0.0,
};

/// Options can be asked for from now on.
pub fn quoting(bench: &Bench) {
    bench.promiser.load_quote_terms(QuoteTerms {
        policy_version: "test".to_owned(),
        promise_ms: 4 * HOUR_S * 1_000,
        quote_ttl_ms: 900_000,
    });
}

/// A basket near the town.
pub fn options_ask(lines: &[(&str, i64)]) -> OptionsAsk {
    let line = |(sku, quantity): &(&str, i64)| ((*sku).to_owned(), *quantity);
    OptionsAsk {
        lines: lines.iter().map(line).collect(),
        near: HERE,
        ready_within_ms: None,
        radius_km: None,
        ship_rest: false,
        with_shipping: false,
        options_max: 50,
    }
}

/// The options of a basket.
pub fn options(bench: &Bench, asked: &OptionsAsk) -> Options {
    bench.promiser.planner().options(asked).unwrap()
}

/// Their stores.
pub fn names(options: &Options) -> Vec<&str> {
    options
        .options
        .iter()
        .map(|one| one.node_id.as_str())
        .collect()
}

/// A placement that is to keep an option.
pub fn taken_up(option: &StoreOption, lines: &[(&str, i64)], required: bool) -> PlaceAsk {
    let mut place_ask = place_ask(ask(option.method, lines), 77);
    place_ask.quote = Some(QuoteAsk {
        groups: in_force(&option.plan),
        required,
    });
    place_ask
}

impl Bench {
    pub fn atp(&self, node: &str, sku: &str) -> i64 {
        self.engine.atp(CellKey {
            location: self.engine.location(node).unwrap(),
            item: self.engine.sku(sku).unwrap(),
        })
    }
}
