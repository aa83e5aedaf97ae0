//! What keys hash to.
//!
//! | | |
//! | --- | --- |
//! | a key | two words |
//! | its hash | 32 bits, under secrets of each owner of indexes |

use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

/// What a key is made of, for hashing.
pub(crate) trait Key {
    /// All of it, as two words.
    fn words(&self) -> (u64, u64);
}

/// Hashes keys, under secrets of each owner: nobody can choose keys that collide. A product
/// of both words, each under a secret, with its halves folded: as wyhash and foldhash do.
#[derive(Clone, Debug)]
pub(crate) struct KeyHasher {
    secrets: [u64; 3],
}

impl Default for KeyHasher {
    fn default() -> Self {
        let random = DefaultHashBuilder::default();
        Self {
            secrets: [1, 2, 3].map(|number: u64| random.hash_one(number)),
        }
    }
}

impl KeyHasher {
    pub(crate) fn hash(&self, key: &impl Key) -> u32 {
        let (first, second) = key.words();
        let [a, b, c] = self.secrets;
        let hash = fold(fold(first ^ a, second ^ b), c);
        // Both halves, folded.
        (((hash >> 32) ^ hash) & 0xffff_ffff) as u32
    }
}

const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}
