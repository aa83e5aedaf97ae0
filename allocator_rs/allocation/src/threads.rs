//! Work on many threads, with the results in the order of the work: the same on any machine.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

/// Pieces of work that a thread takes at a time.
const PIECE: usize = 64;

/// `work` of every number below `count`, on so many threads; every thread has something of its own,
/// which is given back as well.
pub fn with_each<S: Send, T: Send>(
    count: usize,
    threads: usize,
    own: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> (Vec<T>, Vec<S>) {
    if threads <= 1 || count <= PIECE {
        let mut mine = own();
        let done = (0..count).map(|index| work(&mut mine, index)).collect();
        return (done, vec![mine]);
    }
    let next = AtomicUsize::new(0);
    let pieces: Mutex<Vec<(usize, Vec<T>)>> = Mutex::default();
    let owned: Mutex<Vec<S>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = own();
                loop {
                    let first = next.fetch_add(PIECE, Ordering::Relaxed);
                    if first >= count {
                        break;
                    }
                    let end = count.min(first + PIECE);
                    let done = (first..end).map(|index| work(&mut mine, index)).collect();
                    if let Ok(mut pieces) = pieces.lock() {
                        pieces.push((first, done));
                    }
                }
                if let Ok(mut owned) = owned.lock() {
                    owned.push(mine);
                }
            });
        }
    });
    let mut pieces = pieces.into_inner().unwrap_or_default();
    pieces.sort_unstable_by_key(|(first, _)| *first);
    let done = pieces.into_iter().flat_map(|(_, done)| done).collect();
    (done, owned.into_inner().unwrap_or_default())
}
