//! Records as bytes, changed.

use bopis_ledger::{codec, Ledger};

use super::commands::{lived, LIMITS};
use super::mutate::mutate;
use crate::random::Random;

/// One record of a life, changed and read.
///
/// # Errors
/// Bytes were read that are not what the record is written as, or the ledger took a record over and
/// lost an invariant.
pub fn case(random: &mut Random) -> Result<(), String> {
    let turns = 1 + random.below(8);
    let (_, made) = lived(random, turns)?;
    if made.records.is_empty() {
        return Ok(());
    }
    let bytes_of = |at: usize| {
        let mut bytes = Vec::new();
        codec::encode(&made.records[at], &mut bytes);
        bytes
    };
    for _ in 0..8 {
        let at = random.index(made.records.len());
        let other = bytes_of(random.index(made.records.len()));
        let mut bytes = bytes_of(at);
        mutate(random, &mut bytes, &other);
        let Ok(record) = codec::decode(&bytes) else {
            continue;
        };
        let mut again = Vec::new();
        codec::encode(&record, &mut again);
        if again != bytes {
            return Err(format!("{bytes:02x?} was read as {record:?}"));
        }
        let mut ledger = Ledger::new(LIMITS);
        for earlier in &made.records[..at] {
            ledger.replay(earlier).map_err(|error| error.to_string())?;
        }
        let (mut replayed, mut verified) = (ledger, Ledger::new(LIMITS));
        for earlier in &made.records[..at] {
            verified
                .replay(earlier)
                .map_err(|error| error.to_string())?;
        }
        if replayed.replay(&record).is_ok() {
            replayed
                .check_invariants()
                .map_err(|what| format!("{what} after {record:?}"))?;
        }
        if verified.verify(&record).is_ok() && verified.state_hash() != replayed.state_hash() {
            return Err(format!("verify and replay differ on {record:?}"));
        }
    }
    Ok(())
}
