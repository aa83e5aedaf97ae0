//! `PromiseService` through a real door: dual prices, and a promiser that is not ready.

use std::sync::Arc;

use bopis_door::v1::get_pickup_options_request::Near;
use bopis_door::v1::promise_service_client::PromiseServiceClient;
use bopis_door::v1::{
    get_availability_by_store_request, BasketLine, FulfillmentMethod,
    GetAvailabilityByStoreRequest, GetPickupOptionsRequest, GetPickupOptionsResponse, Place,
};
use bopis_ledger::{CellKey, Command, ItemName};
use bopis_promise::{
    CostCard, Item, NodeKind, NodeRule, NodeSet, NodeSpec, Policy, QuoteTerms, Rules, StockPrice,
    Window,
};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::*;

const HOUR_S: i64 = 3_600;

fn policy() -> Policy {
    Policy {
        card: CostCard {
            ship_package_micro: 7_000_000,
            ship_km_micro: 3_000,
            ship_kg_micro: 1_200_000,
            pick_line_micro: 500_000,
            extra_group_micro: 2_000_000,
            other_store_km_micro: 250_000,
            pickup_shipped_micro: 3_000_000,
            late_hour_micro: 3_000_000,
            promise_broken_micro: 24_000_000,
            unfilled_share_bp: 4_500,
            unfilled_goodwill_micro: 6_000_000,
            opportunity_last_bp: 3_000,
            opportunity_next_two_bp: 1_000,
            opportunity_cap_micro: 6_000_000,
            opportunity_block_micro: 10_000_000,
        },
        unit_weight_g: 500,
        lead_time_ms: 0,
        pickup_reach_km: 40,
        ship_when_out_of_reach: true,
        late_windows_max_h: 48,
        span_windows_max: 3,
        opportunity_beside_duals: false,
        transfers: None,
        rules: Arc::default(),
    }
}

/// Two stores, 11 km apart, with labor in the next hours and ten units of everything.
fn load(house: &House) {
    let starts: Vec<i64> = (1..6)
        .map(|h| window_start_s(&house.engine) + h * HOUR_S)
        .collect();
    let labor = |start_s: &i64| Command::RegisterItem {
        name: ItemName::Labor {
            window_start_s: *start_s,
        },
    };
    apply(&house.engine, starts.iter().map(labor).collect());
    let mut facts = Vec::new();
    for node in [NODE, OTHER_NODE] {
        let location = house.engine.location(node).unwrap();
        for start_s in &starts {
            let item = house.engine.labor(*start_s).unwrap();
            let cell = CellKey { location, item };
            facts.push(Command::SetOnHand {
                cell,
                on_hand: 3_600,
            });
        }
        for sku in [SKU, OTHER_SKU] {
            let item = house.engine.sku(sku).unwrap();
            let cell = CellKey { location, item };
            facts.push(Command::SetOnHand {
                cell,
                on_hand: ON_HAND,
            });
        }
    }
    apply(&house.engine, facts);
    let node = |node_id: &str, latitude: f64| NodeSpec {
        node_id: node_id.to_owned(),
        kind: NodeKind::Store,
        latitude,
        longitude: 0.0,
        region: String::new(),
        pick_lines_per_hour: 60,
        windows: starts
            .iter()
            .map(|start_s| Window {
                start_s: *start_s,
                seconds: HOUR_S,
            })
            .collect(),
    };
    let promiser = &house.promiser;
    promiser.load_network(vec![node(NODE, 0.0), node(OTHER_NODE, 0.1)], 1);
    let item = Item {
        unit_price_micro: 10_000_000,
        weight_g: 400,
    };
    promiser.load_items([SKU, OTHER_SKU].map(|sku| (sku.to_owned(), item)).to_vec());
    promiser.load_currency("EUR");
    promiser.load_quote_terms(QuoteTerms {
        policy_version: "p1".to_owned(),
        promise_ms: 5 * HOUR_S * 1_000,
        quote_ttl_ms: 60_000,
    });
    promiser.load_policy(policy());
}

fn client(house: &House) -> PromiseServiceClient<Channel> {
    PromiseServiceClient::new(house.channel.clone())
}

fn request() -> GetPickupOptionsRequest {
    GetPickupOptionsRequest {
        lines: vec![BasketLine {
            sku: SKU.to_owned(),
            quantity: 2,
        }],
        near: Some(Near::Place(Place::default())),
        ..GetPickupOptionsRequest::default()
    }
}

fn ask(
    house: &House,
    request: GetPickupOptionsRequest,
) -> Result<GetPickupOptionsResponse, Status> {
    let answer = house.block_on(client(house).get_pickup_options(request));
    answer.map(tonic::Response::into_inner)
}

fn nodes(answer: &GetPickupOptionsResponse) -> Vec<&str> {
    answer
        .options
        .iter()
        .map(|one| one.node_id.as_str())
        .collect()
}

#[test]
fn a_dual_price_puts_stores_into_another_order_and_is_told_beside_the_cost() {
    let house = House::open();
    load(&house);
    let before = ask(&house, request()).unwrap();
    assert_eq!(nodes(&before), [NODE, OTHER_NODE]);
    assert!(before.options.iter().all(|one| one.dual_charges.is_none()));
    let scarce = StockPrice {
        node_id: NODE.to_owned(),
        sku: SKU.to_owned(),
        price_micro: 2_500_000,
    };
    house.promiser.load_duals(9, &[scarce], &[]);
    let after = ask(&house, request()).unwrap();
    assert_eq!(nodes(&after), [OTHER_NODE, NODE]);
    let near = &after.options[1];
    let charges = near.dual_charges.clone().unwrap();
    let stock = charges.stock.unwrap();
    assert_eq!(
        (charges.version, stock.units, stock.currency_code.as_str()),
        (9, 5, "EUR")
    );
    assert_eq!(near.cost, before.options[0].cost, "a price is no cost");
    assert_ne!(near.promise_token, "");
}

#[test]
fn nothing_is_held_by_asking() {
    let house = House::open();
    load(&house);
    let before = house.engine.position();
    for _ in 0..20 {
        let answer = ask(&house, request()).unwrap();
        assert_eq!(
            answer.options[0].method,
            i32::from(FulfillmentMethod::Pickup)
        );
        assert_eq!(answer.options[0].lines[0].atp, ON_HAND);
        assert_eq!(
            answer.position.unwrap().sequence,
            i64::try_from(before).unwrap()
        );
    }
    assert_eq!(house.engine.position(), before);
}

#[test]
fn a_promiser_that_has_loaded_nothing_is_not_serving() {
    let house = House::open();
    let refused = ask(&house, request()).unwrap_err();
    let seen = (refused.code(), reason(&refused));
    assert_eq!(seen, (Code::Unavailable, "NOT_SERVING".to_owned()));
    let request = GetAvailabilityByStoreRequest {
        skus: vec![SKU.to_owned()],
        near: Some(get_availability_by_store_request::Near::NodeId(
            NODE.to_owned(),
        )),
        ..GetAvailabilityByStoreRequest::default()
    };
    let answer = house.block_on(client(&house).get_availability_by_store(request));
    assert_eq!(reason(&answer.unwrap_err()), "NOT_SERVING");
}

#[test]
fn a_call_that_waited_past_its_deadline_is_refused_and_others_go_on() {
    let house = House::open();
    load(&house);
    let mut late = tonic::Request::new(request());
    late.set_timeout(std::time::Duration::from_nanos(1));
    let refused = house
        .block_on(client(&house).get_pickup_options(late))
        .unwrap_err();
    assert!(
        matches!(refused.code(), Code::DeadlineExceeded | Code::Cancelled),
        "{refused:?}"
    );
    let answers = house.block_on(async {
        let calls = (0..32).map(|_| {
            let mut client = client(&house);
            tokio::spawn(async move { client.get_pickup_options(request()).await })
        });
        let mut answered = 0;
        for call in calls.collect::<Vec<_>>() {
            answered += usize::from(call.await.unwrap().is_ok());
        }
        answered
    });
    assert_eq!(answers, 32);
}

#[test]
fn a_store_that_the_policy_closes_to_pickups_is_no_option() {
    let house = House::open();
    load(&house);
    assert_eq!(nodes(&ask(&house, request()).unwrap()), [NODE, OTHER_NODE]);
    let closed = NodeRule {
        name: "no counter".to_owned(),
        nodes: NodeSet {
            node_ids: [NODE.to_owned()].into_iter().collect(),
            ..NodeSet::default()
        },
        ships: true,
        pickup: false,
        ship_floor: 9,
        ship_km_max: None,
    };
    house.promiser.load_policy(Policy {
        rules: Arc::new(Rules {
            nodes: vec![closed],
            ..Rules::default()
        }),
        ..policy()
    });
    let asked = GetPickupOptionsRequest {
        with_shipping: true,
        ..request()
    };
    let answer = ask(&house, asked).unwrap();
    assert_eq!(nodes(&answer), [OTHER_NODE, ""]);
    let shipped = &answer.options[1];
    assert_eq!(
        shipped.groups[0].node_id, OTHER_NODE,
        "{NODE} keeps nine of its ten units"
    );
    let at_store = GetPickupOptionsRequest {
        near: Some(Near::NodeId(NODE.to_owned())),
        ..request()
    };
    let refused = ask(&house, at_store).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
