use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_promotion_engine::{Left, LimitAsked, OnCancel, Use};

use crate::usage::{Committed, Ended, KEPT, Refusal, Released, Reservation, ReservationKey, Reserved, Standing, Taken, TakenOf};

/// The usage ledger in memory: what is taken is added up anew each time.
#[derive(Debug, Default)]
pub struct UsageTable {
    reservations: BTreeMap<ReservationKey, Held>,
}

#[derive(Debug)]
struct Held {
    content: ContentHash,
    customer: Option<String>,
    /// Each with the one code that it uses.
    uses: Vec<(Use, Option<String>)>,
    on_cancel: OnCancel,
    expires_at: Timestamp,
    standing: Standing,
    /// When it was over.
    ended_at: Timestamp,
}

impl Held {
    fn holds(&self, now: Timestamp) -> bool {
        self.standing.at(self.expires_at, now) == Standing::Held
    }

    fn expire(&mut self) {
        self.standing = Standing::Ended(Ended::Expired);
        self.ended_at = self.expires_at;
    }
}

impl UsageTable {
    pub(super) fn left(&self, asked: &[LimitAsked], freed: &[ReservationKey], now: Timestamp) -> BTreeMap<String, Left> {
        let left = |asked: &LimitAsked| {
            let taken = self.taken(TakenOf::asked(asked), freed, now);
            (asked.promotion.to_string(), taken.left(&asked.limit))
        };
        asked.iter().map(left).collect()
    }

    pub(super) fn reserve(&mut self, reservation: &Reservation, now: Timestamp) -> Reserved {
        if let Some(held) = self.reservations.get(reservation.key()) {
            if held.content != reservation.content() {
                return Reserved::Conflict;
            }
            return held.standing.at(held.expires_at, now).answer(held.expires_at);
        }
        let mut uses = Vec::new();
        let replaced = reservation.instead_of();
        for used in reservation.uses() {
            let taken = self.taken(TakenOf::used(reservation, used), replaced.map_or(&[], std::slice::from_ref), now);
            let limit = reservation.limit_of(&used.promotion).cloned().unwrap_or_default();
            match taken.admit(&limit, used) {
                Ok(coupon) => uses.push((used.clone(), coupon.map(|place| used.coupons[place].clone()))),
                Err(what) => {
                    let promotion = Arc::clone(&used.promotion);
                    return Reserved::Refused(Refusal { promotion, what, left: taken.left(&limit) });
                }
            }
        }
        let held = Held {
            content: reservation.content(),
            customer: reservation.customer().map(str::to_owned),
            uses,
            on_cancel: reservation.on_cancel(),
            expires_at: reservation.expires_at(),
            standing: Standing::Held,
            ended_at: Timestamp::MAX,
        };
        let answer = held.standing.at(held.expires_at, now).answer(held.expires_at);
        let concerns = |other: &Held| {
            let shared = |(used, _): &(Use, _)| held.uses.iter().any(|(mine, _)| mine.promotion == used.promotion);
            other.standing == Standing::Held && other.expires_at <= now && other.uses.iter().any(shared)
        };
        for other in self.reservations.values_mut().filter(|other| concerns(other)) {
            other.expire();
        }
        if let Some(replaced) = replaced.filter(|key| self.reservations.get(*key).is_some_and(|other| other.holds(now))) {
            let _it_held_something = self.release(replaced, now);
        }
        self.reservations.insert(reservation.key().clone(), held);
        answer
    }

    pub(super) fn commit(&mut self, key: &ReservationKey, now: Timestamp) -> Committed {
        let Some(held) = self.reservations.get_mut(key) else { return Committed::Unknown };
        match held.standing.at(held.expires_at, now) {
            Standing::Held | Standing::Committed => {
                held.standing = Standing::Committed;
                Committed::Done
            }
            Standing::Ended(ended) => Committed::Ended(ended),
        }
    }

    pub(super) fn release_held(&mut self, key: &ReservationKey, now: Timestamp) -> Released {
        match self.reservations.get(key) {
            Some(held) if held.standing == Standing::Committed => Released::Kept,
            _ => self.release(key, now),
        }
    }

    pub(super) fn release(&mut self, key: &ReservationKey, now: Timestamp) -> Released {
        let Some(held) = self.reservations.get_mut(key) else { return Released::Unknown };
        match held.standing.at(held.expires_at, now) {
            Standing::Committed if held.on_cancel == OnCancel::Keep => Released::Kept,
            Standing::Held | Standing::Committed => {
                held.standing = Standing::Ended(Ended::Released);
                held.ended_at = now;
                Released::Done
            }
            Standing::Ended(Ended::Released) => Released::Done,
            Standing::Ended(Ended::Expired) => Released::Expired,
        }
    }

    pub(super) fn sweep(&mut self, now: Timestamp, most: usize) -> usize {
        let has_expired = |held: &&mut Held| held.standing == Standing::Held && held.expires_at <= now;
        let mut swept = 0;
        for held in self.reservations.values_mut().filter(has_expired).take(most) {
            held.expire();
            swept += 1;
        }
        let forgotten = |held: &Held| {
            matches!(held.standing, Standing::Ended(_)) && held.ended_at.saturating_add(KEPT).is_ok_and(|until| until <= now)
        };
        let old: Vec<ReservationKey> =
            self.reservations.iter().filter(|(_, held)| forgotten(held)).take(most).map(|(key, _)| key.clone()).collect();
        for key in old {
            self.reservations.remove(&key);
        }
        swept
    }

    fn taken(&self, of: TakenOf<'_>, freed: &[ReservationKey], now: Timestamp) -> Taken {
        let mut taken = Taken { coupons: vec![0; of.coupons.len()], ..Taken::default() };
        for (key, held) in &self.reservations {
            let over = matches!(held.standing.at(held.expires_at, now), Standing::Ended(_));
            if over || (held.holds(now) && freed.contains(key)) {
                continue;
            }
            let Some((used, code)) = held.uses.iter().find(|(used, _)| *used.promotion == *of.promotion) else { continue };
            taken.uses += 1;
            taken.units = taken.units.saturating_add(used.units);
            if of.currency == Some(used.given.currency) {
                taken.given = taken.given.saturating_add(used.given.minor);
            }
            if of.customer.is_some() && held.customer.as_deref() == of.customer {
                taken.customer_uses += 1;
                taken.customer_units = taken.customer_units.saturating_add(used.units);
            }
            for (place, coupon) in of.coupons.iter().enumerate() {
                taken.coupons[place] += u64::from(code.as_ref() == Some(coupon));
            }
        }
        taken
    }
}
