//! The way through: deadlines, cancellation, an upstream that breaks, many streams.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bopis_door::{DoorOptions, PassThroughMethod};
use http_body_util::BodyExt;
use tonic::Code;

use crate::support::raw::{call, connect, framed, read, request};
use crate::support::upstream::Upstream;
use crate::support::*;

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
fn a_call_that_arrives_past_its_deadline_is_not_passed_on() {
    let (house, upstream) = house();
    for timeout in ["0n", "1n", "0S"] {
        let headers = [("grpc-timeout", timeout)];
        let path = "/up.Unary/Silent";
        let answer = house.block_on(call(house.door.port(), path, &headers, framed(b"")));
        assert_eq!(reason(&answer.status()), "DEADLINE_EXCEEDED", "{timeout}");
    }
    assert_eq!(upstream.seen.calls.load(Ordering::SeqCst), 0);
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
