//! Exponential and logarithm that are the same on every machine: sums and products only.

use std::f64::consts::{LN_2, LOG2_E};

/// Below this, e to the x counts as 0.
const LEAST: f64 = -20.0;
/// One by the factorials of 7 to 0.
const TAYLOR: [f64; 8] = [
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];
/// Bits of an f64 below its exponent, and what its exponent is counted from.
const MANTISSA_BITS: u32 = 52;
const BIAS: i64 = 1023;

/// e to the x for x <= 0, to seven digits.
pub(crate) fn exp(x: f64) -> f64 {
    if x < LEAST {
        return 0.0;
    }
    // Rounded, since x is not above 0.
    let twos = (x * LOG2_E - 0.5) as i64;
    let rest = x - twos as f64 * LN_2;
    // Taylor, |rest| <= 0.35.
    let sum = TAYLOR.iter().fold(0.0, |sum, share| sum * rest + share);
    sum * f64::from_bits(((twos + BIAS) as u64) << MANTISSA_BITS)
}

/// The natural logarithm of x >= 1, to seven digits.
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let twos = (bits >> MANTISSA_BITS) as i64 - BIAS;
    let mantissa =
        f64::from_bits((bits & ((1 << MANTISSA_BITS) - 1)) | ((BIAS as u64) << MANTISSA_BITS));
    // Twice the inverse hyperbolic tangent of at most a third.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let mut sum = 0.0;
    for divisor in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = sum * square + 1.0 / divisor;
    }
    twos as f64 * LN_2 + 2.0 * t * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_the_library_says() {
        for step in 0..2_000 {
            let x = -f64::from(step) / 100.0;
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-6, "e to the {x}");
            let y = 1.0 + f64::from(step) / 7.0;
            assert!((ln(y) - y.ln()).abs() < 1e-6, "the logarithm of {y}");
        }
        assert_eq!(exp(-1e9), 0.0);
    }
}
