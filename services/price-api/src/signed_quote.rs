//! Signed quotes: what a shop was told it may charge, so that nobody can change it on the way.
//!
//! A compact JWS (RFC 7515) with HS256, whose payload is a JWT (RFC 7519): a shop that has the key can check one with any
//! library for those.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Money, Sku};
use pricestream_promotion_engine::{Paid, PaidLine, Quote, QuoteAnswer, Refund, UnitPrice, Use};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest signed quote that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Prices of units that are signed, at most: with more of them a quote says none, so that it is never too long to be read.
const MOST_PRICES: usize = 10_000;

/// Shortest secret, in bytes: RFC 7518 asks for no less than the hash has.
const SHORTEST_SECRET: usize = 32;

/// What is signed: `jti`, `iat` and `exp` are the claims of RFC 7519, in seconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteClaims {
    /// The quote's name; redeemed once.
    #[serde(rename = "jti")]
    pub id: String,
    /// When it was signed.
    #[serde(rename = "iat", with = "jiff::fmt::serde::timestamp::second::required")]
    #[schemars(with = "i64")]
    pub issued_at: Timestamp,
    /// From this instant on it cannot be redeemed any more.
    #[serde(rename = "exp", with = "jiff::fmt::serde::timestamp::second::required")]
    #[schemars(with = "i64")]
    pub expires_at: Timestamp,
    /// Hash of the rule set that it was priced under.
    #[schemars(with = "String")]
    pub rule_set: ContentHash,
    /// Who buys; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What is charged: goods and postage, and the tax where it comes on top.
    pub payable: Money,
    /// In the order of the basket.
    pub lines: Vec<SignedLine>,
    /// What is charged for postage; absent when it was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postage: Option<Money>,
    /// Tax in `postage`, or on top of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postage_tax: Option<Money>,
    /// Tax in `payable`.
    pub tax: Money,
    /// What it holds of limited promotions until it expires.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<Use>,
    /// SHA-256 of the answer's JSON, as this service writes it, in base64url.
    pub digest: String,
}

/// A line of a signed quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedLine {
    /// Its id.
    pub id: String,
    /// What it is of.
    pub sku: Sku,
    /// Units.
    pub quantity: u32,
    /// What they cost together after promotions.
    pub payable: Money,
    /// What they cost singly, the dearest first: they are paid back so. Quotes signed before it was told have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<SignedUnits>,
    /// Tax in `payable`, or on top of it. Quotes signed before it was told have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
}

/// Units of a line that cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedUnits {
    /// How many.
    pub quantity: u32,
    /// What one costs after promotions, in minor units of the line's currency.
    pub minor: i64,
}

impl QuoteClaims {
    /// What is to be signed of `quote`, which holds `uses`. Instants are cut to whole seconds.
    pub fn of(
        quote: &Quote,
        id: String,
        customer: Option<String>,
        uses: Vec<Use>,
        [issued_at, expires_at]: [Timestamp; 2],
    ) -> Self {
        let money = |minor| Money::new(minor, quote.currency);
        let units = |units: &UnitPrice| SignedUnits { quantity: units.quantity, minor: units.payable };
        let few = (0..quote.lines.len()).map(|place| quote.units(place).len()).sum::<usize>() <= MOST_PRICES;
        let line = |(place, line): (usize, &pricestream_promotion_engine::QuotedLine)| SignedLine {
            id: line.id.to_string(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            payable: money(line.payable),
            units: if few { quote.units(place).iter().map(units).collect() } else { Vec::new() },
            tax: Some(money(line.tax)),
        };
        Self {
            id,
            issued_at: seconds(issued_at),
            expires_at: seconds(expires_at),
            rule_set: quote.rule_set,
            customer,
            payable: money(quote.totals.payable),
            lines: quote.lines.iter().enumerate().map(line).collect(),
            postage: quote.postage.as_ref().map(|postage| money(postage.payable)),
            postage_tax: quote.postage.as_ref().map(|postage| money(postage.tax)),
            tax: money(quote.totals.tax),
            uses,
            digest: digest(&quote.answer_json()),
        }
    }

    /// What is paid for an order of it, as its refunds need it; `None`: it does not say what units cost singly.
    pub fn paid(&self) -> Option<Paid> {
        let line = |line: &SignedLine| {
            let price = |units: &SignedUnits| UnitPrice { quantity: units.quantity, payable: units.minor };
            let units: Vec<UnitPrice> = line.units.iter().map(price).collect();
            (!units.is_empty()).then_some(PaidLine { id: line.id.as_str().into(), units, tax: line.tax?.minor })
        };
        let postage = match self.postage {
            Some(postage) => Some(Refund { payable: postage.minor, tax: self.postage_tax?.minor }),
            None => None,
        };
        let lines = self.lines.iter().map(line).collect::<Option<_>>()?;
        Some(Paid { currency: self.payable.currency, payable: self.payable.minor, lines, postage })
    }
}

/// `time` cut to whole seconds.
pub(crate) fn seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).expect("a timestamp cut to seconds is in range")
}

/// SHA-256 of an answer's JSON, in base64url: a shop that kept the answer can hold it against the signed quote.
pub fn answer_digest(answer: &QuoteAnswer) -> String {
    digest(&serde_json::to_vec(answer).expect("an answer has text for keys"))
}

fn digest(json: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(json))
}

/// A quote with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedQuote {
    /// The compact form, which the shop sends back to order.
    pub token: String,
    /// What it says.
    pub claims: QuoteClaims,
}

/// What quotes are signed with, and what those signed before are still known by. Never shown.
#[derive(Clone)]
pub struct QuoteKey {
    current: Secret,
    previous: Option<Secret>,
}

/// The secret cannot be a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key for quotes has {SHORTEST_SECRET} bytes or more, this one {0}: make one with `openssl rand -base64 32`")]
pub struct WeakKey(usize);

/// Why a signed quote is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedQuoteError {
    /// It is no signed quote.
    #[error("it is no signed quote, {0}: send `signed.quote` back as it was answered, letter by letter")]
    Malformed(String),
    /// It was signed with a key that is not ours, or no longer.
    #[error("it was signed with key {0:?}, which is none of this server's: ask for a new quote")]
    OtherKey(String),
    /// It is not what was signed.
    #[error("its signature does not fit what it says: it was changed on the way; ask for a new quote")]
    BadSignature,
    /// It is too old.
    #[error("it expired at {0}: ask for a new quote")]
    Expired(Timestamp),
}

impl QuoteKey {
    /// The key of these bytes, 32 or more of them.
    pub fn new(secret: &[u8]) -> Result<Self, WeakKey> {
        Secret::new(secret).map(|current| Self { current, previous: None })
    }

    /// With the key that was used before: its quotes are still taken until they expire.
    pub fn with_previous(self, secret: &[u8]) -> Result<Self, WeakKey> {
        Secret::new(secret).map(|previous| Self { previous: Some(previous), ..self })
    }

    /// The name of the key that signs: `kid` in the header. It says nothing of the secret.
    pub fn id(&self) -> &str {
        &self.current.id
    }

    /// The compact form of `claims`.
    pub fn sign(&self, claims: &QuoteClaims) -> String {
        let header =
            Header { alg: HS256.to_owned(), typ: Some("JWT".to_owned()), kid: Some(self.current.id.clone()), crit: None };
        let part = |json: Vec<u8>| URL_SAFE_NO_PAD.encode(json);
        let header = part(serde_json::to_vec(&header).expect("a header is plain data"));
        let payload = part(serde_json::to_vec(claims).expect("claims have text for keys"));
        let input = format!("{header}.{payload}");
        let signature = self.current.signature(&input);
        format!("{input}.{signature}")
    }

    /// What a signed quote says, if it is as it was signed here; whether it has expired is not asked.
    pub fn read(&self, token: &str) -> Result<QuoteClaims, SignedQuoteError> {
        let malformed = |what: &str| SignedQuoteError::Malformed(what.to_owned());
        if token.len() > LONGEST {
            return Err(SignedQuoteError::Malformed(format!("{} bytes are more than one has", token.len())));
        }
        let (input, signature) = token.rsplit_once('.').ok_or_else(|| malformed("it has no three parts"))?;
        let (header, payload) = input.split_once('.').ok_or_else(|| malformed("it has no three parts"))?;
        if payload.contains('.') {
            return Err(malformed("it has more than three parts"));
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| malformed("its header is not base64url"))?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| malformed("its header is not that of a signature"))?;
        if header.alg != HS256 || header.crit.is_some() {
            return Err(malformed("it is not signed with HS256 alone"));
        }
        let kid = header.kid.unwrap_or_default();
        let secret = std::iter::once(&self.current).chain(&self.previous).find(|secret| secret.id == kid);
        let secret = secret.ok_or_else(|| SignedQuoteError::OtherKey(kid.chars().take(64).collect()))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed("its signature is not base64url"))?;
        if !secret.signed(input, &signature) {
            return Err(SignedQuoteError::BadSignature);
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed("its payload is not base64url"))?;
        serde_json::from_slice(&payload).map_err(|_| malformed("its payload is not that of a quote"))
    }

    /// What a signed quote says, if it is as it was signed here and has not expired at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<QuoteClaims, SignedQuoteError> {
        let claims = self.read(token)?;
        if claims.expires_at <= now { Err(SignedQuoteError::Expired(claims.expires_at)) } else { Ok(claims) }
    }
}

impl fmt::Debug for QuoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous = self.previous.as_ref().map(|previous| &previous.id);
        f.debug_struct("QuoteKey").field("id", &self.current.id).field("previous", &previous).finish_non_exhaustive()
    }
}

const HS256: &str = "HS256";

/// The protected header (RFC 7515, 4.1). Others of its members mean nothing here.
#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    typ: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    /// What whoever reads it must understand: nothing of it is understood here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
}

#[derive(Clone)]
struct Secret {
    id: String,
    mac: Hmac<Sha256>,
}

impl Secret {
    fn new(secret: &[u8]) -> Result<Self, WeakKey> {
        if secret.len() < SHORTEST_SECRET {
            return Err(WeakKey(secret.len()));
        }
        let mac = Hmac::new_from_slice(secret).expect("a key of any length will do");
        // A name that anybody may see, and that follows from the secret.
        let named = Self { id: String::new(), mac };
        let id = named.tag("pricestream quote key")[..9].to_vec();
        Ok(Self { id: URL_SAFE_NO_PAD.encode(id), ..named })
    }

    fn tag(&self, input: &str) -> [u8; 32] {
        self.mac.clone().chain_update(input).finalize().into_bytes().into()
    }

    fn signature(&self, input: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(input))
    }

    /// How long that takes says nothing about where two signatures differ.
    fn signed(&self, input: &str, signature: &[u8]) -> bool {
        self.mac.clone().chain_update(input).verify_slice(signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use pricestream_domain::Currency;
    use proptest::prelude::*;

    use super::*;

    fn claims() -> QuoteClaims {
        let eur = |minor| Money::new(minor, Currency::EUR);
        let at = |second| Timestamp::from_second(second).unwrap();
        let line = SignedLine {
            id: "l1".into(),
            sku: Sku::new("A").unwrap(),
            quantity: 2,
            payable: eur(1_800),
            units: vec![SignedUnits { quantity: 1, minor: 1_000 }, SignedUnits { quantity: 1, minor: 800 }],
            tax: Some(eur(312)),
        };
        let used = Use { promotion: "flash".into(), units: 2, given: eur(200), coupons: vec!["x".into()] };
        QuoteClaims {
            id: "q-1".into(),
            issued_at: at(1_795_000_000),
            expires_at: at(1_795_000_900),
            rule_set: ContentHash::of(b"rules"),
            customer: Some("c-1".into()),
            payable: eur(2_300),
            lines: vec![line],
            postage: Some(eur(500)),
            postage_tax: Some(eur(87)),
            tax: eur(399),
            uses: vec![used],
            digest: "d".into(),
        }
    }

    fn key(byte: u8) -> QuoteKey {
        QuoteKey::new(&[byte; 32]).unwrap()
    }

    /// `header` and `payload`, signed with key 1.
    fn signed(header: &str, payload: &str) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        format!("{input}.{}", key(1).current.signature(&input))
    }

    #[test]
    fn the_signature_is_that_of_rfc_7515_appendix_a_1() {
        let secret = URL_SAFE_NO_PAD
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let secret = Secret::new(&secret).unwrap();
        let input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                     eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(secret.signature(input), signature);
        assert!(secret.signed(input, &URL_SAFE_NO_PAD.decode(signature).unwrap()));
        assert!(!secret.signed(input, b"dBjftJeZ4CVP"), "a part of it is none");
    }

    #[test]
    fn what_was_signed_is_read_until_it_expires() {
        let token = key(1).sign(&claims());
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(key(1).verify(&token, at(1_795_000_899)), Ok(claims()));
        let expired = Err(SignedQuoteError::Expired(at(1_795_000_900)));
        assert_eq!(key(1).verify(&token, at(1_795_000_900)), expired, "at the instant itself it has");
        assert_eq!(key(1).read(&token), Ok(claims()));
        let guest = QuoteClaims { customer: None, postage: None, postage_tax: None, uses: Vec::new(), ..claims() };
        assert_eq!(key(1).read(&key(1).sign(&guest)), Ok(guest));
    }

    #[test]
    fn a_quote_that_was_signed_before_units_had_prices_is_read_and_says_so() {
        let before = r#"{"jti":"q-1","iat":1795000000,"exp":1795000900,"rule_set":"RULES","customer":"c-1",
            "payable":{"minor":2300,"currency":"EUR"},
            "lines":[{"id":"l1","sku":"A","quantity":2,"payable":{"minor":1800,"currency":"EUR"}}],
            "postage":{"minor":500,"currency":"EUR"},"tax":{"minor":399,"currency":"EUR"},
            "uses":[{"promotion":"flash","units":2,"given":{"minor":200,"currency":"EUR"},"coupons":["x"]}],"digest":"d"}"#;
        let before = before.replace("RULES", &claims().rule_set.to_string());
        let header = format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, key(1).id());
        let read = key(1).read(&signed(&header, &before)).unwrap();
        let SignedLine { id, sku, quantity, payable, .. } = claims().lines[0].clone();
        let lines = vec![SignedLine { id, sku, quantity, payable, units: Vec::new(), tax: None }];
        assert_eq!(read, QuoteClaims { lines, postage_tax: None, ..claims() });
        assert_eq!(read.paid(), None, "what a unit cost is not known");
        let paid = claims().paid().unwrap();
        assert_eq!((paid.payable, paid.lines[0].units.len(), paid.postage), (2_300, 2, Some(Refund { payable: 500, tax: 87 })));
    }

    #[test]
    fn the_names_of_claims_are_those_of_rfc_7519() {
        let json = serde_json::to_value(claims()).unwrap();
        assert_eq!((&json["jti"], &json["iat"], &json["exp"]), (&"q-1".into(), &1_795_000_000.into(), &1_795_000_900.into()));
        let token = key(1).sign(&claims());
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
        assert_eq!(String::from_utf8(header).unwrap(), format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, key(1).id()));
    }

    #[test]
    fn a_key_that_was_replaced_is_known_until_it_is_dropped() {
        let (old, new) = (key(1).sign(&claims()), key(2).sign(&claims()));
        let rotated = key(2).with_previous(&[1; 32]).unwrap();
        assert_eq!((rotated.read(&old), rotated.read(&new)), (Ok(claims()), Ok(claims())));
        assert_eq!(rotated.id(), key(2).id());
        assert_eq!(key(2).read(&old), Err(SignedQuoteError::OtherKey(key(1).id().to_owned())));
        assert_ne!(key(1).id(), key(2).id());
        for (length, expected) in [(0, false), (31, false), (32, true), (33, true), (1_000, true)] {
            assert_eq!(QuoteKey::new(&vec![7; length]).is_ok(), expected, "{length} bytes");
            assert_eq!(key(1).with_previous(&vec![7; length]).is_ok(), expected, "{length} bytes");
        }
        let shown = format!("{:?}", key(0x41));
        assert!(shown.contains(key(0x41).id()) && !shown.contains("AAAA") && !shown.contains("65"), "{shown}");
    }

    #[test]
    fn what_is_no_signed_quote_is_told_why() {
        let good = key(1).sign(&claims());
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!("it has three parts") };
        let (kid, other) = (key(1).id().to_owned(), key(2).sign(&claims()));
        let json = serde_json::to_string(&claims()).unwrap();
        let cheaper = URL_SAFE_NO_PAD.encode(json.replace("2300", "2299"));
        let malformed = "Malformed";
        for (token, expected, why) in [
            (String::new(), malformed, "nothing"),
            (format!("{header}.{payload}"), malformed, "two parts"),
            (format!("{good}.{signature}"), malformed, "four parts"),
            (format!("{header}..{signature}"), "BadSignature", "no payload"),
            (format!("{header}.{payload}."), "BadSignature", "no signature"),
            (format!(".{payload}.{signature}"), malformed, "no header"),
            (format!("{header}.{payload}.{signature}="), malformed, "padding"),
            (format!("{good}\n"), malformed, "a line break"),
            (format!("{header}.{cheaper}.{signature}"), "BadSignature", "another amount"),
            (format!("{header}.{payload}.{}", other.rsplit('.').next().unwrap()), "BadSignature", "another's signature"),
            (other, "OtherKey", "another key"),
            (signed(r#"{"alg":"HS256"}"#, &json), "OtherKey", "no key named"),
            (signed(&format!(r#"{{"alg":"none","kid":"{kid}"}}"#), &json), malformed, "unsigned by its own account"),
            (signed(&format!(r#"{{"alg":"hs256","kid":"{kid}"}}"#), &json), malformed, "case counts"),
            (signed(&format!(r#"{{"alg":"RS256","kid":"{kid}"}}"#), &json), malformed, "another algorithm"),
            (signed(&format!(r#"{{"alg":"HS256","kid":"{kid}","crit":["b64"]}}"#), &json), malformed, "what must be understood"),
            (signed(&format!(r#"{{"alg":"HS256","alg":"none","kid":"{kid}"}}"#), &json), malformed, "twice"),
            (signed("null", &json), malformed, "no header"),
            (signed(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), "{}"), malformed, "ours, and no quote"),
            ("x".repeat(LONGEST + 1), malformed, "too long"),
        ] {
            let error = key(1).read(&token).expect_err(why);
            assert!(format!("{error:?}").starts_with(expected), "{why}: {error:?}");
            assert!(error.to_string().contains(": "), "{error} says what to do");
        }
        let unsigned = format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{kid}"}}"#)));
        assert!(matches!(key(1).read(&unsigned), Err(SignedQuoteError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_flipped_bit_is_refused(place in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut token = key(1).sign(&claims()).into_bytes();
            let place = place.index(token.len());
            token[place] ^= 1 << bit;
            let read = key(1).read(&String::from_utf8_lossy(&token));
            prop_assert!(read.is_err(), "{place} {bit}");
        }
    }
}
