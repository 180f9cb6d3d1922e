//! Cases of the usage ledger and of orders; a game against a simple model; and a storm of customers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use pricestream_documents::ContentHash;
use pricestream_domain::{Currency, Money};
use pricestream_promotion_engine::{Left, Limit, LimitAsked, Limited, OnCancel, Use};

use super::World;
use crate::{
    Committed, Conditional, Ended, KEPT, Order, OrderId, OrderReads, Orders, Refusal, Released, Reservation, ReservationKey,
    Reserved, Usage, UsageReads,
};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).expect("a test stays within the calendar")
}

fn key(text: &str) -> ReservationKey {
    ReservationKey::new(text).expect("a sample is legal")
}

/// The promotions of these cases, with their limits.
const LIMITS: [(&str, &str); 4] = [
    ("orders", r#"{"uses":4,"uses_per_customer":2}"#),
    ("stock", r#"{"units":10,"units_per_customer":6}"#),
    ("budget", r#"{"budget":{"minor":1000,"currency":"EUR"}}"#),
    ("code", r#"{"uses_per_coupon":1}"#),
];

fn limit(promotion: &str) -> Limit {
    let (_, json) = LIMITS.into_iter().find(|(known, _)| *known == promotion).expect("it is one of these");
    serde_json::from_str(json).expect("a sample is legal")
}

fn used(promotion: &str, units: u64, given: i64, coupons: &[&str]) -> Use {
    let coupons = coupons.iter().map(|code| (*code).to_owned()).collect();
    Use { promotion: promotion.into(), units, given: Money::new(given, Currency::EUR), coupons }
}

fn reservation(name: &str, customer: Option<&str>, uses: Vec<Use>, on_cancel: OnCancel, expires: i64) -> Reservation {
    let limits = LIMITS.iter().map(|(promotion, _)| ((*promotion).into(), limit(promotion))).collect();
    let made = Reservation::new(key(name), customer.map(str::to_owned), uses, limits, on_cancel, second(expires));
    made.expect("a sample is legal")
}

/// Held until second 60, and given back when cancelled.
fn simple(name: &str, customer: Option<&str>, uses: Vec<Use>) -> Reservation {
    reservation(name, customer, uses, OnCancel::GiveBack, 60)
}

async fn left(usage: &impl UsageReads, promotion: &str, customer: Option<&str>, coupons: &[&str], now: i64) -> Left {
    let asked = LimitAsked {
        promotion: promotion.into(),
        limit: limit(promotion),
        customer: customer.map(str::to_owned),
        coupons: coupons.iter().map(|code| (*code).to_owned()).collect(),
    };
    usage.left(&[asked], &[], second(now)).await.unwrap()[promotion]
}

fn granted(until: i64) -> Reserved {
    Reserved::Granted { expires_at: second(until) }
}

fn refused(promotion: &str, what: Limited, left: Left) -> Reserved {
    Reserved::Refused(Refusal { promotion: promotion.into(), what, left })
}

/// What is held is not to be had; what is committed neither; what is released is.
pub async fn what_is_reserved_is_committed_or_given_back(world: &impl World) {
    let usage = world.usage();
    assert_eq!(left(usage, "stock", Some("c"), &[], 0).await.units, Some(6), "of 10, 6 for one customer");
    let four = simple("k", Some("c"), vec![used("stock", 4, 400, &[])]);
    assert_eq!(usage.reserve(&four, second(0)).await.unwrap(), granted(60));
    for (customer, expected) in [(Some("c"), 2), (Some("d"), 6), (None, 6)] {
        assert_eq!(left(usage, "stock", customer, &[], 1).await.units, Some(expected), "{customer:?}");
    }
    for at in [1, 2, 99] {
        assert_eq!(usage.commit(&key("k"), second(at)).await.unwrap(), Committed::Done, "again: the same answer");
        assert_eq!(left(usage, "stock", Some("c"), &[], at).await.units, Some(2), "used for good");
    }
    for at in [3, 100] {
        assert_eq!(usage.release(&key("k"), second(at)).await.unwrap(), Released::Done, "again: the same answer");
        assert_eq!(left(usage, "stock", Some("c"), &[], at).await.units, Some(6));
    }
    assert_eq!(usage.commit(&key("k"), second(4)).await.unwrap(), Committed::Ended(Ended::Released));
    assert_eq!(usage.commit(&key("nobody"), second(4)).await.unwrap(), Committed::Unknown);
    assert_eq!(usage.release(&key("nobody"), second(4)).await.unwrap(), Released::Unknown);
}

/// One limit that would be passed, and nothing of the rest is held.
pub async fn a_reservation_is_all_or_nothing(world: &impl World) {
    let usage = world.usage();
    let uses = vec![used("orders", 1, 10, &[]), used("stock", 7, 70, &[]), used("budget", 1, 2_000, &[])];
    let expected = refused("stock", Limited::Units, Left { units: Some(6), ..Left::default() });
    assert_eq!(usage.reserve(&simple("k", Some("c"), uses), second(0)).await.unwrap(), expected);
    assert_eq!(left(usage, "orders", Some("c"), &[], 0).await.uses, Some(2));
    // Not remembered: the key may be tried with less.
    let less = vec![used("orders", 1, 10, &[]), used("stock", 6, 60, &[]), used("budget", 1, 1_000, &[])];
    assert_eq!(usage.reserve(&simple("k", Some("c"), less), second(0)).await.unwrap(), granted(60));
    assert_eq!(left(usage, "budget", None, &[], 0).await.budget, Some(0));
}

/// Asking twice takes nothing twice; the same key for something else is told so.
pub async fn the_same_key_is_the_same_reservation(world: &impl World) {
    let usage = world.usage();
    let of = |units, expires| reservation("k", Some("c"), vec![used("stock", units, 10, &[])], OnCancel::GiveBack, expires);
    assert_eq!(usage.reserve(&of(2, 60), second(0)).await.unwrap(), granted(60));
    for (again, expected, why) in [
        (of(2, 60), granted(60), "the same"),
        (of(2, 90), granted(60), "sent again later: until then as before"),
        (of(3, 60), Reserved::Conflict, "more units"),
        (simple("k", Some("d"), vec![used("stock", 2, 10, &[])]), Reserved::Conflict, "another customer"),
        (simple("k", Some("c"), vec![]), Reserved::Conflict, "nothing"),
        (of(2, 60).on_terms(ContentHash::of(b"a price")), Reserved::Conflict, "on terms"),
        (of(2, 60).in_place_of(key("other")), granted(60), "in the place of another, which was replaced before"),
    ] {
        assert_eq!(usage.reserve(&again, second(1)).await.unwrap(), expected, "{why}");
        assert_eq!(left(usage, "stock", Some("c"), &[], 1).await.units, Some(4), "{why}");
    }
    assert_eq!(usage.commit(&key("k"), second(2)).await.unwrap(), Committed::Done);
    assert_eq!(usage.reserve(&of(2, 60), second(99)).await.unwrap(), granted(60), "committed, it stands");
    assert_eq!(usage.release(&key("k"), second(3)).await.unwrap(), Released::Done);
    assert_eq!(usage.reserve(&of(2, 60), second(4)).await.unwrap(), Reserved::Ended(Ended::Released));
    let late = simple("late", None, vec![used("stock", 2, 10, &[])]);
    assert_eq!(usage.reserve(&late, second(60)).await.unwrap(), Reserved::Ended(Ended::Expired), "before it began");
    assert_eq!(left(usage, "stock", Some("c"), &[], 60).await.units, Some(6));
}

/// What is replaced is free for what replaces it, and held on when that is refused.
pub async fn a_reservation_takes_the_place_of_another(world: &impl World) {
    let usage = world.usage();
    let of = |name: &str, units: u64, other: &str| {
        simple(name, Some("c"), vec![used("stock", units, 10, &[])]).in_place_of(key(other))
    };
    assert_eq!(usage.reserve(&of("a", 5, "nobody"), second(0)).await.unwrap(), granted(60), "there is none: nothing is replaced");
    let expected = refused("stock", Limited::Units, Left { units: Some(6), ..Left::default() });
    assert_eq!(usage.reserve(&of("b", 7, "a"), second(1)).await.unwrap(), expected, "its own 5 do not count");
    assert_eq!(left(usage, "stock", Some("c"), &[], 1).await.units, Some(1), "and are held on");
    for at in [2, 3] {
        assert_eq!(usage.reserve(&of("b", 6, "a"), second(at)).await.unwrap(), granted(60), "again: the same answer");
        assert_eq!(left(usage, "stock", None, &[], at).await.units, Some(4));
    }
    assert_eq!(usage.commit(&key("a"), second(4)).await.unwrap(), Committed::Ended(Ended::Released));
    assert_eq!(usage.commit(&key("b"), second(4)).await.unwrap(), Committed::Done);
    let expected = refused("stock", Limited::Units, Left { units: Some(0), ..Left::default() });
    assert_eq!(usage.reserve(&of("c", 1, "b"), second(5)).await.unwrap(), expected, "what is used stays so");
    let nothing = simple("d", None, Vec::new());
    assert_eq!(usage.reserve(&simple("e", None, vec![used("stock", 4, 10, &[])]), second(5)).await.unwrap(), granted(60));
    assert_eq!(usage.reserve(&nothing.in_place_of(key("e")), second(6)).await.unwrap(), granted(60));
    assert_eq!(left(usage, "stock", None, &[], 6).await.units, Some(4), "even for one that takes nothing");
}

/// A price is made as if what it will replace were given back.
pub async fn what_is_left_may_be_asked_as_if_a_reservation_held_nothing(world: &impl World) {
    let usage = world.usage();
    for (name, units) in [("held", 3), ("used", 2), ("late", 1)] {
        let expires = if name == "late" { 5 } else { 60 };
        let asked = reservation(name, None, vec![used("stock", units, 10, &[])], OnCancel::GiveBack, expires);
        assert_eq!(usage.reserve(&asked, second(0)).await.unwrap(), granted(expires));
    }
    assert_eq!(usage.commit(&key("used"), second(1)).await.unwrap(), Committed::Done);
    let asked = LimitAsked { promotion: "stock".into(), limit: limit("stock"), customer: None, coupons: Vec::new() };
    let asked = LimitAsked { limit: Limit { units_per_customer: None, ..asked.limit.clone() }, ..asked };
    for (freed, now, expected) in [
        (&[][..], 4, 4),
        (&["nobody"], 4, 4),
        (&["held"], 4, 7),
        (&["held", "held"], 4, 7),
        (&["held", "late"], 4, 8),
        (&["used"], 4, 4),
        (&["late"], 5, 5), // it holds nothing any more
        (&["held", "late"], 5, 8),
    ] {
        let freed: Vec<ReservationKey> = freed.iter().map(|name| key(name)).collect();
        let left = usage.left(std::slice::from_ref(&asked), &freed, second(now)).await.unwrap();
        assert_eq!(left["stock"].units, Some(expected), "{freed:?} at {now}");
    }
}

/// Gone is gone, whether it was swept or not, and whether somebody has taken it since or not.
pub async fn an_expired_reservation_holds_nothing_and_is_never_committed(world: &impl World) {
    let usage = world.usage();
    for (name, sweeps) in [("a", false), ("b", true)] {
        let six = simple(name, Some(name), vec![used("stock", 6, 60, &[])]);
        assert_eq!(usage.reserve(&six, second(0)).await.unwrap(), granted(60));
        assert_eq!(left(usage, "stock", None, &[], 59).await.units, Some(4));
        assert_eq!(left(usage, "stock", None, &[], 60).await.units, Some(6), "at the instant itself it is over");
        if sweeps {
            assert_eq!(usage.sweep(second(59), 10).await.unwrap(), 1, "the other one, which was committed too late");
            assert_eq!(usage.sweep(second(60), 10).await.unwrap(), 1);
            assert_eq!(usage.sweep(second(60), 10).await.unwrap(), 0);
        }
        assert_eq!(usage.commit(&key(name), second(60)).await.unwrap(), Committed::Ended(Ended::Expired));
        assert_eq!(usage.release(&key(name), second(60)).await.unwrap(), Released::Expired);
        assert_eq!(usage.reserve(&six, second(61)).await.unwrap(), Reserved::Ended(Ended::Expired));
        assert_eq!(left(usage, "stock", None, &[], 61).await.units, Some(6));
        if !sweeps {
            // Nobody has swept it: were the clock to go back, it would stand again, since nobody has taken it.
            assert_eq!(left(usage, "stock", None, &[], 59).await.units, Some(4));
            let rest = reservation("rest", None, vec![used("stock", 6, 60, &[])], OnCancel::GiveBack, 70);
            assert_eq!(usage.reserve(&rest, second(60)).await.unwrap(), granted(70));
            let back = usage.commit(&key(name), second(59)).await.unwrap();
            assert_eq!(back, Committed::Ended(Ended::Expired), "others have taken it: no clock brings it back");
            assert_eq!(usage.release(&key("rest"), second(60)).await.unwrap(), Released::Done);
            // For the second round something that nobody has swept.
            let small = simple("small", None, vec![used("orders", 1, 1, &[])]);
            let small = reservation(small.key().as_str(), None, small.uses().to_vec(), OnCancel::GiveBack, 59);
            assert_eq!(usage.reserve(&small, second(0)).await.unwrap(), granted(59));
        }
    }
}

/// Every kind of limit binds at its last unit, and no earlier.
pub async fn every_limit_binds(world: &impl World) {
    let usage = world.usage();
    let nothing = Left::default();
    let none_of = |spent_coupons: u128| refused("code", Limited::Coupons, Left { coupons: Some(0), spent_coupons, ..nothing });
    for (number, (uses, customer, expected)) in [
        (used("orders", 1, 1, &[]), Some("c"), granted(60)),
        (used("orders", 1, 1, &[]), Some("c"), granted(60)),
        (used("orders", 1, 1, &[]), Some("c"), refused("orders", Limited::Uses, Left { uses: Some(0), ..nothing })),
        (used("orders", 1, 1, &[]), None, granted(60)),
        (used("orders", 1, 1, &[]), None, granted(60)), // a guest counts for nobody
        (used("orders", 1, 1, &[]), Some("d"), refused("orders", Limited::Uses, Left { uses: Some(0), ..nothing })),
        (used("budget", 1, 999, &[]), None, granted(60)),
        (used("budget", 1, 2, &[]), None, refused("budget", Limited::Budget, Left { budget: Some(1), ..nothing })),
        (used("budget", 1, 1, &[]), None, granted(60)),
        (used("code", 1, 1, &["x", "y"]), None, granted(60)), // uses x
        (used("code", 1, 1, &["x"]), None, none_of(0b1)),
        (used("code", 1, 1, &["x", "y"]), None, granted(60)), // uses y
        (used("code", 1, 1, &["y", "x"]), None, none_of(0b11)),
        (used("code", 1, 1, &["z"]), None, granted(60)),
        (used("stock", 0, 500, &[]), None, granted(60)), // off the postage alone
    ]
    .into_iter()
    .enumerate()
    {
        let asked = simple(&format!("k{number}"), customer, vec![uses]);
        assert_eq!(usage.reserve(&asked, second(0)).await.unwrap(), expected, "{number}: {asked:?}");
    }
    let unknown = Use { promotion: "without a limit".into(), ..used("orders", 9, 9, &[]) };
    assert_eq!(usage.reserve(&simple("free", None, vec![unknown]), second(0)).await.unwrap(), granted(60));
    let dollars = Use { given: Money::new(1, Currency::USD), ..used("budget", 1, 1, &[]) };
    let none = refused("budget", Limited::Budget, Left { budget: Some(1_000), ..nothing });
    assert_eq!(usage.reserve(&simple("usd", None, vec![dollars]), second(0)).await.unwrap(), none, "a budget has one currency");
    assert_eq!(left(usage, "code", None, &["x", "w"], 0).await.coupons, Some(1));
    assert_eq!(left(usage, "code", None, &["w", "x"], 0).await.spent_coupons, 0b10, "the second of them");
    assert_eq!(left(usage, "code", None, &["x", "y"], 0).await.coupons, Some(0));
}

/// The policy of the rule set under which it was used, and not that of another.
pub async fn what_stays_used_is_not_given_back(world: &impl World) {
    let usage = world.usage();
    let of = |name| reservation(name, None, vec![used("stock", 3, 3, &[])], OnCancel::Keep, 60);
    for name in ["held", "used"] {
        assert_eq!(usage.reserve(&of(name), second(0)).await.unwrap(), granted(60));
    }
    assert_eq!(usage.commit(&key("used"), second(1)).await.unwrap(), Committed::Done);
    for _ in 0..2 {
        assert_eq!(usage.release(&key("used"), second(2)).await.unwrap(), Released::Kept);
    }
    assert_eq!(usage.release(&key("held"), second(2)).await.unwrap(), Released::Done, "no order was placed");
    assert_eq!(left(usage, "stock", None, &[], 2).await.units, Some(6), "of 10, 3 are used");
    assert_eq!(usage.commit(&key("used"), second(2)).await.unwrap(), Committed::Done);
}

/// A quote that is given back while somebody orders it: what the order uses stays used.
pub async fn what_is_used_is_not_given_back_as_if_it_were_held(world: &impl World) {
    let usage = world.usage();
    let of = |name| reservation(name, None, vec![used("stock", 3, 3, &[])], OnCancel::GiveBack, 60);
    for name in ["held", "used", "late"] {
        assert_eq!(usage.reserve(&of(name), second(0)).await.unwrap(), granted(60));
    }
    assert_eq!(usage.commit(&key("used"), second(1)).await.unwrap(), Committed::Done);
    for _ in 0..2 {
        assert_eq!(usage.release_held(&key("used"), second(2)).await.unwrap(), Released::Kept);
        assert_eq!(usage.release_held(&key("held"), second(2)).await.unwrap(), Released::Done);
    }
    assert_eq!(usage.release_held(&key("unknown"), second(2)).await.unwrap(), Released::Unknown);
    assert_eq!(usage.release_held(&key("late"), second(60)).await.unwrap(), Released::Expired);
    assert_eq!(left(usage, "stock", None, &[], 60).await.units, Some(6), "3 are used");
    assert_eq!(usage.release(&key("used"), second(61)).await.unwrap(), Released::Done, "its order was cancelled");
}

/// The ledger does not grow with every quote that was never ordered.
pub async fn what_ended_long_ago_is_forgotten(world: &impl World) {
    let usage = world.usage();
    let later = |seconds: i64| second(seconds) + KEPT;
    for name in ["expired", "released", "used"] {
        assert_eq!(usage.reserve(&simple(name, None, vec![used("stock", 2, 2, &[])]), second(0)).await.unwrap(), granted(60));
    }
    assert_eq!(usage.commit(&key("used"), second(1)).await.unwrap(), Committed::Done);
    assert_eq!(usage.release(&key("released"), second(1)).await.unwrap(), Released::Done);
    assert_eq!(usage.sweep(later(0), 10).await.unwrap(), 1);
    assert_eq!(usage.commit(&key("released"), later(0)).await.unwrap(), Committed::Ended(Ended::Released), "not yet");
    assert_eq!(usage.sweep(later(1), 10).await.unwrap(), 0);
    assert_eq!(usage.commit(&key("released"), later(1)).await.unwrap(), Committed::Unknown);
    assert_eq!(usage.commit(&key("expired"), later(59)).await.unwrap(), Committed::Ended(Ended::Expired), "not yet");
    assert_eq!(usage.sweep(later(60), 10).await.unwrap(), 0);
    assert_eq!(usage.commit(&key("expired"), later(60)).await.unwrap(), Committed::Unknown);
    assert_eq!(usage.commit(&key("used"), later(60)).await.unwrap(), Committed::Done, "what is used is remembered");
    assert_eq!(left(usage, "stock", None, &[], 99).await.units, Some(6));
}

/// Neither the order nor the quote twice.
pub async fn an_order_redeems_a_quote_once(world: &impl World) {
    let orders = world.orders();
    let order = |id: &str, quote: &str| Order {
        id: OrderId::new(id).expect("a sample is legal"),
        quote: quote.to_owned(),
        payable: Money::new(1_234, Currency::JPY),
        placed_at: second(7),
        cancelled_at: None,
        claims: r#"{"jti":"q"}"#.into(),
    };
    let first = order("o-1", "q-1");
    assert_eq!(orders.order(&first.id).await.unwrap(), None);
    for (order, expected) in [
        (&first, Conditional::Written),
        (&first, Conditional::Superseded),
        (&order("o-1", "q-2"), Conditional::Superseded),
        (&order("o-2", "q-1"), Conditional::Superseded),
        (&order("o-2", "q-2"), Conditional::Written),
    ] {
        assert_eq!(orders.put_order(order).await.unwrap(), expected, "{} {}", order.id, order.quote);
    }
    assert_eq!(orders.order(&first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(orders.order_of_quote("q-2").await.unwrap(), Some(order("o-2", "q-2")));
    assert_eq!(orders.order_of_quote("q-3").await.unwrap(), None);
    let nobody = OrderId::new("o-3").expect("a sample is legal");
    assert_eq!(orders.cancel_order(&nobody, second(8)).await.unwrap(), Conditional::Superseded);
    assert_eq!(orders.cancel_order(&first.id, second(8)).await.unwrap(), Conditional::Written);
    assert_eq!(orders.cancel_order(&first.id, second(9)).await.unwrap(), Conditional::Superseded);
    let cancelled = Order { cancelled_at: Some(second(8)), ..first.clone() };
    assert_eq!(orders.order(&first.id).await.unwrap(), Some(cancelled));
}

/// Random numbers that are the same each time.
#[derive(Clone, Copy, Debug)]
struct Dice(u64);

impl Dice {
    /// Below `sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn seconds(&mut self, most: u64) -> i64 {
        self.roll(most).cast_signed() + 1
    }
}

const CUSTOMERS: [Option<&str>; 3] = [None, Some("c"), Some("d")];
const CODES: [&[&str]; 4] = [&[], &["x"], &["y"], &["x", "y"]];

/// What a player of [`Model`] may ask for: who, and how much of which promotion.
fn any_reservation(name: &str, dice: &mut Dice, now: i64) -> Reservation {
    let customer = CUSTOMERS[usize::try_from(dice.roll(3)).expect("it is small")];
    let coupons = CODES[usize::try_from(dice.roll(4)).expect("it is small")];
    let wanted = dice.roll(15) + 1;
    let mut uses = Vec::new();
    for (bit, (promotion, _)) in LIMITS.into_iter().enumerate() {
        if wanted & (1 << bit) != 0 {
            let (units, given) = (dice.roll(5), dice.roll(400).cast_signed());
            uses.push(used(promotion, units, given, if promotion == "code" { coupons } else { &[] }));
        }
    }
    let on_cancel = if dice.roll(4) == 0 { OnCancel::Keep } else { OnCancel::GiveBack };
    reservation(name, customer, uses, on_cancel, now + dice.seconds(20))
}

/// The usage ledger as a list of what everybody took, against which an implementation is played.
#[derive(Debug, Default)]
pub struct Model {
    /// Seconds.
    now: i64,
    names: u64,
    taken: BTreeMap<String, ModelReservation>,
}

#[derive(Debug)]
struct ModelReservation {
    asked: Reservation,
    code: Option<String>,
    /// From this second on it holds nothing; `None`: never.
    until: Option<i64>,
    over: Option<(Ended, i64)>,
}

impl Model {
    /// One step, made of any number, and then a look at what is left for everybody.
    pub async fn step(&mut self, usage: &impl Usage, number: u64) {
        let mut dice = Dice(number);
        let name = match dice.roll(3) {
            0 if self.names > 0 => format!("k{}", dice.roll(self.names)),
            _ => {
                self.names += 1;
                format!("k{}", self.names - 1)
            }
        };
        match dice.roll(10) {
            0..=3 => {
                // Half of the time what this key asks for follows from its name.
                let mut own =
                    if dice.roll(2) == 0 { Dice(name.bytes().fold(7, |sum, byte| sum * 31 + u64::from(byte))) } else { dice };
                let mut asked = any_reservation(&name, &mut own, self.now);
                if dice.roll(4) == 0 {
                    asked = asked.in_place_of(key(&format!("k{}", dice.roll(self.names))));
                }
                let expected = self.reserve(&name, &asked);
                assert_eq!(usage.reserve(&asked, second(self.now)).await.unwrap(), expected, "{name} at {}: {asked:?}", self.now);
            }
            4 | 5 => {
                let expected = self.commit(&name);
                assert_eq!(usage.commit(&key(&name), second(self.now)).await.unwrap(), expected, "{name} at {}", self.now);
            }
            6 => {
                let expected = self.release(&name);
                assert_eq!(usage.release(&key(&name), second(self.now)).await.unwrap(), expected, "{name} at {}", self.now);
            }
            7 => self.now += dice.seconds(8),
            8 => {
                if dice.roll(20) == 0 {
                    self.now += KEPT.as_secs();
                }
                let old = |end: &i64| end + KEPT.as_secs() <= self.now;
                let may_forget = self.taken.values().any(|taken| self.end_of(taken).is_some_and(|(_, end)| old(&end)));
                let most = if may_forget || dice.roll(2) == 0 { usize::MAX } else { 1 };
                assert!(usage.sweep(second(self.now), most).await.unwrap() <= most);
                if most > 1 {
                    let now = self.now;
                    let gone: Vec<String> = self
                        .taken
                        .iter()
                        .filter(|(_, taken)| self.end_of(taken).is_some_and(|(_, end)| end + KEPT.as_secs() <= now))
                        .map(|(name, _)| name.clone())
                        .collect();
                    for name in gone {
                        self.taken.remove(&name);
                    }
                }
            }
            _ => {}
        }
        self.agrees(usage).await;
    }

    /// What is left is what nobody has taken.
    pub async fn agrees(&self, usage: &impl UsageReads) {
        for customer in CUSTOMERS {
            let expected = self.left(customer, &["x", "y"]);
            for ((promotion, _), expected) in LIMITS.into_iter().zip(expected) {
                let found = left(usage, promotion, customer, if promotion == "code" { &["x", "y"] } else { &[] }, self.now).await;
                assert_eq!(found, expected, "{promotion} for {customer:?} at {}", self.now);
            }
        }
    }

    /// Of each of the promotions, in their order.
    fn left(&self, customer: Option<&str>, codes: &[&str]) -> [Left; 4] {
        let living = || self.taken.values().filter(|taken| self.end_of(taken).is_none());
        let uses = |promotion: &'static str| {
            living().flat_map(move |taken| {
                let mine = customer.is_some() && taken.asked.customer() == customer;
                taken.asked.uses().iter().filter(move |used| &*used.promotion == promotion).map(move |used| (used, mine))
            })
        };
        let (all, mine) = (uses("orders").count() as u64, uses("orders").filter(|(_, mine)| *mine).count() as u64);
        let units = |mine_alone: bool| -> u64 {
            uses("stock").filter(|(_, mine)| *mine || !mine_alone).map(|(used, _)| used.units).sum()
        };
        let spent: i64 = uses("budget").map(|(used, _)| used.given.minor).sum();
        let redeemed: BTreeSet<&str> = living().filter_map(|taken| taken.code.as_deref()).collect();
        [
            Left { uses: Some((4 - all).min(2 - mine)), ..Left::default() },
            Left { units: Some((10 - units(false)).min(6 - units(true))), ..Left::default() },
            Left { budget: Some(1_000 - spent), ..Left::default() },
            Left {
                coupons: Some(codes.iter().filter(|code| !redeemed.contains(*code)).count() as u64),
                spent_coupons: codes
                    .iter()
                    .enumerate()
                    .filter(|(_, code)| redeemed.contains(*code))
                    .fold(0, |spent, (place, _)| spent | 1 << place),
                ..Left::default()
            },
        ]
    }

    fn end_of(&self, taken: &ModelReservation) -> Option<(Ended, i64)> {
        taken.over.or_else(|| taken.until.filter(|until| *until <= self.now).map(|until| (Ended::Expired, until)))
    }

    fn reserve(&mut self, name: &str, asked: &Reservation) -> Reserved {
        if let Some(taken) = self.taken.get(name) {
            let same = (taken.asked.customer(), taken.asked.uses(), taken.asked.on_cancel())
                == (asked.customer(), asked.uses(), asked.on_cancel());
            return match self.end_of(taken) {
                _ if !same => Reserved::Conflict,
                Some((ended, _)) => Reserved::Ended(ended),
                None => Reserved::Granted { expires_at: taken.asked.expires_at() },
            };
        }
        let held = |taken: &ModelReservation| taken.until.is_some_and(|until| until > self.now) && taken.over.is_none();
        let replaced = asked.instead_of().map(ReservationKey::as_str).filter(|other| self.taken.get(*other).is_some_and(held));
        if let Some(other) = replaced {
            self.taken.get_mut(other).expect("it is held").over = Some((Ended::Released, self.now));
        }
        let mut code = None;
        for used in asked.uses() {
            let codes: Vec<&str> = used.coupons.iter().map(String::as_str).collect();
            let [orders, stock, budget, coupons] = self.left(asked.customer(), &codes);
            let refused = match &*used.promotion {
                "orders" if orders.uses == Some(0) => Some((Limited::Uses, orders)),
                "stock" if Some(used.units) > stock.units => Some((Limited::Units, stock)),
                "budget" if Some(used.given.minor) > budget.budget => Some((Limited::Budget, budget)),
                "code" if !codes.is_empty() && coupons.coupons == Some(0) => Some((Limited::Coupons, coupons)),
                "code" => {
                    code =
                        codes.iter().find(|code| self.left(None, &[code])[3].coupons == Some(1)).map(|code| (*code).to_owned());
                    None
                }
                _ => None,
            };
            if let Some((what, left)) = refused {
                if let Some(other) = replaced {
                    self.taken.get_mut(other).expect("it was held").over = None;
                }
                return Reserved::Refused(Refusal { promotion: used.promotion.clone(), what, left });
            }
        }
        let until = asked.expires_at().as_second() - second(0).as_second();
        self.taken.insert(name.to_owned(), ModelReservation { asked: asked.clone(), code, until: Some(until), over: None });
        Reserved::Granted { expires_at: asked.expires_at() }
    }

    fn commit(&mut self, name: &str) -> Committed {
        let end = self.taken.get(name).map(|taken| self.end_of(taken));
        match (self.taken.get_mut(name), end) {
            (Some(_), Some(Some((ended, _)))) => Committed::Ended(ended),
            (Some(taken), _) => {
                taken.until = None;
                Committed::Done
            }
            (None, _) => Committed::Unknown,
        }
    }

    fn release(&mut self, name: &str) -> Released {
        let now = self.now;
        let end = self.taken.get(name).map(|taken| self.end_of(taken));
        match (self.taken.get_mut(name), end) {
            (Some(_), Some(Some((Ended::Released, _)))) => Released::Done,
            (Some(_), Some(Some((Ended::Expired, _)))) => Released::Expired,
            (Some(taken), _) if taken.until.is_none() && taken.asked.on_cancel() == OnCancel::Keep => Released::Kept,
            (Some(taken), _) => {
                taken.over = Some((Ended::Released, now));
                Released::Done
            }
            (None, _) => Released::Unknown,
        }
    }
}

/// Customers at once, who all want the same few things, send everything twice, give back, and let things expire.
#[derive(Debug, Default)]
pub struct Storm {
    seconds: AtomicI64,
    /// Units that are certainly committed, and orders.
    units: AtomicI64,
    orders: AtomicI64,
    refused: AtomicI64,
    asked: Mutex<BTreeMap<String, u64>>,
}

const STORM_UNITS: i64 = 120;
const STORM_ORDERS: i64 = 50;
const STORM_BUDGET: i64 = 20_000;

impl Storm {
    fn limits() -> BTreeMap<std::sync::Arc<str>, Limit> {
        let euros = Money::new(STORM_BUDGET, Currency::EUR);
        let limits = [
            ("stock", Limit { units: Some(STORM_UNITS.cast_unsigned()), ..Limit::default() }),
            ("orders", Limit { uses: Some(STORM_ORDERS.cast_unsigned()), budget: Some(euros), ..Limit::default() }),
        ];
        limits.into_iter().map(|(promotion, limit)| (promotion.into(), limit)).collect()
    }

    /// What customer `number` does; an odd one repeats what its neighbour asks for, at the same time.
    pub async fn customer(&self, usage: &impl Usage, number: u64) {
        let twin = number % 2 == 1;
        for round in 0..24_u64 {
            let name = format!("{}-{round}", number / 2);
            let mut what = Dice(number / 2 * 1_000 + round);
            let mut dice = Dice(number * 7_919 + round);
            let (units, given) = (what.roll(4) + 1, what.roll(900).cast_signed() + 1);
            let uses = vec![used("stock", units, given, &[]), used("orders", units, given, &[])];
            // Clocks that differ by some seconds.
            let late = dice.roll(4).cast_signed();
            let now = || second((self.seconds.fetch_add(1, Ordering::SeqCst) - late).max(0));
            let at = now();
            let lives = SignedDuration::from_secs(dice.seconds(60));
            let customer = Some(format!("c{}", number / 2));
            let asked = Reservation::new(key(&name), customer, uses, Self::limits(), OnCancel::GiveBack, at + lives);
            let asked = asked.expect("a sample is legal");
            let first = usage.reserve(&asked, at).await.unwrap();
            let again = usage.reserve(&asked, at).await.unwrap();
            match (&first, &again) {
                (Reserved::Refused(_), _) => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                (Reserved::Granted { .. }, Reserved::Granted { .. } | Reserved::Ended(_))
                | (Reserved::Ended(_), Reserved::Ended(_)) => {}
                other => panic!("{name}: {other:?}"),
            }
            self.asked.lock().expect("no panic while held").insert(name.clone(), units);
            let choice = dice.roll(4);
            if twin {
                if choice == 0 {
                    let _its_neighbour_decides = usage.commit(&key(&name), now()).await.unwrap();
                }
                continue;
            }
            if choice == 0 {
                continue; // it expires
            }
            if usage.commit(&key(&name), now()).await.unwrap() != Committed::Done {
                continue;
            }
            let (units, orders) = (units.cast_signed(), 1);
            let committed = self.units.fetch_add(units, Ordering::SeqCst) + units;
            assert!(committed <= STORM_UNITS, "{committed} units of {STORM_UNITS} are sold");
            let committed = self.orders.fetch_add(orders, Ordering::SeqCst) + orders;
            assert!(committed <= STORM_ORDERS, "{committed} orders of {STORM_ORDERS} are placed");
            assert_eq!(usage.commit(&key(&name), now()).await.unwrap(), Committed::Done, "{name}: the same answer");
            if choice != 3 {
                self.units.fetch_sub(units, Ordering::SeqCst);
                self.orders.fetch_sub(orders, Ordering::SeqCst);
                for _ in 0..2 {
                    assert_eq!(usage.release(&key(&name), now()).await.unwrap(), Released::Done, "{name}");
                }
            }
            if choice == 2 {
                usage.sweep(now(), 3).await.unwrap();
            }
        }
    }

    /// When everything that is not committed has expired: what is left and what was committed add up to the limit.
    pub async fn adds_up(&self, usage: &impl Usage) {
        let end = second(self.seconds.load(Ordering::SeqCst) + 1_000);
        let (mut units, mut orders) = (0, 0);
        let asked = self.asked.lock().expect("no panic while held").clone();
        for (name, of_it) in &asked {
            if usage.commit(&key(name), end).await.unwrap() == Committed::Done {
                units += of_it;
                orders += 1;
            }
        }
        let ask = Self::limits().into_iter().map(|(promotion, limit)| LimitAsked {
            promotion,
            limit,
            customer: None,
            coupons: Vec::new(),
        });
        let ask: Vec<LimitAsked> = ask.collect();
        let left = usage.left(&ask, &[], end).await.unwrap();
        assert_eq!(left["stock"].units, Some(STORM_UNITS.cast_unsigned() - units), "{units} units are sold");
        assert_eq!(left["orders"].uses, Some(STORM_ORDERS.cast_unsigned() - orders), "{orders} orders are placed");
        assert!(left["orders"].budget >= Some(0) && units > 0, "{units} {left:?}");
        let (granted, refused) = (asked.len().cast_signed() as i64, self.refused.load(Ordering::SeqCst));
        assert!(granted > STORM_ORDERS && refused > 0, "{granted} were granted, {refused} refused: nothing was taken again");
    }
}
