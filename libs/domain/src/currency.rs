use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A currency of ISO 4217 by its three-letter code. It knows how many decimals its minor unit has: 0, 2 or 3.
///
/// Funds, metals and test codes of the standard (`XAU`, `CLF`, `XTS` ...) are not prices and are refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is no currency code of ISO 4217 that prices can be in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an ISO 4217 currency code (three capitals, such as \"EUR\")")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");
    /// Japanese yen, which has no minor unit.
    pub const JPY: Self = Self(*b"JPY");
    /// Kuwaiti dinar, whose minor unit is a thousandth.
    pub const KWD: Self = Self(*b"KWD");

    /// The three-letter code, such as `EUR`.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("codes are ASCII")
    }

    /// The same, as its bytes.
    pub(crate) const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// How many decimals an amount shows: 2 for USD (1999 is $19.99), 0 for JPY, 3 for KWD.
    pub fn decimals(self) -> u32 {
        if NO_DECIMALS.binary_search(&self.0).is_ok() {
            0
        } else if THREE_DECIMALS.binary_search(&self.0).is_ok() {
            3
        } else {
            2
        }
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let known =
            |bytes: &[u8; 3]| [TWO_DECIMALS, NO_DECIMALS, THREE_DECIMALS].iter().any(|list| list.binary_search(bytes).is_ok());
        let bytes: Option<[u8; 3]> = code.as_bytes().try_into().ok();
        bytes.filter(known).map(Self).ok_or_else(|| UnknownCurrency(code.chars().take(16).collect()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Code;
        impl de::Visitor<'_> for Code {
            type Value = Currency;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an ISO 4217 currency code")
            }
            fn visit_str<E: de::Error>(self, code: &str) -> Result<Currency, E> {
                code.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Code)
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "ISO 4217 code", "pattern": "^[A-Z]{3}$" })
    }
}

// Active codes of ISO 4217 list one, by the exponent of their minor unit; each list is sorted.
const NO_DECIMALS: &[[u8; 3]] = &[
    *b"BIF", *b"CLP", *b"DJF", *b"GNF", *b"ISK", *b"JPY", *b"KMF", *b"KRW", *b"PYG", *b"RWF", *b"UGX", *b"VND", *b"VUV", *b"XAF",
    *b"XOF", *b"XPF",
];
const THREE_DECIMALS: &[[u8; 3]] = &[*b"BHD", *b"IQD", *b"JOD", *b"KWD", *b"LYD", *b"OMR", *b"TND"];
const TWO_DECIMALS: &[[u8; 3]] = &[
    *b"AED", *b"AFN", *b"ALL", *b"AMD", *b"AOA", *b"ARS", *b"AUD", *b"AWG", *b"AZN", *b"BAM", *b"BBD", *b"BDT", *b"BMD", *b"BND",
    *b"BOB", *b"BRL", *b"BSD", *b"BTN", *b"BWP", *b"BYN", *b"BZD", *b"CAD", *b"CDF", *b"CHF", *b"CNY", *b"COP", *b"CRC", *b"CUP",
    *b"CVE", *b"CZK", *b"DKK", *b"DOP", *b"DZD", *b"EGP", *b"ERN", *b"ETB", *b"EUR", *b"FJD", *b"FKP", *b"GBP", *b"GEL", *b"GHS",
    *b"GIP", *b"GMD", *b"GTQ", *b"GYD", *b"HKD", *b"HNL", *b"HTG", *b"HUF", *b"IDR", *b"ILS", *b"INR", *b"IRR", *b"JMD", *b"KES",
    *b"KGS", *b"KHR", *b"KPW", *b"KYD", *b"KZT", *b"LAK", *b"LBP", *b"LKR", *b"LRD", *b"LSL", *b"MAD", *b"MDL", *b"MGA", *b"MKD",
    *b"MMK", *b"MNT", *b"MOP", *b"MRU", *b"MUR", *b"MVR", *b"MWK", *b"MXN", *b"MYR", *b"MZN", *b"NAD", *b"NGN", *b"NIO", *b"NOK",
    *b"NPR", *b"NZD", *b"PAB", *b"PEN", *b"PGK", *b"PHP", *b"PKR", *b"PLN", *b"QAR", *b"RON", *b"RSD", *b"RUB", *b"SAR", *b"SBD",
    *b"SCR", *b"SDG", *b"SEK", *b"SGD", *b"SHP", *b"SLE", *b"SOS", *b"SRD", *b"SSP", *b"STN", *b"SVC", *b"SYP", *b"SZL", *b"THB",
    *b"TJS", *b"TMT", *b"TOP", *b"TRY", *b"TTD", *b"TWD", *b"TZS", *b"UAH", *b"USD", *b"UYU", *b"UZS", *b"VES", *b"WST", *b"XCD",
    *b"XCG", *b"YER", *b"ZAR", *b"ZMW", *b"ZWG",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_iso_4217() {
        for (code, decimals) in [("USD", 2), ("EUR", 2), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("TND", 3), ("ISK", 0), ("CHF", 2)] {
            assert_eq!(code.parse::<Currency>().unwrap().decimals(), decimals, "{code}");
        }
    }

    #[test]
    fn what_is_no_currency_is_refused() {
        for code in ["", "usd", "US", "USDX", "XAU", "XTS", "ABC", "€"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }

    #[test]
    fn lists_are_sorted_for_the_search() {
        for list in [NO_DECIMALS, TWO_DECIMALS, THREE_DECIMALS] {
            assert!(list.is_sorted());
        }
    }
}
