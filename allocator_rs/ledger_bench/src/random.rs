//! Random numbers that depend on nothing but the seed (SplitMix64, public domain, Steele et al.
//! 2014).

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// Less than `limit`, which is at least 1.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next() as u32) * u64::from(limit)) >> 32) as u32
    }
}

/// A 128-bit id that looks like any other and is no one else's.
pub(crate) fn id(kind: u64, serial: u64) -> u128 {
    // Both mixes are one to one, so two serials never share the low half.
    let low = mixed(serial ^ kind.rotate_left(56));
    u128::from(mixed(low ^ kind)) << 64 | u128::from(low)
}

/// Another number for each number.
pub(crate) const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
