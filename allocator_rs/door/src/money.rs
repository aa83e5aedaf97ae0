//! `google.type.Money`, which the messages of `bopis.v1` speak of.

const MICRO: i64 = 1_000_000;
const NANOS_PER_MICRO: i32 = 1_000;

/// An amount. Units and nanos share the sign.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Money {
    /// ISO 4217.
    #[prost(string, tag = "1")]
    pub currency_code: String,
    /// Whole units.
    #[prost(int64, tag = "2")]
    pub units: i64,
    /// Billionths of a unit.
    #[prost(int32, tag = "3")]
    pub nanos: i32,
}

impl Money {
    /// From micro-units.
    pub(crate) fn of_micro(amount_micro: i64, currency: &str) -> Self {
        let rest = i32::try_from(amount_micro % MICRO).unwrap_or(0);
        Self {
            currency_code: currency.to_owned(),
            units: amount_micro / MICRO,
            nanos: rest * NANOS_PER_MICRO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Money;

    #[test]
    fn units_and_nanos_share_the_sign() {
        let cost = Money::of_micro(-1_500_000, "USD");
        assert_eq!((cost.units, cost.nanos), (-1, -500_000_000));
    }
}
