use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use pricestream_domain::{Money, PriceVersion, Sku};
use pricestream_ports::CacheEntry;
use schemars::JsonSchema;
use serde::Serialize;

/// The current price of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PriceView {
    /// Whose price.
    pub sku: Sku,
    /// The current price, for one unit and before promotions.
    pub price: Money,
    /// What the merchant set.
    pub list_price: Option<Money>,
    /// Orders the prices of a SKU: drop what is older than you hold.
    pub price_version: PriceVersion,
    /// Since when the price is that.
    pub since: Timestamp,
}

impl PriceView {
    /// What an entry says; `None` for a tombstone.
    pub fn of(entry: &CacheEntry) -> Option<Self> {
        Some(Self {
            sku: entry.sku.clone(),
            price: entry.price?,
            list_price: entry.list_price,
            price_version: entry.price_version,
            since: entry.since,
        })
    }
}

/// Writes an entry as JSON: a [`PriceView`], or for a tombstone the same without its prices. By hand, since it is
/// written for each read: nothing in it needs escaping.
pub fn write_price(entry: &CacheEntry, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"sku\":\"");
    out.extend_from_slice(entry.sku.as_bytes());
    out.extend_from_slice(b"\",");
    if let Some(price) = entry.price {
        out.extend_from_slice(b"\"price\":");
        write_money(price, out);
        out.extend_from_slice(b",\"list_price\":");
        match entry.list_price {
            Some(list_price) => write_money(list_price, out),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
    }
    out.extend_from_slice(b"\"price_version\":");
    write_number(entry.price_version.0, out);
    out.extend_from_slice(b",\"since\":\"");
    DateTimePrinter::new().print_timestamp(&entry.since, &mut *out).expect("memory takes every write");
    out.extend_from_slice(b"\"}");
}

fn write_money(money: Money, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"minor\":");
    if money.minor < 0 {
        out.push(b'-');
    }
    write_number(money.minor.unsigned_abs(), out);
    out.extend_from_slice(b",\"currency\":\"");
    out.extend_from_slice(money.currency.code().as_bytes());
    out.extend_from_slice(b"\"}");
}

pub(crate) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(number % 10).expect("a digit is below ten");
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use pricestream_domain::Currency;

    use super::*;

    #[test]
    fn what_is_written_by_hand_is_what_serde_writes() {
        for (minor, list, version, micros) in [
            (0, None, 1, 0),
            (1, Some(i64::MAX), u64::MAX, 1),
            (i64::MIN, Some(-1), 0, 1_800_000_000_123_456),
            (1_999, None, 10, 1_000_000),
        ] {
            let entry = CacheEntry {
                sku: Sku::new("A.b_c-9").unwrap(),
                price_version: PriceVersion(version),
                price: Some(Money::new(minor, Currency::KWD)),
                list_price: list.map(|minor| Money::new(minor, Currency::JPY)),
                since: Timestamp::from_microsecond(micros).unwrap(),
            };
            let mut by_hand = Vec::new();
            write_price(&entry, &mut by_hand);
            let by_serde = serde_json::to_string(&PriceView::of(&entry).unwrap()).unwrap();
            assert_eq!(String::from_utf8(by_hand).unwrap(), by_serde);
        }
    }

    #[test]
    fn a_tombstone_is_written_without_prices() {
        let entry = CacheEntry {
            sku: Sku::new("A").unwrap(),
            price_version: PriceVersion(3),
            price: None,
            list_price: None,
            since: Timestamp::UNIX_EPOCH,
        };
        let mut out = Vec::new();
        write_price(&entry, &mut out);
        assert_eq!(out, br#"{"sku":"A","price_version":3,"since":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(PriceView::of(&entry), None);
    }
}
