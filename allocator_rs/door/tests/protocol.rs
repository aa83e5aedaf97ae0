//! What no gRPC library would send, and what no healthy upstream would answer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bopis_door::{Door, DoorOptions, PassThroughMethod, StartError};
use bopis_engine::{Engine, EngineOptions, SystemClock};
use bytes::Bytes;
use http_body_util::BodyExt;
use prost::Message;
use support::raw::{self, call, connect, framed, read, request};
use support::upstream::Upstream;
use support::*;
use tonic::Code;

const RESERVE: &str = "/bopis.v1.InventoryService/Reserve";

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn through(options: &mut DoorOptions) {
    let verbs = ["Echo", "Hang", "Silent", "Flood", "Torn"];
    options.passthrough = verbs
        .iter()
        .map(|verb| PassThroughMethod {
            path: format!("/up.Stream/{verb}"),
            streaming: true,
        })
        .chain(["Echo", "Silent"].iter().map(|verb| PassThroughMethod {
            path: format!("/up.Unary/{verb}"),
            streaming: false,
        }))
        .collect();
}

fn house() -> (House, Upstream) {
    let house = House::open_with(through);
    let upstream = Upstream::start(&house.socket());
    (house, upstream)
}

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
fn the_door_enforces_the_deadline_of_calls_that_pass_through() {
    let (house, upstream) = house();
    for path in ["/up.Unary/Silent", "/up.Stream/Hang", "/up.Stream/Flood"] {
        let before = upstream.seen.cancelled.load(Ordering::SeqCst);
        let headers = [("grpc-timeout", "300m")];
        let started = Instant::now();
        let answer = house.block_on(call(house.door.port(), path, &headers, framed(b"")));
        let status = answer.status();
        let seen = (status.code(), reason(&status));
        assert_eq!(
            seen,
            (Code::DeadlineExceeded, "DEADLINE_EXCEEDED".into()),
            "{path}"
        );
        assert!(started.elapsed() >= Duration::from_millis(290), "{path}");
        let sent = upstream.seen.headers.lock().unwrap()["grpc-timeout"].clone();
        let sent = sent.to_str().unwrap().to_owned();
        assert!(
            sent.ends_with('u') || sent.ends_with('n') || sent.ends_with('m'),
            "{sent}"
        );
        wait_until("the upstream call is reset", || {
            upstream.seen.cancelled.load(Ordering::SeqCst) > before
        });
    }
    assert_eq!(*upstream.seen.authority.lock().unwrap(), "localhost");
}

#[test]
fn a_client_that_goes_away_resets_the_upstream_call() {
    let (house, upstream) = house();
    house.block_on(async {
        let mut sender = connect(house.door.port()).await;
        let response = sender
            .send_request(request("/up.Stream/Hang", &[], framed(b"")))
            .await
            .unwrap();
        let mut body = response.into_body();
        body.frame().await.unwrap().unwrap();
        drop(body);
    });
    wait_until("the upstream call is reset", || {
        upstream.seen.cancelled.load(Ordering::SeqCst) == 1
    });
}

#[test]
fn an_answer_that_breaks_off_ends_with_trailers_and_a_reason() {
    let (house, upstream) = house();
    let answer = house.block_on(call(house.door.port(), "/up.Stream/Torn", &[], framed(b"")));
    assert_eq!(answer.data, framed(b"first"));
    let status = answer.status();
    let seen = (status.code(), reason(&status));
    assert_eq!(seen, (Code::Unavailable, "UPSTREAM_UNAVAILABLE".into()));
    // Killed in the middle of a stream, and of a call that has not answered yet.
    let port = house.door.port();
    let (first, second) = house.block_on(async {
        let mut sender = connect(port).await;
        let hanging = sender
            .send_request(request("/up.Stream/Hang", &[], framed(b"")))
            .await
            .unwrap();
        let silent = tokio::spawn(call(port, "/up.Unary/Silent", &[], framed(b"")));
        let seen = std::sync::Arc::clone(&upstream.seen);
        while seen.connections.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        tokio::task::spawn_blocking(move || drop(upstream))
            .await
            .unwrap();
        (read(hanging).await, silent.await.unwrap())
    });
    for answer in [first, second] {
        let status = answer.status();
        let seen = (status.code(), reason(&status));
        assert_eq!(seen, (Code::Unavailable, "UPSTREAM_UNAVAILABLE".into()));
    }
}

#[test]
fn the_door_finds_an_upstream_that_starts_late_or_again() {
    let house = House::open_with(through);
    let echo = || {
        let answer = house.block_on(call(house.door.port(), "/up.Unary/Echo", &[], framed(b"x")));
        answer.status()
    };
    assert_eq!(reason(&echo()), "UPSTREAM_UNAVAILABLE");
    for _ in 0..3 {
        let upstream = Upstream::start(&house.socket());
        wait_until("the upstream is found", || echo().code() == Code::Ok);
        drop(upstream);
        wait_until("the upstream is missed", || {
            echo().code() == Code::Unavailable
        });
    }
}

#[test]
fn calls_and_streams_use_connections_of_their_own() {
    let (house, upstream) = house();
    for _ in 0..8 {
        for path in ["/up.Unary/Echo", "/up.Stream/Echo"] {
            let answer = house.block_on(call(house.door.port(), path, &[], framed(b"x")));
            assert_eq!(answer.data, framed(b"x"));
            assert_eq!(answer.headers["x-from-upstream"], "head");
            assert_eq!(answer.trailers["x-from-upstream"], "tail");
        }
    }
    assert_eq!(upstream.seen.connections.load(Ordering::SeqCst), 4);
}

#[test]
fn ten_thousand_streams_are_refused_beyond_the_limit() {
    let house = House::open_with(|options| {
        through(options);
        options.max_streams = 500;
    });
    let upstream = Upstream::start(&house.socket());
    let port = house.door.port();
    let (open, refused) = house.block_on(async {
        let sender = connect(port).await;
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..10_000 {
            let mut sender = sender.clone();
            calls.spawn(async move {
                sender
                    .send_request(request("/up.Stream/Hang", &[], framed(b"")))
                    .await
                    .unwrap()
            });
        }
        let (mut open, mut refused) = (Vec::new(), 0);
        while let Some(response) = calls.join_next().await {
            let response = response.unwrap();
            match tonic::Status::from_header_map(response.headers()) {
                None => open.push(response),
                Some(status) => {
                    assert_eq!(status.code(), Code::ResourceExhausted);
                    assert_eq!(reason(&status), "TOO_MANY_STREAMS");
                    refused += 1;
                }
            }
        }
        (open.len(), refused)
    });
    assert_eq!((open, refused), (500, 9_500));
    drop(upstream);
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
        Door::start(engine().unwrap(), options).map(|_| ())
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

#[test]
fn cancelled_calls_do_not_break_the_connections_that_others_use() {
    let (house, upstream) = house();
    let port = house.door.port();
    house.block_on(async {
        let mut sender = connect(port).await;
        let ask = |path| request(path, &[], framed(b""));
        let staying = sender.send_request(ask("/up.Stream/Hang")).await.unwrap();
        let mut staying = staying.into_body();
        staying.frame().await.unwrap().unwrap();
        let connections = upstream.seen.connections.load(Ordering::SeqCst);
        // More than the library bears from a peer that it does not trust.
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let mut sender = sender.clone();
            clients.spawn(async move {
                for _ in 0..30 {
                    let flood = request("/up.Stream/Flood", &[], framed(b""));
                    let mut flood = sender.send_request(flood).await.unwrap().into_body();
                    flood.frame().await.unwrap().unwrap();
                }
            });
        }
        while let Some(done) = clients.join_next().await {
            done.unwrap();
        }
        let quiet = tokio::time::timeout(Duration::from_millis(50), staying.frame()).await;
        assert!(quiet.is_err(), "the other stream goes on: {quiet:?}");
        assert!(upstream.seen.connections.load(Ordering::SeqCst) <= connections + 1);
    });
}
