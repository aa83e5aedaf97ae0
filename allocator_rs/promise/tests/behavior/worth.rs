//! What a unit, or a line of labor, is worth to open orders.

use bopis_promise::{Ask, Method, OpenOrder, Overlay, Resource, Supply, TableSupply, World, Worth};

use crate::brute::cases::{random_case, NODES};
use crate::brute::least;
use crate::town::{ask, best, everywhere, in_force, supply, world, HOUR_S, NOON_S, PLENTY};

const NEAR: usize = 0;
const MID: usize = 1;

fn open(world: &World, ask: Ask, table: &TableSupply) -> OpenOrder {
    let plan = best(world, &ask, table);
    let mut own = Overlay::default();
    for group in &plan.groups {
        for number in &group.line_numbers {
            let mut lines = ask.lines.iter();
            let line = lines.find(|line| line.line_number == *number).unwrap();
            let held = (group.node_id.clone(), line.sku.clone(), line.quantity);
            own.stock.push(held);
        }
        for (start_s, seconds) in &group.labor {
            own.labor.push((group.node_id.clone(), *start_s, *seconds));
        }
    }
    let in_force = in_force(&best(world, &ask, table));
    OpenOrder { ask, in_force, own }
}

fn worth(world: &World, orders: &[OpenOrder], free: &TableSupply, of: Resource) -> Worth {
    let supply = |_: &Ask| -> Box<dyn Supply> { Box::new(free.clone()) };
    let found = world.worth(orders, &[of], &supply, 10_000_000).unwrap();
    found[0].unwrap()
}

#[test]
fn work_that_does_not_suffice_leaves_resources_unanswered_and_the_others_right() {
    let world = world();
    let table = supply(&world, &[((NEAR, 0), 3), ((MID, 0), PLENTY)]);
    let orders: Vec<OpenOrder> = (0..3)
        .map(|_| open(&world, ask(Method::Pickup, &[("a", 1)]), &table))
        .collect();
    let none_near = supply(&world, &[((MID, 0), PLENTY)]);
    let free = |_: &Ask| -> Box<dyn Supply> { Box::new(none_near.clone()) };
    let asked = vec![unit("near"); 10];
    let told = |work_limit| world.worth(&orders, &asked, &free, work_limit).unwrap();
    let all = told(10_000_000);
    assert!(all.iter().all(Option::is_some));
    let mut partial = 0;
    for work_limit in 0..400 {
        let some = told(work_limit);
        let done = some.iter().flatten().count();
        // In the order in which they were asked, and each as if there had been no limit.
        assert_eq!(some[..done], all[..done], "{work_limit}");
        partial += usize::from(done > 0 && done < all.len());
    }
    assert_eq!(told(0), vec![None; asked.len()]);
    assert!(partial > 0);
}

fn unit(node_id: &str) -> Resource {
    Resource::Unit {
        node_id: node_id.to_owned(),
        sku: "a".to_owned(),
    }
}

#[test]
fn a_unit_more_is_worth_the_way_that_it_saves_and_a_unit_fewer_the_way_that_it_costs() {
    let world = world();
    // One order has the only unit at near, another had to go to mid, 11 km.
    let first = open(
        &world,
        ask(Method::Pickup, &[("a", 1)]),
        &supply(&world, &[((NEAR, 0), 1)]),
    );
    let mut later = ask(Method::Pickup, &[("a", 1)]);
    later.customer_node_id = Some("near".to_owned());
    let second = open(&world, later, &supply(&world, &[((MID, 0), 1)]));
    let way = best(&world, &second.ask, &supply(&world, &[((MID, 0), 1)]));
    let way = way.terms.other_store_km;
    assert!(way > 2_000_000);
    let free = supply(&world, &[((MID, 0), 5)]);
    let orders = [first, second];
    let near = worth(&world, &orders, &free, unit("near"));
    assert_eq!(
        near,
        Worth {
            more: way,
            fewer: Some(way),
            step: 1
        }
    );
    let mid = worth(&world, &orders, &free, unit("mid"));
    assert_eq!(
        mid,
        Worth {
            more: 0,
            fewer: Some(0),
            step: 1
        }
    );
    let far = worth(&world, &orders, &free, unit("far"));
    assert_eq!(
        far,
        Worth {
            more: 0,
            fewer: None,
            step: 1
        }
    );
}

#[test]
fn what_a_move_frees_is_there_for_the_next_order() {
    let world = world();
    // The first is at mid and would be at near; the second is at far and would be at mid.
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.customer_node_id = Some("near".to_owned());
    let first = open(&world, asked.clone(), &supply(&world, &[((MID, 0), 1)]));
    let mut pinned = asked.clone();
    pinned.excluded_node_ids = vec!["near".to_owned()];
    let second = open(&world, pinned.clone(), &supply(&world, &[((2, 0), 1)]));
    let cost = |ask: &Ask, node: usize| {
        best(&world, ask, &supply(&world, &[((node, 0), PLENTY)]))
            .terms
            .total()
    };
    let saved = cost(&asked, MID) - cost(&asked, NEAR) + cost(&pinned, 2) - cost(&pinned, MID);
    let found = worth(&world, &[first, second], &supply(&world, &[]), unit("near"));
    assert_eq!(found.more, saved);
}

#[test]
fn a_line_of_labor_is_asked_of_in_seconds_and_worth_the_hours_that_it_saves() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.consent.ship_home = false;
    asked.consent.other_store_km = 0;
    // Nothing free before the fifth hour: ready one hour late.
    let mut table = everywhere(&world);
    for hour in 0..4 {
        table.seconds.insert((NEAR, NOON_S + hour * HOUR_S), 0);
    }
    let order = open(&world, asked, &table);
    let noon = Resource::Line {
        node_id: "near".to_owned(),
        window_start_s: NOON_S + HOUR_S,
    };
    let found = worth(&world, &[order], &table, noon);
    let expected = Worth {
        more: 27_000_000,
        fewer: None,
        step: 60,
    };
    assert_eq!(found, expected);
}

#[test]
fn for_one_order_both_worths_are_those_of_pricing_every_plan() {
    let (mut gains, mut losses, mut free) = (0, 0, 0);
    for seed in 0..400 {
        let case = random_case(seed);
        if !best(&case.world, &case.ask, &case.supply)
            .unfilled
            .is_empty()
        {
            // To leave one line for another may cost less; but a promised line is never left.
            continue;
        }
        let order = open(&case.world, case.ask.clone(), &case.supply);
        let place = |name: &str| NODES.iter().position(|one| one.0 == name).unwrap();
        // What it holds is not free: the table of the case is what is free and what it holds.
        let mut table = case.supply.clone();
        for (node_id, sku, units) in &order.own.stock {
            let line = case.ask.lines.iter().position(|line| line.sku == *sku);
            *table
                .units
                .get_mut(&(place(node_id), line.unwrap()))
                .unwrap() -= units;
        }
        for (node_id, start_s, seconds) in &order.own.labor {
            *table.seconds.get_mut(&(place(node_id), *start_s)).unwrap() -= seconds;
        }
        let cost = |supply: &TableSupply| least(&case.world, &case.ask, supply, None, None);
        let now = cost(&case.supply).unwrap();
        for (index, (name, _, _)) in NODES.iter().enumerate() {
            let found = worth(
                &case.world,
                std::slice::from_ref(&order),
                &table,
                Resource::Unit {
                    node_id: (*name).to_owned(),
                    sku: "a".to_owned(),
                },
            );
            let mut changed = case.supply.clone();
            *changed.units.get_mut(&(index, 0)).unwrap() += 1;
            assert_eq!(
                found.more,
                now - cost(&changed).unwrap(),
                "seed {seed}: {name}"
            );
            *changed.units.get_mut(&(index, 0)).unwrap() -= 2;
            let held = order
                .own
                .stock
                .iter()
                .any(|one| one.0 == *name && one.1 == "a");
            let expected = match table.units[&(index, 0)] {
                1.. => Some(0),
                _ if held => Some(cost(&changed).unwrap() - now),
                _ => None,
            };
            assert_eq!(found.fewer, expected, "seed {seed}: {name}");
            gains += usize::from(found.more > 0);
            losses += usize::from(found.fewer > Some(0));
            free += usize::from(found.fewer == Some(0));
        }
    }
    assert!(
        gains > 50 && losses > 50 && free > 50,
        "{gains} {losses} {free}"
    );
}
