use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use pricestream_documents::ContentHash;
use pricestream_ports::{PortError, Reservation, ReservationKey};
use pricestream_promotion_engine::{Context, Quote, RuleSet};

use super::{IdempotencyKey, OrderCommand, OrderDone};
use crate::api::{Api, World};
use crate::desk::Desk;
use crate::problem::{Code, Problem};
use crate::signed_quote::{QuoteClaims, SignedQuote, seconds};

/// The longest that a quote is held.
pub const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(24);

/// How far the instant that a quote was priced at may be from now when it is signed.
const ABOUT_NOW: SignedDuration = SignedDuration::from_mins(1);

/// What [`hold`] may fail with, for the description of a route that calls it.
pub const HOLD_PROBLEMS: [Code; 8] = [
    Code::LimitReached,
    Code::IdempotencyKeyTaken,
    Code::QuoteExpired,
    Code::QuoteRedeemed,
    Code::BadBody,
    Code::Busy,
    Code::NotStored,
    Code::Unavailable,
];

/// How a signed quote is held.
#[derive(Clone, Debug, Default)]
pub struct Hold {
    /// For so long: at least a second, at most [`LONGEST_HOLD`].
    pub ttl: SignedDuration,
    /// Names it; a name of its own when absent.
    pub key: Option<IdempotencyKey>,
    /// The quote whose place it takes: that is given back when this one is held, and not before.
    pub replaces: Option<ReservationKey>,
}

impl Hold {
    /// Those whose holds do not stand against the quote: it is priced as if they were given back.
    pub fn freed(&self) -> Vec<ReservationKey> {
        self.key.iter().map(IdempotencyKey::quote_id).chain(self.replaces.clone()).collect()
    }
}

/// Signs `quote`, which was priced under `rules` in `context`, and holds what it uses of limited promotions. When too little is
/// left of one, nothing is held, and the problem says of what: price the basket again with what is left now.
pub async fn hold<W: World>(
    api: &Api<W>,
    quote: &Quote,
    rules: &RuleSet,
    context: &Context,
    how: Hold,
) -> Result<SignedQuote, Problem> {
    assert_eq!(quote.rule_set, rules.hash(), "the quote was priced under these rules");
    let now = api.clock.now();
    if quote.at.duration_since(now).abs() > ABOUT_NOW {
        let text = format!("at: {} is not now, {now}, and a signed quote is one that can be ordered: leave `at` out", quote.at);
        return Err(Problem::new(Code::BadBody, text));
    }
    let issued_at = seconds(now);
    let Hold { ttl, key, replaces } = how;
    let expires_at = issued_at.saturating_add(ttl.clamp(SignedDuration::from_secs(1), LONGEST_HOLD)).unwrap_or(Timestamp::MAX);
    let uses = quote.uses(rules, context);
    let id = match &key {
        Some(key) => key.quote_id(),
        None => name()?,
    };
    let customer = context.customer.id.clone();
    let mut claims = QuoteClaims::of(quote, id.as_str().to_owned(), customer, uses, [issued_at, expires_at]);
    // What nobody can ask for again, and what takes nothing, is not to be remembered.
    if !claims.uses.is_empty() || key.is_some() || replaces.is_some() {
        let limits: BTreeMap<_, _> = claims
            .uses
            .iter()
            .filter_map(|used| Some((std::sync::Arc::clone(&used.promotion), rules.limit_of(&used.promotion)?.clone())))
            .collect();
        let (customer, uses) = (claims.customer.clone(), claims.uses.clone());
        let reservation = Reservation::new(id, customer, uses, limits, rules.on_cancel(), claims.expires_at);
        let mut reservation = reservation.expect("a quote uses a promotion once, and no more units than a basket has");
        if key.is_some() {
            reservation = reservation.on_terms(terms(&claims));
        }
        if let Some(replaces) = replaces {
            reservation = reservation.in_place_of(replaces);
        }
        match api.desk.order(OrderCommand::Reserve(reservation)).await? {
            // Asked for again, it is held until then as before.
            OrderDone::Held { until } => claims.expires_at = seconds(until),
            OrderDone::Released | OrderDone::Order(_) => unreachable!("a reservation is held or refused"),
        }
    }
    Ok(SignedQuote { token: api.quote_key.sign(&claims), claims })
}

/// What makes two quotes of one name the same: what is charged for which lines.
fn terms(claims: &QuoteClaims) -> ContentHash {
    ContentHash::of_json(&(&claims.payable, &claims.lines, &claims.postage, &claims.tax))
}

/// A name that no other quote has: 128 random bits.
fn name() -> Result<ReservationKey, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| PortError::unavailable("source of random numbers", error))?;
    Ok(ReservationKey::new(&URL_SAFE_NO_PAD.encode(bytes)).expect("a name of ours is a key"))
}
