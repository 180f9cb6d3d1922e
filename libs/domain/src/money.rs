use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BasisPoints, Currency, RelativeChange};

/// An amount in the currency's minor unit (ISO 4217): 1999 is $19.99 in USD and ¥1999 in JPY. Never a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units; negative for a debit.
    pub minor: i64,
    /// What the amount is in.
    pub currency: Currency,
}

/// Why an amount could not be worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit in 64 bits of minor units.
    #[error("the amount does not fit in 64 bits of minor units")]
    Overflow,
    /// Two amounts in different currencies have no sum.
    #[error("{0} and {1} do not mix: convert before adding")]
    MixedCurrencies(Currency, Currency),
}

impl Money {
    /// `minor` of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum. Errors: overflow, mixed currencies.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        let other = self.same_currency(other)?;
        self.minor.checked_add(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// The difference, which may be negative. Errors: overflow, mixed currencies.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        let other = self.same_currency(other)?;
        self.minor.checked_sub(other.minor).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// `units` times the amount. Errors: overflow.
    pub fn checked_mul(self, units: i64) -> Result<Self, MoneyError> {
        self.minor.checked_mul(units).map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }

    /// `share` of the amount, rounded half away from zero to a minor unit. It always fits.
    #[must_use]
    pub fn portion(self, share: BasisPoints) -> Self {
        let minor = ratio_half_away(i128::from(self.minor) * i128::from(share.get()), 10_000);
        Self { minor: i64::try_from(minor).expect("a share of a 64-bit amount fits 64 bits"), ..self }
    }

    /// The amount moved by `change`, the result rounded half away from zero to a minor unit. Errors: overflow.
    pub fn changed_by(self, change: RelativeChange) -> Result<Self, MoneyError> {
        let minor = ratio_half_away(i128::from(self.minor) * (10_000 + i128::from(change.0)), 10_000);
        i64::try_from(minor).map(|minor| Self { minor, ..self }).map_err(|_| MoneyError::Overflow)
    }

    /// Takes `rate` off, rounding the result half away from zero to a minor unit. It always fits.
    #[must_use]
    pub fn less(self, rate: BasisPoints) -> Self {
        let left = BasisPoints::new(10_000 - u32::from(rate.get())).expect("what is left of a share is a share");
        self.portion(left)
    }

    /// Appends it as serde writes it as JSON. For documents that are written for each request.
    pub fn write_json(self, out: &mut Vec<u8>) {
        const HEAD: [u8; 9] = *b"{\"minor\":";
        let mut tail = *b",\"currency\":\"...\"}";
        tail[13..16].copy_from_slice(&self.currency.bytes());
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(self.minor).as_bytes();
        // Put together here: one write to the document, of pieces whose lengths are known.
        let mut text = [0; HEAD.len() + 20 + 18];
        text[..HEAD.len()].copy_from_slice(&HEAD);
        let end = HEAD.len() + digits.len();
        text[HEAD.len()..end].copy_from_slice(digits);
        text[end..end + tail.len()].copy_from_slice(&tail);
        out.extend_from_slice(&text[..end + tail.len()]);
    }

    fn same_currency(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency == other.currency { Ok(other) } else { Err(MoneyError::MixedCurrencies(self.currency, other.currency)) }
    }
}

/// `numerator / denominator` rounded to the nearest integer, halves away from zero. `denominator` is positive.
fn ratio_half_away(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2 * numerator.signum();
    (numerator + half) / denominator
}

/// `19.99 USD`, `-0.05 EUR`, `1999 JPY`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Put together here: one write to the formatter. 20 digits, a sign, a point, up to three zeros, a blank and the currency.
        let mut text = [0; 32];
        let mut end = 0;
        let mut put = |piece: &[u8]| {
            text[end..end + piece.len()].copy_from_slice(piece);
            end += piece.len();
        };
        let decimals = self.currency.decimals() as usize;
        let mut buffer = itoa::Buffer::new();
        let mut digits = buffer.format(self.minor.unsigned_abs()).as_bytes();
        if self.minor < 0 {
            put(b"-");
        }
        if decimals > 0 {
            let whole = digits.len().saturating_sub(decimals);
            put(if whole == 0 { b"0" } else { &digits[..whole] });
            put(b".");
            // Fewer digits than places.
            (digits.len()..decimals).for_each(|_| put(b"0"));
            digits = &digits[whole..];
        }
        put(digits);
        put(b" ");
        put(&self.currency.bytes());
        f.write_str(std::str::from_utf8(&text[..end]).expect("digits and codes are ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    #[test]
    fn rates_round_half_away_from_zero() {
        for (minor, off, expected) in [
            (1_999, 1_500, 1_699), // 1699.15 rounds down
            (1_990, 1_500, 1_692), // 1691.5 rounds up
            (1, 5_000, 1),         // 0.5 rounds up
            (-1_990, 1_500, -1_692),
            (i64::MAX, 0, i64::MAX),
            (i64::MIN, 0, i64::MIN),
            (1_999, 10_000, 0),
        ] {
            assert_eq!(usd(minor).less(BasisPoints::new(off).unwrap()), usd(expected), "{minor} less {off}");
        }
        for (minor, change, expected) in [(1_999, 500, 2_099), (1_000, -2_000, 800), (10, 500, 11), (1_000, -10_000, 0)] {
            assert_eq!(usd(minor).changed_by(RelativeChange(change)), Ok(usd(expected)), "{minor} by {change}");
        }
    }

    #[test]
    fn overflow_and_mixed_currencies_are_errors() {
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MIN).checked_sub(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).changed_by(RelativeChange(1)), Err(MoneyError::Overflow));
        let yen = Money::new(1, Currency::JPY);
        assert_eq!(usd(1).checked_add(yen), Err(MoneyError::MixedCurrencies(Currency::USD, Currency::JPY)));
    }

    #[test]
    fn amounts_read_in_their_own_decimals() {
        for (money, text) in [
            (usd(1_999), "19.99 USD"),
            (usd(-5), "-0.05 USD"),
            (usd(i64::MIN), "-92233720368547758.08 USD"),
            (Money::new(1_999, Currency::JPY), "1999 JPY"),
            (Money::new(1_999, Currency::KWD), "1.999 KWD"),
        ] {
            assert_eq!(money.to_string(), text);
        }
    }

    #[test]
    fn floats_strings_and_unknown_fields_are_refused() {
        for text in [
            r#"{"minor":19.99,"currency":"USD"}"#,
            r#"{"minor":"1999","currency":"USD"}"#,
            r#"{"minor":1999,"currency":"usd"}"#,
            r#"{"minor":1999}"#,
            r#"{"minor":9223372036854775808,"currency":"USD"}"#,
            r#"{"minor":1,"currency":"USD","major":1}"#,
        ] {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_never_leaves_the_range_between_zero_and_the_amount(minor in 0..=i64::MAX, rate in 0..=10_000_u32) {
            let left = usd(minor).less(BasisPoints::new(rate).unwrap()).minor;
            prop_assert!((0..=minor).contains(&left));
        }

        #[test]
        fn what_is_written_by_hand_is_what_serde_and_the_formatter_write(minor in any::<i64>(), small in -1_200..1_200_i64) {
            for (currency, places) in [(Currency::JPY, 0), (Currency::EUR, 2), (Currency::KWD, 3)] {
                for minor in [minor, small] {
                    let money = Money::new(minor, currency);
                    let mut by_hand = Vec::new();
                    money.write_json(&mut by_hand);
                    prop_assert_eq!(String::from_utf8(by_hand).unwrap(), serde_json::to_string(&money).unwrap());
                    let (sign, magnitude) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
                    let unit = 10_u64.pow(places);
                    let text = match places {
                        0 => format!("{sign}{magnitude} {currency}"),
                        _ => format!("{sign}{}.{:0w$} {currency}", magnitude / unit, magnitude % unit, w = places as usize),
                    };
                    prop_assert_eq!(money.to_string(), text);
                }
            }
        }

        #[test]
        fn addition_undoes_subtraction(a in -1_000_000_000_000..1_000_000_000_000_i64, b in -1_000_000_000_000..1_000_000_000_000_i64) {
            prop_assert_eq!(usd(a).checked_sub(usd(b)).unwrap().checked_add(usd(b)), Ok(usd(a)));
        }
    }
}
