//! Completions: one queue and one eventfd between the native threads and Python's event loop.
//!
//! Native threads push and never touch the interpreter. The first push on an empty queue makes the
//! eventfd readable; whatever is pushed until Python takes the queue rides on that one wake-up.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use parking_lot::Mutex;
use rustix::event::{eventfd, EventfdFlags};
use rustix::io::{read, write};

use crate::errors::BindingError;

/// Finished work of kind `T`, waiting to be taken.
#[derive(Debug)]
pub struct Completions<T> {
    queue: Mutex<Vec<T>>,
    wake: OwnedFd,
}

impl<T> Completions<T> {
    /// An empty queue with its eventfd.
    ///
    /// # Errors
    /// `System`: the process has no file descriptors left.
    pub fn new() -> Result<Self, BindingError> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = eventfd(0, flags).map_err(|error| BindingError::System(error.into()))?;
        Ok(Self {
            queue: Mutex::new(Vec::new()),
            wake,
        })
    }

    /// Adds one, and wakes the taker if it is the first.
    pub fn push(&self, completion: T) {
        let was_empty = {
            let mut queue = self.queue.lock();
            let was_empty = queue.is_empty();
            queue.push(completion);
            was_empty
        };
        if was_empty {
            // Fails only if the counter is about to overflow, and then it is readable anyway.
            let _ = write(&self.wake, &1_u64.to_ne_bytes());
        }
    }

    /// Takes all that wait, in the order they were pushed.
    pub fn take(&self) -> Vec<T> {
        // The counter is cleared first: a push after that either finds the queue not yet taken and
        // is part of it, or finds it empty and wakes again.
        let mut counter = [0_u8; 8];
        let _ = read(&self.wake, &mut counter);
        std::mem::take(&mut *self.queue.lock())
    }

    /// The eventfd, readable while completions wait. It lives as long as the queue.
    pub fn wake_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)] // A test stops where it fails.

    use std::sync::Arc;
    use std::time::Duration;

    use rustix::event::{poll, PollFd, PollFlags, Timespec};

    use super::Completions;

    fn readable<T>(completions: &Completions<T>) -> bool {
        let mut fds = [PollFd::new(&completions.wake, PollFlags::IN)];
        let none = Timespec::try_from(Duration::ZERO).unwrap();
        poll(&mut fds, Some(&none)).unwrap() == 1
    }

    #[test]
    fn a_batch_of_pushes_is_one_wake_up() {
        let completions = Completions::new().unwrap();
        assert!(!readable(&completions));
        completions.push(1);
        completions.push(2);
        assert!(readable(&completions));
        assert_eq!(completions.take(), vec![1, 2]);
        assert!(!readable(&completions));
        assert!(completions.take().is_empty());
    }

    #[test]
    fn nothing_pushed_by_many_threads_is_lost_or_left_without_a_wake_up() {
        const THREADS: u32 = 4;
        const EACH: u32 = 20_000;
        let completions = Arc::new(Completions::new().unwrap());
        let pushers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let completions = Arc::clone(&completions);
                std::thread::spawn(move || {
                    for number in 0..EACH {
                        completions.push(thread * EACH + number);
                    }
                })
            })
            .collect();
        let mut taken = Vec::new();
        while taken.len() < (THREADS * EACH) as usize {
            let mut fds = [PollFd::new(&completions.wake, PollFlags::IN)];
            let limit = Timespec::try_from(Duration::from_secs(10)).unwrap();
            assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "no wake-up came");
            taken.extend(completions.take());
        }
        for pusher in pushers {
            pusher.join().unwrap();
        }
        taken.sort_unstable();
        assert!(taken.iter().copied().eq(0..THREADS * EACH));
    }
}
