//! An amount of one currency.

use std::fmt;

use crate::shop_v1;

/// An amount in minor units (cents) of a currency (ISO 4217).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Money {
    pub currency: String,
    pub minor_units: i64,
}

/// As in "12.50 EUR".
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, minor_units } = self;
        write!(f, "{}.{:02} {currency}", minor_units / 100, minor_units % 100)
    }
}

impl From<Money> for shop_v1::Money {
    fn from(Money { currency, minor_units }: Money) -> Self {
        Self { currency, minor_units }
    }
}

impl From<shop_v1::Money> for Money {
    fn from(shop_v1::Money { currency, minor_units }: shop_v1::Money) -> Self {
        Self { currency, minor_units }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_for_people() {
        for (minor_units, want) in [(1250, "12.50 EUR"), (5, "0.05 EUR"), (100_000, "1000.00 EUR")]
        {
            assert_eq!(Money { currency: "EUR".into(), minor_units }.to_string(), want);
        }
    }
}
