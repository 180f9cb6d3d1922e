use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use pricestream_domain::{Lane, Money, PriceVersion, Sku};
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
    /// What a guest pays for one unit now, after promotions; absent where several prices are asked for, and where that is not
    /// known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payable: Option<Money>,
    /// When that changes next, as far as is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payable_until: Option<Timestamp>,
}

impl PriceView {
    /// What an entry says at `now`; `None` for a tombstone.
    pub fn at(entry: &CacheEntry, now: Timestamp) -> Option<Self> {
        let view = Self::of(entry)?;
        let Some(lane) = &entry.lane else {
            return Some(Self { payable: Some(view.price), ..view });
        };
        let payable = lane.at(now).map(|slice| slice.payable);
        let payable_until = payable.and_then(|_| lane.next_change(now).or(lane.until()));
        Some(Self { payable, payable_until, ..view })
    }

    /// What an entry says whenever it is read, without promotions; `None` for a tombstone.
    pub fn of(entry: &CacheEntry) -> Option<Self> {
        Some(Self {
            payable: None,
            payable_until: None,
            sku: entry.sku.clone(),
            price: entry.price?,
            list_price: entry.list_price,
            price_version: entry.price_version,
            since: entry.since,
        })
    }
}

/// Writes an entry as JSON: a [`PriceView`] as of `now` or, without an instant, one that holds whenever it is read, with the lane
/// in place of what is paid now. For a tombstone the same without its prices. By hand, since it is written for each read: nothing
/// in it needs escaping.
pub fn write_price(entry: &CacheEntry, now: Option<Timestamp>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"sku\":\"");
    out.extend_from_slice(entry.sku.as_bytes());
    out.extend_from_slice(b"\",");
    if let Some(price) = entry.price {
        out.extend_from_slice(b"\"price\":");
        price.write_json(out);
        out.extend_from_slice(b",\"list_price\":");
        match entry.list_price {
            Some(list_price) => list_price.write_json(out),
            None => out.extend_from_slice(b"null"),
        }
        out.push(b',');
    }
    out.extend_from_slice(b"\"price_version\":");
    write_number(entry.price_version.0, out);
    out.extend_from_slice(b",\"since\":\"");
    write_instant(entry.since, out);
    out.push(b'"');
    if let Some(price) = entry.price {
        write_payable(price, entry.lane.as_deref(), now, out);
    }
    out.push(b'}');
}

fn write_payable(price: Money, lane: Option<&Lane>, now: Option<Timestamp>, out: &mut Vec<u8>) {
    match (lane, now) {
        (None, None) => {}
        (Some(lane), None) => {
            out.extend_from_slice(b",\"lane\":");
            serde_json::to_writer(out, lane).expect("memory takes every write");
        }
        (lane, Some(now)) => {
            let Some(payable) = lane.map_or(Some(price), |lane| lane.at(now).map(|slice| slice.payable)) else { return };
            out.extend_from_slice(b",\"payable\":");
            payable.write_json(out);
            if let Some(until) = lane.and_then(|lane| lane.next_change(now).or(lane.until())) {
                out.extend_from_slice(b",\"payable_until\":\"");
                write_instant(until, out);
                out.push(b'"');
            }
        }
    }
}

fn write_instant(instant: Timestamp, out: &mut Vec<u8>) {
    DateTimePrinter::new().print_timestamp(&instant, &mut *out).expect("memory takes every write");
}

pub(crate) fn write_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pricestream_domain::{Currency, LaneSlice};

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
                lane: None,
            };
            for lane in [None, Some(lane(None)), Some(lane(Some(70)))] {
                let entry = CacheEntry { lane, ..entry.clone() };
                for second in [0, 10, 45, 60, 70] {
                    let now = Timestamp::from_second(second).unwrap();
                    let mut by_hand = Vec::new();
                    write_price(&entry, Some(now), &mut by_hand);
                    let by_serde = serde_json::to_string(&PriceView::at(&entry, now).unwrap()).unwrap();
                    assert_eq!(String::from_utf8(by_hand).unwrap(), by_serde, "{second}");
                }
            }
        }
    }

    fn lane(until: Option<i64>) -> Arc<Lane> {
        let at = |second| Timestamp::from_second(second).unwrap();
        let slice = |from, minor| LaneSlice { from: at(from), payable: Money::new(minor, Currency::KWD) };
        Arc::new(Lane::new(vec![slice(10, 7), slice(40, 5), slice(60, 7)], until.map(at)).unwrap())
    }

    #[test]
    fn what_a_guest_pays_follows_the_lane_by_the_readers_clock() {
        let entry = CacheEntry {
            sku: Sku::new("A").unwrap(),
            price_version: PriceVersion(3),
            price: Some(Money::new(7, Currency::KWD)),
            list_price: None,
            since: Timestamp::UNIX_EPOCH,
            lane: Some(lane(Some(70))),
        };
        for (second, payable, until) in [
            (9, None, None), // before the lane
            (10, Some(7), Some(40)),
            (40, Some(5), Some(60)),
            (60, Some(7), Some(70)),
            (70, None, None), // after it
        ] {
            let view = PriceView::at(&entry, Timestamp::from_second(second).unwrap()).unwrap();
            assert_eq!(view.payable.map(|payable| payable.minor), payable, "{second}");
            assert_eq!(view.payable_until.map(Timestamp::as_second), until, "{second}");
        }
        let mut streamed = Vec::new();
        write_price(&entry, None, &mut streamed);
        let streamed: serde_json::Value = serde_json::from_slice(&streamed).unwrap();
        assert!(streamed.get("payable").is_none() && streamed["lane"]["slices"].as_array().unwrap().len() == 3);
    }

    #[test]
    fn a_tombstone_is_written_without_prices() {
        let entry = CacheEntry {
            sku: Sku::new("A").unwrap(),
            price_version: PriceVersion(3),
            price: None,
            list_price: None,
            since: Timestamp::UNIX_EPOCH,
            lane: None,
        };
        let mut out = Vec::new();
        write_price(&entry, None, &mut out);
        assert_eq!(out, br#"{"sku":"A","price_version":3,"since":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(PriceView::of(&entry), None);
    }
}
