use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pricestream_ports::ReservationKey;
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};

/// Longest key, in characters.
const LONGEST: usize = 255;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The shop's own name of a request, so that sending it again does nothing twice: the header of
/// draft-ietf-httpapi-idempotency-key-header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// How the header is described.
    pub(crate) const DESCRIBED: (&'static str, &'static str) = (
        "Idempotency-Key",
        "Names the signed quote, so that a request that is sent again gets the same one: 1 to 255 characters, in double quotes. \
         Without `sign` it changes nothing",
    );

    /// The key of a request; `None`: it has none. Errors: what is there cannot be one.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(HEADER).into_iter();
        let Some(value) = values.next() else { return Ok(None) };
        let key = value.to_str().ok().and_then(Self::read).filter(|_| values.next().is_none());
        let bad = || {
            Problem::new(Code::BadIdempotencyKey, "send one `Idempotency-Key` of 1 to 255 characters of ASCII in double quotes")
        };
        key.map(Some).ok_or_else(bad)
    }

    /// A string of RFC 8941; many clients leave the quotes away.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some(quoted) = text.strip_prefix('"') else {
            let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            return fits.then(|| Self(text.to_owned()));
        };
        let mut key = String::new();
        let mut letters = quoted.strip_suffix('"')?.chars();
        while let Some(letter) = letters.next() {
            key.push(match letter {
                '\\' => letters.next().filter(|escaped| ['"', '\\'].contains(escaped))?,
                '"' => return None,
                ' '..='~' => letter,
                _ => return None,
            });
        }
        (1..=LONGEST).contains(&key.len()).then_some(Self(key))
    }

    /// The name of the quote that it asks for, and of what that holds: 128 bits of its hash.
    pub(crate) fn quote_id(&self) -> ReservationKey {
        let hash = Sha256::digest(format!("pricestream idempotency key\n{}", self.0));
        ReservationKey::new(&URL_SAFE_NO_PAD.encode(&hash[..16])).expect("a name of ours is a key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_string_in_quotes_or_without() {
        let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
        for (text, expected) in [
            (r#""8e03978e-40d5""#, Some("8e03978e-40d5")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            (r#" "a b" "#, Some("a b")),
            (r#""a\"b\\c""#, Some(r#"a"b\c"#)),
            (&longest, Some(&*longest)),
            (&too_long, None),
            ("", None),
            (r#""""#, None),
            (r#"""#, None),
            (r#""a"b""#, None),
            (r#""a\""#, None),
            (r#""a\b""#, None),
            (r#""a";p=1"#, None),
            ("a b", None),
            ("a\tb", None),
        ] {
            assert_eq!(IdempotencyKey::read(text).as_ref().map(|key| &*key.0), expected, "{text:?}");
        }
        let twice = [(HEADER, "a".parse().unwrap()), (HEADER, "b".parse().unwrap())].into_iter().collect::<HeaderMap>();
        assert_eq!(IdempotencyKey::of(&twice).unwrap_err().code(), Code::BadIdempotencyKey);
        assert_eq!(IdempotencyKey::of(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn the_same_key_names_the_same_quote() {
        let id = |text: &str| IdempotencyKey::read(text).unwrap().quote_id();
        assert_eq!(id("a"), id(r#""a""#));
        assert_ne!(id("a"), id("b"));
        assert_eq!(id("a").as_str().len(), 22, "as long as any other");
    }
}
