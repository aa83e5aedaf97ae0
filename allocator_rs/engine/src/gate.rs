//! The entrance of the queue. Once it is closed nobody is inside any more, so what the queue holds
//! then is all it will ever hold: no callback is left behind in it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[derive(Default)]
pub(crate) struct Gate {
    inside: AtomicUsize,
    /// No new requests.
    shut: AtomicBool,
    /// Nobody receives any more, not even an order to drain.
    closed: AtomicBool,
}

/// Someone who puts a job into the queue.
pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    /// The right to put a request into the queue; none: the engine stops.
    pub(crate) fn enter(&self) -> Option<Pass<'_>> {
        let pass = self.inside();
        (!self.is_shut()).then_some(pass)
    }

    /// The right to put the order to drain into the queue; none: nobody would receive it.
    pub(crate) fn enter_to_drain(&self) -> Option<Pass<'_>> {
        let pass = self.inside();
        (!self.closed.load(Ordering::SeqCst)).then_some(pass)
    }

    // Sequentially consistent with `close`: either this one sees the flag, or it is seen inside.
    fn inside(&self) -> Pass<'_> {
        self.inside.fetch_add(1, Ordering::SeqCst);
        Pass(self)
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.shut.load(Ordering::SeqCst)
    }

    /// Lets no new requests in.
    pub(crate) fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    /// Lets nobody in, and empties the queue until those inside have left.
    pub(crate) fn close(&self, mut empty: impl FnMut()) {
        self.shut();
        self.closed.store(true, Ordering::SeqCst);
        while self.inside.load(Ordering::SeqCst) > 0 {
            empty();
            std::thread::yield_now();
        }
        empty();
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}
