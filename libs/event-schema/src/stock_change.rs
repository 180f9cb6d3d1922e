use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use pricestream_domain::{InvalidSku, MAX_ON_HAND, Money, Sku, SourceSeq};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::decode::Text;
use crate::fnv::Fnv;
use crate::json_error::{JsonError, explain, shorten};

/// The publishing system when a change names none.
pub const DEFAULT_ORIGIN: &str = "default";
/// Longest `cause`, in characters.
pub const MAX_CAUSE: usize = 64;
/// Longest stock change, in bytes.
pub const MAX_LINE: usize = 16 * 1_024;
/// Largest `source_seq`: 2^63 - 1, what a database column holds.
pub const MAX_SOURCE_SEQ: u64 = i64::MAX.unsigned_abs();

/// What a shop or warehouse says of one SKU's stock. One object, an array or a line of JSON; unknown fields are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct StockChange {
    /// Whose stock.
    pub sku: Sku,
    /// Sellable units after the change: absolute, 0 to 1 000 000 000.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub on_hand: u64,
    /// The number that the source gives it: 1, 2, 3, ... within a SKU at its source, gaps allowed, up to 2^63 - 1.
    #[schemars(with = "u64", range(min = 1, max = 9_223_372_036_854_775_807_u64))]
    pub source_seq: SourceSeq,
    /// When it occurred, by the source's clock: RFC 3339. What is finer than a microsecond is cut off.
    pub occurred_at: Timestamp,
    /// Why, in the source's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub cause: Option<String>,
    /// Signed change in sellable units; `on_hand` is what counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<i64>,
    /// What a unit sold for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Money>,
    /// Name of the publishing system, in the alphabet of SKUs; absent is `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]{1,64}$"))]
    pub origin: Option<String>,
}

/// What is wrong with a stock change. Each message names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StockChangeError {
    /// Bytes that are no text.
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Longer than any stock change.
    #[error("{len} bytes are more than the {MAX_LINE} of a stock change")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// Not JSON.
    #[error("not JSON: {message}")]
    NotJson {
        /// What is wrong, with line and column.
        message: String,
    },
    /// The array breaks off, so what follows in it was not read.
    #[error("the array breaks here, and nothing after it was read: {message}")]
    BrokenArray {
        /// What is wrong.
        message: String,
    },
    /// A field is missing or of another type.
    #[error("{path}: {message}")]
    Field {
        /// Which: `unit_price.minor`, or `.` for the whole.
        path: String,
        /// What is wrong, with line and column.
        message: String,
    },
    /// No SKU.
    #[error("sku {0}")]
    Sku(InvalidSku),
    /// Negative, or more than any shop holds.
    #[error("on_hand must be 0 to {MAX_ON_HAND}, not {0}")]
    OnHand(i128),
    /// Zero, negative or too large.
    #[error("source_seq must be 1 to {MAX_SOURCE_SEQ}, not {0}")]
    SourceSeq(i128),
    /// No instant.
    #[error("occurred_at {shown:?} is not RFC 3339, such as \"2026-11-27T08:00:00Z\": {reason}")]
    OccurredAt {
        /// What it said.
        shown: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Too long.
    #[error("cause is longer than {MAX_CAUSE} characters")]
    Cause,
    /// No name.
    #[error("origin {0:?} must be 1 to 64 characters of A-Z a-z 0-9 . _ -")]
    Origin(String),
}

impl StockChange {
    /// Name of the publishing system.
    pub fn origin(&self) -> &str {
        self.origin.as_deref().unwrap_or(DEFAULT_ORIGIN)
    }

    /// Hash of what it says: tells a repeat from another change under the same `source_seq`. The same on every machine
    /// and in every release; order of fields, spaces and spelling of numbers or times make no difference.
    pub fn fingerprint(&self) -> u64 {
        let text = |hash: Fnv, text: &str| hash.write(&(text.len() as u64).to_le_bytes()).write(text.as_bytes());
        let number = |hash: Fnv, number: Option<i64>| match number {
            Some(number) => hash.write(&[1]).write(&number.to_le_bytes()),
            None => hash.write(&[0]),
        };
        let mut hash = text(Fnv::new(), &self.sku);
        hash = hash.write(&self.on_hand.to_le_bytes()).write(&self.source_seq.0.to_le_bytes());
        hash = hash.write(&self.occurred_at.as_microsecond().to_le_bytes());
        hash = match &self.cause {
            Some(cause) => text(hash.write(&[1]), cause),
            None => hash.write(&[0]),
        };
        hash = number(number(hash, self.quantity), self.unit_price.map(|price| price.minor));
        hash = hash.write(self.unit_price.as_ref().map_or(&[][..], |price| price.currency.code().as_bytes()));
        text(hash, self.origin()).finish()
    }
}

/// Reads one stock change.
pub fn parse_stock_change(line: &[u8]) -> Result<StockChange, StockChangeError> {
    if line.len() > MAX_LINE {
        return Err(StockChangeError::TooLong { len: line.len() });
    }
    let text = str::from_utf8(line).map_err(|error| StockChangeError::NotUtf8 { at: error.valid_up_to() })?;
    match serde_json::from_str::<Line<'_>>(text) {
        Ok(line) => line.try_into(),
        Err(_) => Err(explain::<Line<'_>>(text).expect("a text that did not read does not read again").into()),
    }
}

impl From<JsonError> for StockChangeError {
    fn from(JsonError { syntax, path, message }: JsonError) -> Self {
        if syntax { Self::NotJson { message } } else { Self::Field { path, message } }
    }
}

impl<'de> Deserialize<'de> for StockChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Line::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

/// As it is written; ranges are checked after.
#[derive(Deserialize)]
#[serde(expecting = "a stock change: {\"sku\", \"on_hand\", \"source_seq\", \"occurred_at\", ...}")]
struct Line<'a> {
    #[serde(borrow)]
    sku: Cow<'a, str>,
    on_hand: Whole,
    source_seq: Whole,
    #[serde(borrow)]
    occurred_at: Cow<'a, str>,
    #[serde(borrow, default)]
    cause: Option<Text<'a>>,
    #[serde(default)]
    quantity: Option<i64>,
    #[serde(default)]
    unit_price: Option<Money>,
    #[serde(borrow, default)]
    origin: Option<Text<'a>>,
}

impl TryFrom<Line<'_>> for StockChange {
    type Error = StockChangeError;
    fn try_from(line: Line<'_>) -> Result<Self, StockChangeError> {
        let sku = Sku::new(&line.sku).map_err(StockChangeError::Sku)?;
        let within = |Whole(number): Whole, least: u64, most: u64| {
            u64::try_from(number).ok().filter(|number| (least..=most).contains(number)).ok_or(number)
        };
        let on_hand = within(line.on_hand, 0, MAX_ON_HAND).map_err(StockChangeError::OnHand)?;
        let source_seq = within(line.source_seq, 1, MAX_SOURCE_SEQ).map(SourceSeq).map_err(StockChangeError::SourceSeq)?;
        let occurred_at = instant(&line.occurred_at)?;
        if line.cause.as_ref().is_some_and(|cause| cause.0.chars().nth(MAX_CAUSE).is_some()) {
            return Err(StockChangeError::Cause);
        }
        if let Some(origin) = line.origin.as_ref().filter(|origin| Sku::check(&origin.0).is_err()) {
            return Err(StockChangeError::Origin(origin.0.chars().take(80).collect()));
        }
        let (quantity, unit_price) = (line.quantity, line.unit_price);
        let owned = |text: Text<'_>| text.0.into_owned();
        let (cause, origin) = (line.cause.map(owned), line.origin.map(owned));
        Ok(Self { sku, on_hand, source_seq, occurred_at, cause, quantity, unit_price, origin })
    }
}

/// Cut to microseconds, the finest that every store keeps. Before the year 0 there is no RFC 3339.
fn instant(text: &str) -> Result<Timestamp, StockChangeError> {
    let wrong =
        |reason: String| StockChangeError::OccurredAt { shown: text.chars().take(80).collect(), reason: shorten(&reason) };
    let parsed: Timestamp = text.parse().map_err(|error: jiff::Error| wrong(error.to_string()))?;
    if parsed.as_second() < YEAR_ZERO {
        return Err(wrong("it is before the year 0000".to_owned()));
    }
    Ok(Timestamp::from_microsecond(parsed.as_microsecond()).expect("cutting off keeps it in range"))
}

/// 0000-01-01T00:00:00Z in seconds since 1970.
const YEAR_ZERO: i64 = -62_167_219_200;

/// A whole number of any size that JSON writers use; a fraction is an error, not rounded.
#[derive(Clone, Copy)]
struct Whole(i128);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Whole;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Whole, E> {
                Ok(Whole(number.into()))
            }
        }
        deserializer.deserialize_u64(Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"sku":"CJ-1","on_hand":41,"source_seq":7,"occurred_at":"2026-11-27T09:00:00.123456789+01:00","cause":"sale",
        "quantity":-1,"unit_price":{"minor":1999,"currency":"EUR"},"origin":"wms-2","of_a_later_release":[{}]}"#;

    fn parse(text: &str) -> StockChange {
        parse_stock_change(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_field_is_read_and_time_is_cut_to_microseconds() {
        let change = parse(FULL);
        assert_eq!(change.occurred_at.to_string(), "2026-11-27T08:00:00.123456Z");
        assert_eq!((change.on_hand, change.source_seq, change.quantity), (41, SourceSeq(7), Some(-1)));
        assert_eq!((change.cause.as_deref(), change.origin()), (Some("sale"), "wms-2"));
        assert_eq!(parse(&serde_json::to_string(&change).unwrap()), change);
        assert_eq!(serde_json::from_str::<StockChange>(FULL).unwrap(), change);
    }

    #[test]
    fn the_four_fields_are_enough() {
        let change = parse(r#"{"sku":"\u0041","on_hand":0,"source_seq":1,"occurred_at":"2026-11-27T08:00:00Z","cause":null}"#);
        assert_eq!((change.sku.as_str(), change.cause.as_deref(), change.origin()), ("A", None, DEFAULT_ORIGIN));
    }

    #[test]
    fn errors_name_the_field_and_the_limit() {
        for (from, to, expected) in [
            ("41", "-1", "on_hand must be 0 to 1000000000, not -1"),
            ("41", "1000000001", "on_hand must be 0 to 1000000000, not 1000000001"),
            ("41", "4.5", "on_hand: invalid type: floating point `4.5`, expected a whole number at line 1 column"),
            ("41", "\"41\"", "on_hand: invalid type: string \"41\", expected a whole number at line 1 column"),
            ("7", "0", "source_seq must be 1 to 9223372036854775807, not 0"),
            ("7", "18446744073709551615", "source_seq must be 1 to 9223372036854775807, not 18446744073709551615"),
            ("CJ-1", "a b", "sku \"a b\" is not a SKU: 1 to 64 characters of A-Z a-z 0-9 . _ -"),
            ("wms-2", "", "origin \"\" must be 1 to 64 characters of A-Z a-z 0-9 . _ -"),
            ("EUR", "euro", "unit_price.currency: \"euro\" is not an ISO 4217 currency code"),
            ("1999", "19.99", "unit_price.minor: invalid type: floating point `19.99`, expected i64"),
            ("2026-11-27T09:00:00.123456789+01:00", "yesterday", "occurred_at \"yesterday\" is not RFC 3339, such as"),
            ("2026-11-27T09:00:00.123456789+01:00", "-000001-01-01T00:00:00Z", "occurred_at \"-000001-01-01T00:00:00Z\" is not"),
            ("\"sku\"", "\"ski\"", ".: missing field `sku`"),
            ("\"sku\":", "", "not JSON: expected `:` at line 1 column 8"),
            ("}]}", "}]", "not JSON: EOF while parsing an object at line 2"),
            ("}]}", "}]}}", "not JSON: trailing characters at line 2"),
        ] {
            let error = parse_stock_change(FULL.replacen(from, to, 1).as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{to}: {error}");
        }
        let long = "x".repeat(MAX_CAUSE + 1);
        assert_eq!(parse_stock_change(FULL.replace("sale", &long).as_bytes()), Err(StockChangeError::Cause));
        assert!(parse_stock_change(FULL.replace("sale", &"é".repeat(MAX_CAUSE)).as_bytes()).is_ok());
        assert_eq!(parse_stock_change(b"{\"sku\":\"\xff"), Err(StockChangeError::NotUtf8 { at: 8 }));
        assert_eq!(parse_stock_change(&vec![b' '; MAX_LINE + 1]), Err(StockChangeError::TooLong { len: MAX_LINE + 1 }));
        let not_object = parse_stock_change(b"7").unwrap_err().to_string();
        assert!(not_object.contains("expected a stock change: {\"sku\""), "{not_object}");
    }

    #[test]
    fn a_hostile_value_is_not_repeated_in_the_error() {
        let error = parse_stock_change(FULL.replace("41", &format!("\"{}\"", "x".repeat(9_000))).as_bytes()).unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
    }

    #[test]
    fn a_fingerprint_sees_every_field_and_no_spelling() {
        let print = |text: &str| parse(text).fingerprint();
        let same = r#"{"origin":"wms-2","unit_price":{"currency":"EUR","minor":1999},"quantity":-1,"cause":"\u0073ale",
            "occurred_at":"2026-11-27T08:00:00.123456Z","source_seq":7,"on_hand":41,"sku":"CJ-1"}"#;
        assert_eq!(print(FULL), print(same));
        for (from, to) in [
            ("CJ-1", "CJ-2"),
            ("41", "42"),
            (":7", ":8"),
            ("456789", "457"),
            ("\"sale\"", "\"\""),
            ("\"sale\"", "null"),
            ("-1,", "1,"),
            ("-1,", "null,"),
            ("1999", "1998"),
            ("EUR", "USD"),
            ("wms-2", "wms-3"),
        ] {
            assert_ne!(print(FULL), print(&FULL.replacen(from, to, 1)), "{from} -> {to}");
        }
        // Stored beside every change: a release that computes another value refuses repeats of what came before it.
        assert_eq!(print(FULL), 0x2517_6c5f_28fb_7c1a);
    }
}
