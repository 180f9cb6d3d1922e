//! The usage ledger: what orders take of limited promotions, by reserve, commit and release.
//!
//! A reservation holds what a quote promises until it expires; placing the order commits it. Whether one has expired is a
//! question of the instant that is passed in, not of what was swept before: nothing that is free is kept from anybody. Who is
//! given what has expired ends it for good, so that a clock that goes back gives nothing away twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pricestream_documents::ContentHash;
use pricestream_domain::Currency;
use pricestream_promotion_engine::{Left, Limit, LimitAsked, Limited, MAX_UNITS, OnCancel, Use};

use crate::{PortError, micros};

/// How long a reservation that has expired or was released is remembered, so that its key is told so and not taken for new.
pub const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Names a reservation: 1 to 64 characters, none of them a control character. The same key is the same reservation, so that
/// asking twice takes nothing twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationKey(Arc<str>);

impl ReservationKey {
    /// `text` as a key.
    pub fn new(text: &str) -> Result<Self, InvalidReservation> {
        let fits = (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(InvalidReservation::Key) }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReservationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is to be held: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    key: ReservationKey,
    customer: Option<String>,
    uses: Vec<Use>,
    limits: BTreeMap<Arc<str>, Limit>,
    on_cancel: OnCancel,
    expires_at: Timestamp,
    terms: Option<ContentHash>,
    instead_of: Option<ReservationKey>,
}

/// Why something cannot be a reservation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReservation {
    /// The key.
    #[error("a reservation's key has 1 to 64 characters, and no control characters")]
    Key,
    /// A promotion that it uses twice.
    #[error("{0:?} is used twice: an order uses a promotion once")]
    Twice(Arc<str>),
    /// A promotion that so many units would get something of.
    #[error("{0:?} is used for {1} units: a basket has {MAX_UNITS} at most")]
    TooManyUnits(Arc<str>, u64),
    /// A promotion that would give less than nothing.
    #[error("{0:?} gives less than nothing")]
    Negative(Arc<str>),
}

impl Reservation {
    /// Holds `uses` for `customer` until `expires_at`, to the microsecond. `limits` are those of the rule set that the uses come
    /// from, by promotion; a use of a promotion without one is counted, and never refused.
    pub fn new(
        key: ReservationKey,
        customer: Option<String>,
        uses: Vec<Use>,
        limits: BTreeMap<Arc<str>, Limit>,
        on_cancel: OnCancel,
        expires_at: Timestamp,
    ) -> Result<Self, InvalidReservation> {
        let mut seen = BTreeSet::new();
        for used in &uses {
            if !seen.insert(&used.promotion) {
                return Err(InvalidReservation::Twice(Arc::clone(&used.promotion)));
            }
            if used.units > u64::from(MAX_UNITS) {
                return Err(InvalidReservation::TooManyUnits(Arc::clone(&used.promotion), used.units));
            }
            if used.given.minor < 0 {
                return Err(InvalidReservation::Negative(Arc::clone(&used.promotion)));
            }
        }
        let expires_at = micros(expires_at);
        Ok(Self { key, customer, uses, limits, on_cancel, expires_at, terms: None, instead_of: None })
    }

    /// On these terms besides: one of the same key on others is another reservation.
    #[must_use]
    pub fn on_terms(self, terms: ContentHash) -> Self {
        Self { terms: Some(terms), ..self }
    }

    /// In the place of another one: what that holds is free for this one, and is given back when this one is held. When this one
    /// is refused, the other one stays. One that was committed is used, and stays so.
    #[must_use]
    pub fn in_place_of(self, other: ReservationKey) -> Self {
        Self { instead_of: Some(other), ..self }
    }

    /// Its name.
    pub fn key(&self) -> &ReservationKey {
        &self.key
    }

    /// Who buys; `None` for a guest, whose uses count for nobody.
    pub fn customer(&self) -> Option<&str> {
        self.customer.as_deref()
    }

    /// What it takes, each of another promotion.
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// The limit of a promotion.
    pub fn limit_of(&self, promotion: &str) -> Option<&Limit> {
        self.limits.get(promotion)
    }

    /// What becomes of it when the order is cancelled.
    pub fn on_cancel(&self) -> OnCancel {
        self.on_cancel
    }

    /// From this instant on it holds nothing, unless it was committed before.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// The one whose place it takes.
    pub fn instead_of(&self) -> Option<&ReservationKey> {
        self.instead_of.as_ref()
    }

    /// What makes two reservations of one key the same: who takes what, on which terms. Not until when, under which limits, nor
    /// in the place of which, which all differ when a request is sent again.
    pub fn content(&self) -> ContentHash {
        match &self.terms {
            None => ContentHash::of_json(&(&self.customer, &self.uses, self.on_cancel)),
            Some(terms) => ContentHash::of_json(&(&self.customer, &self.uses, self.on_cancel, terms)),
        }
    }
}

/// How a reservation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reserved {
    /// It is held, now or since it was asked for before.
    Granted {
        /// Until this instant, unless it is committed.
        expires_at: Timestamp,
    },
    /// Too little is left, and nothing is held. Not remembered: asked again, it is decided again.
    Refused(Refusal),
    /// The key was something else before.
    Conflict,
    /// The key's reservation is over: take another key.
    Ended(Ended),
}

/// Of what too little is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The first promotion of which there is.
    pub promotion: Arc<str>,
    /// Its first limit that would be passed.
    pub what: Limited,
    /// What is left of it for this customer.
    pub left: Left,
}

/// Why a reservation is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was not committed in time.
    Expired,
    /// It was given back.
    Released,
}

/// How a commit ended. Asked again, the answer is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// What was held is used.
    Done,
    /// It holds nothing any more, even if nobody else has taken it since: its price is not to be had any more.
    Ended(Ended),
    /// There is no such reservation, or it ended longer than [`KEPT`] ago.
    Unknown,
}

/// How a release ended. Asked again, the answer is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Released {
    /// What was held or used is free again.
    Done,
    /// It was used, and stays so: [`OnCancel::Keep`].
    Kept,
    /// It had expired, and held nothing.
    Expired,
    /// There is no such reservation, or it ended longer than [`KEPT`] ago.
    Unknown,
}

/// Reads of the usage ledger. Each sees every write acknowledged before it.
pub trait UsageReads: Send + Sync {
    /// What is left of each promotion at `now`, by its id: as [`pricestream_promotion_engine::Context`] wants it. As if what the
    /// reservations of the keys `freed` hold were given back: what is committed is not held.
    fn left(
        &self,
        asked: &[LimitAsked],
        freed: &[ReservationKey],
        now: Timestamp,
    ) -> impl Future<Output = Result<BTreeMap<String, Left>, PortError>> + Send;
}

/// The usage ledger. Each call is atomic; together they never give more than a limit allows.
pub trait Usage: UsageReads {
    /// Holds everything that `reservation` takes, or nothing.
    fn reserve(&self, reservation: &Reservation, now: Timestamp) -> impl Future<Output = Result<Reserved, PortError>> + Send;

    /// Uses what is held.
    fn commit(&self, key: &ReservationKey, now: Timestamp) -> impl Future<Output = Result<Committed, PortError>> + Send;

    /// Gives back what is held; what is used stays so ([`Released::Kept`]).
    fn release_held(&self, key: &ReservationKey, now: Timestamp) -> impl Future<Output = Result<Released, PortError>> + Send;

    /// Gives back what is held or used.
    fn release(&self, key: &ReservationKey, now: Timestamp) -> impl Future<Output = Result<Released, PortError>> + Send;

    /// Tidies up: notes of up to `most` reservations that they have expired, and forgets up to `most` that ended longer than
    /// [`KEPT`] ago. No answer depends on it but those about forgotten keys. Gives how many had expired.
    fn sweep(&self, now: Timestamp, most: usize) -> impl Future<Output = Result<usize, PortError>> + Send;
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds something until it expires.
    Held,
    /// What it held is used.
    Committed,
    /// It is over.
    Ended(Ended),
}

impl Standing {
    /// Where it stands at `now`, when it is stored as this.
    #[must_use]
    pub fn at(self, expires_at: Timestamp, now: Timestamp) -> Self {
        if self == Self::Held && expires_at <= now { Self::Ended(Ended::Expired) } else { self }
    }

    /// What a reservation of the same key and content is answered.
    pub fn answer(self, expires_at: Timestamp) -> Reserved {
        match self {
            Self::Held | Self::Committed => Reserved::Granted { expires_at },
            Self::Ended(ended) => Reserved::Ended(ended),
        }
    }
}

/// Of which promotion, which customer, which codes and which money a ledger adds up what is [`Taken`].
#[derive(Clone, Copy, Debug)]
pub struct TakenOf<'a> {
    /// Its id.
    pub promotion: &'a str,
    /// `None` for a guest.
    pub customer: Option<&'a str>,
    /// The codes that were given.
    pub coupons: &'a [String],
    /// In which money; `None`: no money is asked about.
    pub currency: Option<Currency>,
}

impl<'a> TakenOf<'a> {
    /// What tells how much of a limit is left.
    pub fn asked(asked: &'a LimitAsked) -> Self {
        Self {
            promotion: &asked.promotion,
            customer: asked.customer.as_deref(),
            coupons: &asked.coupons,
            currency: asked.limit.budget.map(|budget| budget.currency),
        }
    }

    /// What tells whether a reservation may have one of its uses.
    pub fn used(reservation: &'a Reservation, used: &'a Use) -> Self {
        Self {
            promotion: &used.promotion,
            customer: reservation.customer(),
            coupons: &used.coupons,
            currency: Some(used.given.currency),
        }
    }
}

/// What is taken of a promotion, held or used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Orders of everybody.
    pub uses: u64,
    /// Units of everybody.
    pub units: u64,
    /// Money given, in the currency that is asked about.
    pub given: i64,
    /// Orders of this customer; 0 for a guest.
    pub customer_uses: u64,
    /// Units of this customer; 0 for a guest.
    pub customer_units: u64,
    /// Orders of each code that was given, in their order.
    pub coupons: Vec<u64>,
}

impl Taken {
    /// What is left for this customer. Limits of a customer bind a guest in each order by itself.
    pub fn left(&self, limit: &Limit) -> Left {
        let of = |limit: Option<u64>, taken: u64| limit.map(|limit| limit.saturating_sub(taken));
        let least = |one: Option<u64>, other: Option<u64>| one.into_iter().chain(other).min();
        let per_code = limit.uses_per_coupon.filter(|_| !self.coupons.is_empty());
        let spent = |taken: &u64| limit.uses_per_coupon.is_some_and(|limit| *taken >= limit);
        let places = self.coupons.iter().zip(0_u32..128).filter(|(taken, _)| spent(taken));
        Left {
            uses: least(of(limit.uses, self.uses), of(limit.uses_per_customer, self.customer_uses)),
            units: least(of(limit.units, self.units), of(limit.units_per_customer, self.customer_units)),
            coupons: per_code
                .map(|limit| self.coupons.iter().fold(0_u64, |sum, taken| sum.saturating_add(limit.saturating_sub(*taken)))),
            spent_coupons: places.fold(0, |spent, (_, place)| spent | 1 << place),
            budget: limit.budget.map(|budget| budget.minor.saturating_sub(self.given).max(0)),
        }
    }

    /// Whether `used` may be taken besides: which of its codes it then uses, by its place. Errors: the first limit that it would
    /// pass. `given` is in the currency of `used`.
    pub fn admit(&self, limit: &Limit, used: &Use) -> Result<Option<usize>, Limited> {
        let left = self.left(limit);
        if left.uses == Some(0) {
            return Err(Limited::Uses);
        }
        let coupon = match limit.uses_per_coupon {
            Some(most) if !used.coupons.is_empty() => {
                let free = self.coupons.iter().position(|taken| *taken < most);
                Some(free.ok_or(Limited::Coupons)?)
            }
            _ => (!used.coupons.is_empty()).then_some(0),
        };
        if left.units.is_some_and(|left| used.units > left) {
            return Err(Limited::Units);
        }
        let Some(given) = self.given.checked_add(used.given.minor) else {
            return Err(Limited::Budget);
        };
        let beyond = limit.budget.is_some_and(|budget| budget.currency != used.given.currency || given > budget.minor);
        if beyond { Err(Limited::Budget) } else { Ok(coupon) }
    }
}

#[cfg(test)]
mod tests {
    use pricestream_domain::{Currency, Money};

    use super::*;

    fn limit(json: &str) -> Limit {
        serde_json::from_str(json).unwrap()
    }

    fn used(units: u64, given: Money, coupons: &[&str]) -> Use {
        Use { promotion: "p".into(), units, given, coupons: coupons.iter().map(|code| (*code).to_owned()).collect() }
    }

    #[test]
    fn what_is_left_is_the_least_of_all_limits() {
        let taken = Taken { uses: 7, units: 20, given: 950, customer_uses: 1, customer_units: 3, coupons: vec![1, 0] };
        for (json, expected) in [
            ("{}", Left::default()),
            (r#"{"uses":10}"#, Left { uses: Some(3), ..Left::default() }),
            (r#"{"uses":10,"uses_per_customer":2}"#, Left { uses: Some(1), ..Left::default() }),
            (r#"{"uses":5,"uses_per_customer":2}"#, Left { uses: Some(0), ..Left::default() }), // the limit was lowered
            (r#"{"units":24,"units_per_customer":9}"#, Left { units: Some(4), ..Left::default() }),
            (r#"{"units_per_customer":4}"#, Left { units: Some(1), ..Left::default() }),
            (r#"{"budget":{"minor":1000,"currency":"EUR"}}"#, Left { budget: Some(50), ..Left::default() }),
            (r#"{"budget":{"minor":900,"currency":"EUR"}}"#, Left { budget: Some(0), ..Left::default() }),
            (r#"{"uses_per_coupon":1}"#, Left { coupons: Some(1), spent_coupons: 0b01, ..Left::default() }),
            (r#"{"uses_per_coupon":0}"#, Left { coupons: Some(0), spent_coupons: 0b11, ..Left::default() }),
            (r#"{"uses_per_coupon":3}"#, Left { coupons: Some(5), ..Left::default() }),
        ] {
            assert_eq!(taken.left(&limit(json)), expected, "{json}");
        }
        assert_eq!(Taken::default().left(&limit(r#"{"uses_per_coupon":3}"#)).coupons, None, "no code was given");
    }

    #[test]
    fn what_would_pass_a_limit_is_refused_by_the_first_that_it_would_pass() {
        let (eur, usd) = (|minor| Money::new(minor, Currency::EUR), |minor| Money::new(minor, Currency::USD));
        let taken = Taken { uses: 7, units: 20, given: 950, customer_uses: 1, customer_units: 3, coupons: vec![1, 0] };
        let budget = r#"{"budget":{"minor":1000,"currency":"EUR"}}"#;
        for (json, used, expected) in [
            ("{}", used(9, eur(9), &[]), Ok(None)),
            ("{}", used(9, eur(9), &["a", "b"]), Ok(Some(0))),
            (r#"{"uses":7}"#, used(1, eur(1), &[]), Err(Limited::Uses)),
            (r#"{"uses_per_customer":1,"units":0}"#, used(1, eur(1), &[]), Err(Limited::Uses)),
            (r#"{"units":24}"#, used(4, eur(1), &[]), Ok(None)),
            (r#"{"units":24}"#, used(5, eur(1), &[]), Err(Limited::Units)),
            (r#"{"units_per_customer":3}"#, used(1, eur(1), &[]), Err(Limited::Units)),
            (r#"{"units_per_customer":3}"#, used(0, eur(1), &[]), Ok(None)), // postage alone
            (r#"{"units":18446744073709551615}"#, used(u64::MAX, eur(1), &[]), Err(Limited::Units)),
            (budget, used(1, eur(50), &[]), Ok(None)),
            (budget, used(1, eur(51), &[]), Err(Limited::Budget)),
            (budget, used(1, usd(1), &[]), Err(Limited::Budget)), // it has none in dollars
            ("{}", used(1, eur(i64::MAX), &[]), Err(Limited::Budget)), // more than can be counted
            (r#"{"uses_per_coupon":1}"#, used(1, eur(1), &["a", "b"]), Ok(Some(1))),
            (r#"{"uses_per_coupon":2}"#, used(1, eur(1), &["a", "b"]), Ok(Some(0))),
            (r#"{"uses_per_coupon":0}"#, used(1, eur(1), &["a", "b"]), Err(Limited::Coupons)),
            (r#"{"uses_per_coupon":0}"#, used(1, eur(1), &[]), Ok(None)), // it needs none of its codes
        ] {
            assert_eq!(taken.admit(&limit(json), &used), expected, "{json} {used:?}");
        }
    }

    #[test]
    fn what_cannot_be_reserved_says_why() {
        for (key, expected) in
            [("k", true), ("", false), ("ü".repeat(64).as_str(), true), (&"k".repeat(65), false), ("a\nb", false)]
        {
            assert_eq!(ReservationKey::new(key).is_ok(), expected, "{key:?}");
        }
        let of = |uses: Vec<Use>| {
            let key = ReservationKey::new("k").unwrap();
            Reservation::new(key, None, uses, BTreeMap::new(), OnCancel::GiveBack, Timestamp::UNIX_EPOCH).map(|_| ())
        };
        let one = used(1, Money::new(1, Currency::EUR), &[]);
        assert_eq!(of(vec![one.clone()]), Ok(()));
        assert_eq!(of(vec![one.clone(), one.clone()]), Err(InvalidReservation::Twice("p".into())));
        let many = Use { units: 100_001, ..one.clone() };
        assert_eq!(of(vec![many]), Err(InvalidReservation::TooManyUnits("p".into(), 100_001)));
        let negative = Use { given: Money::new(-1, Currency::EUR), ..one };
        assert_eq!(of(vec![negative]), Err(InvalidReservation::Negative("p".into())));
    }
}
