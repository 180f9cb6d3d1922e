use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use pricestream_ports::{PortError, Reservation, ReservationKey};
use pricestream_promotion_engine::{Context, Quote, RuleSet};

use super::{OrderCommand, OrderDone};
use crate::api::{Api, World};
use crate::desk::Desk;
use crate::problem::{Code, Problem};
use crate::signed_quote::{QuoteClaims, SignedQuote, seconds};

/// The longest that a quote is held.
pub const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(24);

/// How far the instant that a quote was priced at may be from now when it is signed.
const ABOUT_NOW: SignedDuration = SignedDuration::from_mins(1);

/// What [`hold`] may fail with, for the description of a route that calls it.
pub const HOLD_PROBLEMS: [Code; 6] =
    [Code::LimitReached, Code::BadBody, Code::Busy, Code::NotStored, Code::Contended, Code::Unavailable];

/// Signs `quote`, which was priced under `rules` in `context`, and holds what it uses of limited promotions for so long: at
/// least a second, at most [`LONGEST_HOLD`]. When too little is left of one, nothing is held, and the problem says of what:
/// price the basket again with what is left now.
pub async fn hold<W: World>(
    api: &Api<W>,
    quote: &Quote,
    rules: &RuleSet,
    context: &Context,
    ttl: SignedDuration,
) -> Result<SignedQuote, Problem> {
    assert_eq!(quote.rule_set, rules.hash(), "the quote was priced under these rules");
    let now = api.clock.now();
    if quote.at.duration_since(now).abs() > ABOUT_NOW {
        let text = format!("at: {} is not now, {now}, and a signed quote is one that can be ordered: leave `at` out", quote.at);
        return Err(Problem::new(Code::BadBody, text));
    }
    let issued_at = seconds(now);
    let expires_at = issued_at.saturating_add(ttl.clamp(SignedDuration::from_secs(1), LONGEST_HOLD)).unwrap_or(Timestamp::MAX);
    let uses = quote.uses(rules, context);
    let claims = QuoteClaims::of(quote, name()?, context.customer.id.clone(), uses, [issued_at, expires_at]);
    if !claims.uses.is_empty() {
        let limits: BTreeMap<_, _> = claims
            .uses
            .iter()
            .filter_map(|used| Some((std::sync::Arc::clone(&used.promotion), rules.limit_of(&used.promotion)?.clone())))
            .collect();
        let key = ReservationKey::new(&claims.id).expect("a name of ours is a key");
        let customer = claims.customer.clone();
        let uses = claims.uses.clone();
        let reservation = Reservation::new(key, customer, uses, limits, rules.on_cancel(), claims.expires_at);
        let reservation = reservation.expect("a quote uses a promotion once, and no more units than a basket has");
        match api.desk.order(OrderCommand::Reserve(reservation)).await? {
            OrderDone::Held { .. } => {}
            OrderDone::Order(_) => unreachable!("a reservation is no order"),
        }
    }
    Ok(SignedQuote { token: api.quote_key.sign(&claims), claims })
}

/// A name that no other quote has: 128 random bits.
fn name() -> Result<String, Problem> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| PortError::unavailable("source of random numbers", error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
