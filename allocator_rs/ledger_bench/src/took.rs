//! How long something took: on the clock, and of the processor.

use std::time::{Duration, Instant};

use rustix::time::{clock_gettime, ClockId};

/// Both times of a piece of work of one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// Work under way.
pub(crate) struct Started {
    wall: Instant,
    cpu: Duration,
}

impl Took {
    pub(crate) fn start() -> Started {
        let cpu = thread_cpu();
        Started {
            wall: Instant::now(),
            cpu,
        }
    }
}

impl Started {
    pub(crate) fn end(self) -> Took {
        let wall = self.wall.elapsed();
        Took {
            wall,
            cpu: thread_cpu().saturating_sub(self.cpu),
        }
    }
}

fn thread_cpu() -> Duration {
    if std::env::var_os("NOCPU").is_some() {
        return Duration::ZERO;
    }
    let used = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}
