//! The promise token: an option, signed, for `CreateOrder`. The one place that signs.
//!
//! `base64url(version 1 | msgpack map | HMAC-SHA256 of what is before it)`, without padding.
//! `bopis/service/promise_tokens.py` reads it; `tests/e2e/test_promises.py` holds both to it.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use bopis_promise::{Method, StoreOption};
use hmac::{Hmac, Mac};
use serde::Serialize;
use sha2::{Digest, Sha256};

const VERSION: u8 = 1;
const MS_PER_SECOND: i64 = 1_000;

/// Lines that one node is to do. Lines are told by their places in the basket's sorted order, so that
/// an order of the same SKUs and quantities fits whatever its own order and numbers are.
#[derive(Debug, Serialize)]
struct TokenGroup<'a> {
    node_id: &'a str,
    method: &'static str,
    lines: Vec<usize>,
    window_start_ms: i64,
    ready_by_ms: i64,
}

/// What is signed.
#[derive(Debug, Serialize)]
struct Token<'a> {
    basket: String,
    method: &'static str,
    groups: Vec<TokenGroup<'a>>,
    ready_by_ms: i64,
    cost_micro: i64,
    currency: &'a str,
    policy_version: &'a str,
    expire_ms: i64,
}

/// What an option is quoted under.
pub(super) struct Terms<'a> {
    /// SKU and quantity of each line, in the order of the request.
    pub(super) lines: &'a [(String, i64)],
    /// Of the cost.
    pub(super) currency: &'a str,
    /// Names the policy.
    pub(super) policy_version: &'a str,
    /// Until when it is taken, Unix ms.
    pub(super) expire_ms: i64,
}

/// Signs options.
pub(super) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(super) fn new(key: Vec<u8>) -> Self {
        Self(keyed(&key))
    }

    /// The token of an option that does the whole basket; none if it cannot be written.
    pub(super) fn sign(&self, option: &StoreOption, terms: &Terms<'_>) -> Option<String> {
        let sorted = sorted(terms.lines);
        let place = |line_number: &i32| {
            let index = usize::try_from(*line_number - 1).ok()?;
            sorted.iter().position(|other| *other == index)
        };
        let groups = option.plan.groups.iter().map(|group| TokenGroup {
            node_id: &group.node_id,
            method: name(group.method),
            lines: group.line_numbers.iter().filter_map(place).collect(),
            window_start_ms: group.window_start_s.saturating_mul(MS_PER_SECOND),
            ready_by_ms: group.ready_s.saturating_mul(MS_PER_SECOND),
        });
        let groups: Vec<TokenGroup<'_>> = groups.collect();
        let token = Token {
            basket: basket_digest(terms.lines, &sorted),
            method: name(option.method),
            ready_by_ms: groups.iter().map(|group| group.ready_by_ms).max()?,
            groups,
            cost_micro: option.plan.terms.total(),
            currency: terms.currency,
            policy_version: terms.policy_version,
            expire_ms: terms.expire_ms,
        };
        let mut bytes = vec![VERSION];
        rmp_serde::encode::write_named(&mut bytes, &token).ok()?;
        let mut mac = self.0.clone();
        mac.update(&bytes);
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// HMAC takes keys of any length (RFC 2104).
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "no length of a key is refused")]
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Pickup | Method::Transfer => "PICKUP",
        Method::Ship => "SHIP",
    }
}

/// Indices of the lines by SKU, quantity and place.
fn sorted(lines: &[(String, i64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|index| {
        lines
            .get(*index)
            .map(|(sku, quantity)| (sku.as_str(), *quantity))
    });
    order
}

/// SHA-256, in hexadecimal, of the sorted lines: length of the SKU in 4 bytes, the SKU, the quantity
/// in 8 bytes, big-endian.
fn basket_digest(lines: &[(String, i64)], sorted: &[usize]) -> String {
    let mut digest = Sha256::new();
    for (sku, quantity) in sorted.iter().filter_map(|index| lines.get(*index)) {
        digest.update(u32::try_from(sku.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(sku.as_bytes());
        digest.update(quantity.to_be_bytes());
    }
    digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{basket_digest, sorted};

    fn digest(lines: &[(&str, i64)]) -> String {
        let lines: Vec<_> = lines
            .iter()
            .map(|(sku, n)| ((*sku).to_owned(), *n))
            .collect();
        basket_digest(&lines, &sorted(&lines))
    }

    #[test]
    fn a_basket_is_the_same_in_whatever_order() {
        assert_eq!(digest(&[("a", 2), ("b", 1)]), digest(&[("b", 1), ("a", 2)]));
        assert_ne!(digest(&[("a", 2), ("b", 1)]), digest(&[("a", 1), ("b", 2)]));
        assert_ne!(digest(&[("a", 2)]), digest(&[("a", 1), ("a", 1)]));
    }
}
