//! What no gRPC library would send.

use bopis_door::{Door, DoorOptions, PassThroughMethod, StartError};
use bopis_engine::{Engine, EngineOptions, SystemClock};
use bopis_promise::{Promiser, PromiserOptions};
use bytes::Bytes;
use prost::Message;
use tonic::Code;

use crate::support::raw::{self, call, connect, framed, read, request};
use crate::support::*;

const RESERVE: &str = "/bopis.v1.InventoryService/Reserve";

#[test]
fn bytes_that_are_no_message_are_malformed_and_change_nothing() {
    let house = House::open();
    let before = house.engine.position();
    let good = reserve(vec![line(NODE, SKU, 1)]).encode_to_vec();
    let mut not_utf8 = vec![0x0a, 0x02, 0xff, 0xfe];
    not_utf8.extend_from_slice(&good);
    let two: Bytes = [framed(&good), framed(&good)].concat().into();
    let mut flagged = framed(&good).to_vec();
    flagged[0] = 1;
    let cut = framed(&good).slice(..good.len() - 3);
    let cases: Vec<(&str, Bytes)> = vec![
        ("garbage", framed(&[0xff; 32])),
        ("truncated varint", framed(&[0x08, 0x80])),
        ("invalid UTF-8", framed(&not_utf8)),
        ("no message", Bytes::new()),
        ("half a prefix", Bytes::from_static(&[0, 0, 0])),
        ("a message cut short", cut),
        ("two messages in a unary call", two),
        ("a compressed flag", flagged.into()),
        ("a flag of 7", Bytes::from_static(&[7, 0, 0, 0, 0])),
        (
            "a length over the limit",
            Bytes::from_static(&[0, 0x7f, 0xff, 0xff, 0xff]),
        ),
    ];
    for (name, body) in cases {
        let answer = house.block_on(call(house.door.port(), RESERVE, &[], body));
        let status = answer.status();
        let seen = (status.code(), reason(&status));
        assert_eq!(
            seen,
            (Code::InvalidArgument, "MALFORMED_MESSAGE".into()),
            "{name}"
        );
    }
    assert_eq!(house.engine.position(), before);
}

#[test]
fn work_past_its_deadline_is_refused_before_it_touches_the_ledger() {
    let house = House::open();
    let before = house.engine.position();
    let message = || framed(&reserve(vec![line(NODE, SKU, 1)]).encode_to_vec());
    let cases = [
        ("0n", Code::DeadlineExceeded),
        ("1n", Code::DeadlineExceeded),
    ];
    for (timeout, code) in cases {
        let headers = [("grpc-timeout", timeout)];
        let answer = house.block_on(call(house.door.port(), RESERVE, &headers, message()));
        let status = answer.status();
        assert_eq!(
            (status.code(), reason(&status)),
            (code, "DEADLINE_EXCEEDED".into())
        );
    }
    for timeout in ["-1S", "soon", "999999999S", ""] {
        let headers = [("grpc-timeout", timeout)];
        let answer = house.block_on(call(house.door.port(), RESERVE, &headers, message()));
        assert_eq!(reason(&answer.status()), "MALFORMED_MESSAGE", "{timeout:?}");
    }
    assert_eq!(house.engine.position(), before);
    let headers = [
        ("grpc-timeout", "10S"),
        ("x-request-id", "mine"),
        ("grpc-encoding", "gzip"),
    ];
    let answer = house.block_on(call(house.door.port(), RESERVE, &headers, message()));
    assert_eq!(answer.status().code(), Code::Ok);
    assert_eq!(answer.headers.get("x-request-id").unwrap(), "mine");
}

#[test]
fn what_is_not_grpc_gets_an_http_answer() {
    let house = House::open();
    let code = house.block_on(async {
        let mut sender = connect(house.door.port()).await;
        let mut request = request(RESERVE, &[], Bytes::new());
        request
            .headers_mut()
            .insert("content-type", "application/json".parse().unwrap());
        sender.send_request(request).await.unwrap().status()
    });
    assert_eq!(code, 415);
}

#[test]
fn a_door_opens_on_loopback_only_and_never_over_its_own_methods() {
    let engine = || {
        Engine::open(EngineOptions::memory(std::sync::Arc::new(
            SystemClock::new(),
        )))
    };
    let start = |change: &dyn Fn(&mut DoorOptions)| {
        let mut options = options("/nowhere".into());
        change(&mut options);
        let engine = engine().unwrap();
        let promiser = Promiser::start(engine.clone(), PromiserOptions::default()).unwrap();
        Door::start(engine, quoting(&promiser), options).map(|_| ())
    };
    let outside = |options: &mut DoorOptions| options.address = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(start(&outside), Err(StartError::NotLoopback(_))));
    for path in [RESERVE, "/grpc.health.v1.Health/Check", "no path", "/half"] {
        let own = |options: &mut DoorOptions| {
            options.passthrough = vec![PassThroughMethod {
                path: path.to_owned(),
                streaming: false,
            }];
        };
        assert!(matches!(start(&own), Err(StartError::Path(_))), "{path}");
    }
    let no_set = |options: &mut DoorOptions| options.descriptor_set = vec![0xff; 9];
    assert!(matches!(start(&no_set), Err(StartError::Descriptors(_))));
    let no_limit = |options: &mut DoorOptions| options.max_streams = 0;
    assert!(matches!(
        start(&no_limit),
        Err(StartError::ZeroLimit("max_streams"))
    ));
    let no_secret = |options: &mut DoorOptions| options.upstream_secret = "a\nb".to_owned();
    assert!(matches!(start(&no_secret), Err(StartError::Secret)));
    assert!(start(&|_| ()).is_ok());
}

#[test]
fn unfinished_requests_are_held_in_bounded_memory() {
    let house = House::open_with(|options| options.max_inbound_bytes = 1024 * 1024);
    let port = house.door.port();
    house.block_on(async {
        // At most three of them fit the memory.
        let half = framed(&[0; 400 * 1024]).slice(..300 * 1024);
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let half = half.clone();
            calls.spawn(async move { raw::half_sent(port, RESERVE, half).await.status() });
        }
        for _ in 0..5 {
            let status = calls.join_next().await.unwrap().unwrap();
            let seen = (status.code(), reason(&status));
            assert_eq!(seen, (Code::ResourceExhausted, "OVERLOADED".into()));
        }
    });
    wait_until("memory is given back", || {
        let message = framed(&vec![0xff; 800 * 1024]);
        let answer = house.block_on(call(port, RESERVE, &[], message));
        reason(&answer.status()) == "MALFORMED_MESSAGE"
    });
}

#[test]
fn unread_native_streams_do_not_hold_up_other_calls() {
    use bopis_door::v1::{BatchGetAvailabilityRequest, Position};
    let house = House::open();
    let ask = BatchGetAvailabilityRequest {
        node_ids: vec![NODE.into(); 100],
        skus: vec![SKU.into(); 5000],
        at_least_position: None::<Position>,
    };
    let body = framed(&ask.encode_to_vec());
    let path = "/bopis.v1.InventoryService/BatchGetAvailability";
    house.block_on(async {
        let mut unread = Vec::new();
        for _ in 0..100 {
            let mut sender = connect(house.door.port()).await;
            let call = sender.send_request(request(path, &[], body.clone()));
            unread.push((call.await.unwrap(), sender));
        }
        for _ in 0..200 {
            let request = reserve(vec![line(NODE, SKU, 1)]);
            house.inventory().reserve(request).await.unwrap();
        }
        let (response, _sender) = unread.pop().unwrap();
        assert_eq!(read(response).await.status().code(), Code::Ok);
    });
}
