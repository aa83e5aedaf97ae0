//! What a panic on the promiser's thread comes to. A binary of its own: it is run again, and aborts.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "behavior/bench.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the other binaries of tests"
)]
mod bench;
#[path = "behavior/town.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the other binaries of tests"
)]
mod town;

use std::sync::mpsc;

use bench::{bench, place_ask, DEADLINE};
use bopis_promise::Method;
use town::ask;

/// Set in the child process of the test below.
const PANICS: &str = "BOPIS_TEST_PROMISER_PANICS";

#[test]
fn a_panic_on_the_promisers_thread_ends_the_process() {
    use std::os::unix::process::ExitStatusExt;
    const ABORTED: i32 = 6;
    if std::env::var_os(PANICS).is_some() {
        let bench = bench(&[("near", "a", 1)]);
        let asked = place_ask(ask(Method::Pickup, &[("a", 1)]), 1);
        let done = Box::new(|_| panic!("on the promiser's thread"));
        bench.promiser.place(asked, done).unwrap();
        let (_unused, nothing) = mpsc::channel::<()>();
        let _ = nothing.recv_timeout(DEADLINE);
        return;
    }
    let name = "a_panic_on_the_promisers_thread_ends_the_process";
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name]).env(PANICS, "1");
    let ended = child.output().unwrap().status;
    assert_eq!(ended.signal(), Some(ABORTED), "{ended:?}");
}
