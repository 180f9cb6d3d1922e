//! Who may do what.

use std::fmt;
use std::hint::black_box;

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::problem::{Code, Problem};

/// A secret that a caller must know, kept as its SHA-256 digest. Never shown.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// The token `secret`.
    pub fn new(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The token of that SHA-256 digest: for who is not to know it.
    pub const fn of_sha256(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Whether `secret` is it. How long that takes says nothing about where two secrets differ.
    fn is(&self, secret: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(secret).into();
        black_box(self.0.iter().zip(given).fold(0, |differing, (ours, theirs)| differing | (ours ^ theirs))) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    /// Opens `/v1/admin/`, and the intake of stock changes. `None`: nobody may.
    pub admin: Option<Token>,
    /// Opens the intake of stock changes. `None`: everybody may.
    pub ingest: Option<Token>,
}

impl Tokens {
    /// Whether the request may administer.
    pub fn admit_admin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(admin) = &self.admin else {
            let how = "this server was given no admin token, so nobody may administer: start it with PRICESTREAM_ADMIN_TOKEN (on AWS: \
                `tokens` of Terraform), then send the token as `Authorization: Bearer <token>`";
            return Err(Problem::new(Code::NoToken, how));
        };
        if bearer(headers).is_some_and(|secret| admin.is(secret)) { Ok(()) } else { Err(unauthorized("admin")) }
    }

    /// Whether the request may bring stock changes and orders.
    pub fn admit_ingest(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(ingest) = &self.ingest else {
            return Ok(());
        };
        let known = |secret: &str| ingest.is(secret) || self.admin.as_ref().is_some_and(|admin| admin.is(secret));
        if bearer(headers).is_some_and(known) { Ok(()) } else { Err(unauthorized("ingest")) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

fn unauthorized(whose: &str) -> Problem {
    Problem::new(Code::Unauthorized, format!("send the {whose} token as `Authorization: Bearer <token>`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_secret_alone_and_never_shown() {
        let token = Token::new("s3cret");
        for (secret, expected) in [("s3cret", true), ("s3cre", false), ("s3crets", false), ("", false), ("S3cret", false)] {
            assert_eq!(token.is(secret), expected, "{secret:?}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }
}
