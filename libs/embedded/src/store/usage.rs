use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::Money;
use pricestream_ports::{
    Committed, Ended, KEPT, PortError, Refusal, Released, Reservation, ReservationKey, Reserved, Taken, TakenOf, Usage,
    UsageReads, UsageStanding,
};
use pricestream_promotion_engine::{Left, LimitAsked, OnCancel};
use rusqlite::{OptionalExtension, Result, Row, params};

use super::codes::{code_of, currency, currency_code, instant, unreadable, value_of};
use super::db::Db;
use super::{Store, limit};

const STANDINGS: [UsageStanding; 4] =
    [UsageStanding::Held, UsageStanding::Committed, UsageStanding::Ended(Ended::Released), UsageStanding::Ended(Ended::Expired)];
const ON_CANCEL: [OnCancel; 2] = [OnCancel::GiveBack, OnCancel::Keep];

/// Kinds of sums.
const EVERYBODY: i64 = 0;
const CUSTOMER: i64 = 1;
const COUPON: i64 = 2;
const MONEY: i64 = 3;

/// A reservation as stored.
struct Stored {
    id: i64,
    content: ContentHash,
    on_cancel: OnCancel,
    expires_at: Timestamp,
    standing: UsageStanding,
}

/// What a reservation takes of a promotion, as stored.
#[derive(Debug)]
struct Taking {
    reservation: i64,
    expires_at: i64,
    promotion: String,
    customer: Option<String>,
    units: i64,
    given: Money,
    coupon: Option<String>,
}

impl Db {
    fn reservation(&self, key: &ReservationKey) -> Result<Option<Stored>> {
        let mut select =
            self.conn.prepare_cached("SELECT id, content, on_cancel, expires_at, standing FROM reservations WHERE key = ?1")?;
        let read = |row: &Row<'_>| {
            let content = <[u8; 16]>::try_from(row.get::<_, Vec<u8>>(1)?);
            let content = content.map_err(|_| unreadable("the hash of a reservation's content has not 16 bytes"))?;
            Ok(Stored {
                id: row.get(0)?,
                content: ContentHash::from_bytes(content),
                on_cancel: value_of(&ON_CANCEL, row.get(2)?)?,
                expires_at: instant(row.get(3)?)?,
                standing: value_of(&STANDINGS, row.get(4)?)?,
            })
        };
        select.query_row([key.as_str()], read).optional()
    }

    /// A reservation that holds something at `now`.
    fn held(&self, key: &ReservationKey, now: Timestamp) -> Result<Option<Stored>> {
        let held = |stored: &Stored| stored.standing.at(stored.expires_at, now) == UsageStanding::Held;
        Ok(self.reservation(key)?.filter(held))
    }

    /// What is counted and no longer held: nobody has swept it yet.
    fn unswept(&self, now: Timestamp) -> Result<Vec<Taking>> {
        let mut select = self.conn.prepare_cached(
            "SELECT uses.promotion, reservations.customer, uses.units, uses.given, uses.currency, uses.coupon, reservations.id,
             reservations.expires_at FROM reservations JOIN reservation_uses AS uses ON uses.reservation = reservations.id
             WHERE reservations.standing = 0 AND reservations.expires_at <= ?1",
        )?;
        let rows = select.query_map([now.as_microsecond()], Taking::read)?;
        rows.collect()
    }

    fn takings(&self, reservation: i64) -> Result<Vec<Taking>> {
        let mut select = self.conn.prepare_cached(
            "SELECT uses.promotion, reservations.customer, uses.units, uses.given, uses.currency, uses.coupon, reservations.id,
             reservations.expires_at FROM reservations JOIN reservation_uses AS uses ON uses.reservation = reservations.id WHERE reservations.id = ?1",
        )?;
        let rows = select.query_map([reservation], Taking::read)?;
        rows.collect()
    }

    /// What is counted, without what is `gone`.
    fn taken(&self, of: TakenOf<'_>, gone: &[Taking]) -> Result<Taken> {
        let mut select = self
            .conn
            .prepare_cached("SELECT uses, units, given FROM usage_counts WHERE promotion = ?1 AND kind = ?2 AND name = ?3")?;
        let mut count = |kind: i64, name: &str, counts: &dyn Fn(&&Taking) -> bool| {
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            let counted = select.query_row(params![of.promotion, kind, name], read).optional()?;
            let (mut uses, mut units, mut given): (i64, i64, i64) = counted.unwrap_or_default();
            for taking in gone.iter().filter(|taking| taking.promotion == of.promotion).filter(counts) {
                uses -= 1;
                units -= taking.units;
                given -= taking.given.minor;
            }
            Ok::<_, rusqlite::Error>((uses.max(0).cast_unsigned(), units.max(0).cast_unsigned(), given))
        };
        let (uses, units, _) = count(EVERYBODY, "", &|_| true)?;
        let (customer_uses, customer_units, _) = match of.customer {
            Some(customer) => count(CUSTOMER, customer, &|taking| taking.customer.as_deref() == Some(customer))?,
            None => (0, 0, 0),
        };
        let given = match of.currency {
            Some(currency) => count(MONEY, currency.code(), &|taking| taking.given.currency == currency)?.2,
            None => 0,
        };
        let of_code = |code: &String| count(COUPON, code, &|taking| taking.coupon.as_ref() == Some(code)).map(|(uses, ..)| uses);
        let coupons = of.coupons.iter().map(of_code).collect::<Result<_>>()?;
        Ok(Taken { uses, units, given, customer_uses, customer_units, coupons })
    }

    /// Adds what is taken to the sums, or takes it off them again.
    fn count(&self, taking: &Taking, sign: i64) -> Result<()> {
        let mut add = self.conn.prepare_cached(
            "INSERT INTO usage_counts (promotion, kind, name, uses, units, given) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (promotion, kind, name) DO UPDATE
             SET uses = uses + excluded.uses, units = units + excluded.units, given = given + excluded.given",
        )?;
        let mut tidy =
            self.conn.prepare_cached("DELETE FROM usage_counts WHERE promotion = ?1 AND kind = ?2 AND name = ?3 AND uses = 0")?;
        let sums = [
            Some((EVERYBODY, "", 0)),
            taking.customer.as_deref().map(|customer| (CUSTOMER, customer, 0)),
            taking.coupon.as_deref().map(|coupon| (COUPON, coupon, 0)),
            Some((MONEY, taking.given.currency.code(), taking.given.minor)),
        ];
        for (kind, name, given) in sums.into_iter().flatten() {
            add.execute(params![taking.promotion, kind, name, sign, sign * taking.units, sign * given])?;
            if sign < 0 {
                tidy.execute(params![taking.promotion, kind, name])?;
            }
        }
        Ok(())
    }

    fn reserve(&mut self, reservation: &Reservation, now: Timestamp) -> Result<Reserved> {
        let content = reservation.content();
        if let Some(stored) = self.reservation(reservation.key())? {
            if stored.content != content {
                return Ok(Reserved::Conflict);
            }
            return Ok(stored.standing.at(stored.expires_at, now).answer(stored.expires_at));
        }
        let mut gone = self.unswept(now)?;
        let expired = gone.len();
        let replaced = reservation.instead_of().map(|key| self.held(key, now)).transpose()?.flatten();
        if let Some(replaced) = &replaced {
            gone.extend(self.takings(replaced.id)?);
        }
        let mut takings = Vec::with_capacity(reservation.uses().len());
        for used in reservation.uses() {
            let taken = self.taken(TakenOf::used(reservation, used), &gone)?;
            let limit = reservation.limit_of(&used.promotion).cloned().unwrap_or_default();
            match taken.admit(&limit, used) {
                Ok(coupon) => takings.push(Taking {
                    reservation: 0,
                    expires_at: reservation.expires_at().as_microsecond(),
                    promotion: used.promotion.to_string(),
                    customer: reservation.customer().map(str::to_owned),
                    units: used.units.cast_signed(),
                    given: used.given,
                    coupon: coupon.map(|place| used.coupons[place].clone()),
                }),
                Err(what) => {
                    let promotion = Arc::clone(&used.promotion);
                    return Ok(Reserved::Refused(Refusal { promotion, what, left: taken.left(&limit) }));
                }
            }
        }
        // For good: what they held may be given to this one.
        gone.truncate(expired);
        gone.retain(|gone| takings.iter().any(|taking| taking.promotion == gone.promotion));
        gone.sort_by_key(|gone| gone.reservation);
        gone.dedup_by_key(|gone| gone.reservation);
        for gone in gone {
            self.end(gone.reservation, Ended::Expired, instant(gone.expires_at)?)?;
        }
        if let Some(replaced) = replaced {
            self.end(replaced.id, Ended::Released, now)?;
        }
        self.conn
            .prepare_cached(
                "INSERT INTO reservations (key, content, customer, on_cancel, expires_at, standing) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
            )?
            .execute(params![
                reservation.key().as_str(),
                content.as_bytes(),
                reservation.customer(),
                code_of(&ON_CANCEL, &reservation.on_cancel()),
                reservation.expires_at().as_microsecond(),
            ])?;
        let id = self.conn.last_insert_rowid();
        for taking in &takings {
            self.conn
                .prepare_cached(
                    "INSERT INTO reservation_uses (reservation, promotion, units, given, currency, coupon)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    id,
                    taking.promotion,
                    taking.units,
                    taking.given.minor,
                    currency_code(taking.given.currency),
                    taking.coupon,
                ])?;
            self.count(taking, 1)?;
        }
        Ok(UsageStanding::Held.at(reservation.expires_at(), now).answer(reservation.expires_at()))
    }

    fn commit_reservation(&mut self, key: &ReservationKey, now: Timestamp) -> Result<Committed> {
        let Some(stored) = self.reservation(key)? else { return Ok(Committed::Unknown) };
        match stored.standing.at(stored.expires_at, now) {
            UsageStanding::Held => {
                self.conn.prepare_cached("UPDATE reservations SET standing = 1 WHERE id = ?1")?.execute([stored.id])?;
                Ok(Committed::Done)
            }
            UsageStanding::Committed => Ok(Committed::Done),
            UsageStanding::Ended(ended) => Ok(Committed::Ended(ended)),
        }
    }

    fn release_reservation(&mut self, key: &ReservationKey, held_alone: bool, now: Timestamp) -> Result<Released> {
        let Some(stored) = self.reservation(key)? else { return Ok(Released::Unknown) };
        match stored.standing.at(stored.expires_at, now) {
            UsageStanding::Committed if held_alone || stored.on_cancel == OnCancel::Keep => Ok(Released::Kept),
            UsageStanding::Held | UsageStanding::Committed => {
                self.end(stored.id, Ended::Released, now)?;
                Ok(Released::Done)
            }
            UsageStanding::Ended(Ended::Released) => Ok(Released::Done),
            UsageStanding::Ended(Ended::Expired) => Ok(Released::Expired),
        }
    }

    /// Takes off the sums what a reservation took.
    fn end(&mut self, reservation: i64, ended: Ended, at: Timestamp) -> Result<()> {
        for taking in self.takings(reservation)? {
            self.count(&taking, -1)?;
        }
        let standing = code_of(&STANDINGS, &UsageStanding::Ended(ended));
        let mut update = self.conn.prepare_cached("UPDATE reservations SET standing = ?2, ended_at = ?3 WHERE id = ?1")?;
        update.execute(params![reservation, standing, at.as_microsecond()])?;
        Ok(())
    }

    fn sweep_reservations(&mut self, now: Timestamp, most: usize) -> Result<usize> {
        let expired: Vec<(i64, i64)> = {
            let mut select = self.conn.prepare_cached(
                "SELECT id, expires_at FROM reservations WHERE standing = 0 AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
            )?;
            let rows = select.query_map(params![now.as_microsecond(), limit(most)], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_>>()?
        };
        for (id, expires_at) in &expired {
            self.end(*id, Ended::Expired, instant(*expires_at)?)?;
        }
        let old = now.checked_sub(KEPT).map_or(i64::MIN, Timestamp::as_microsecond);
        let forgotten: Vec<i64> = {
            let mut select = self.conn.prepare_cached(
                "SELECT id FROM reservations WHERE ended_at IS NOT NULL AND ended_at <= ?1 ORDER BY ended_at LIMIT ?2",
            )?;
            let rows = select.query_map(params![old, limit(most)], |row| row.get(0))?;
            rows.collect::<Result<_>>()?
        };
        for id in forgotten {
            self.conn.prepare_cached("DELETE FROM reservation_uses WHERE reservation = ?1")?.execute([id])?;
            self.conn.prepare_cached("DELETE FROM reservations WHERE id = ?1")?.execute([id])?;
        }
        Ok(expired.len())
    }
}

impl Taking {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            promotion: row.get(0)?,
            customer: row.get(1)?,
            units: row.get(2)?,
            given: Money::new(row.get(3)?, currency(row.get(4)?)?),
            coupon: row.get(5)?,
            reservation: row.get(6)?,
            expires_at: row.get(7)?,
        })
    }
}

impl UsageReads for Store {
    async fn left(
        &self,
        asked: &[LimitAsked],
        freed: &[ReservationKey],
        now: Timestamp,
    ) -> std::result::Result<BTreeMap<String, Left>, PortError> {
        if asked.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.read(|db| {
            let mut gone = db.unswept(now)?;
            for key in freed.iter().collect::<BTreeSet<_>>() {
                if let Some(held) = db.held(key, now)? {
                    gone.extend(db.takings(held.id)?);
                }
            }
            let left = |asked: &LimitAsked| {
                Ok((asked.promotion.to_string(), db.taken(TakenOf::asked(asked), &gone)?.left(&asked.limit)))
            };
            asked.iter().map(left).collect()
        })
    }
}

impl Usage for Store {
    async fn reserve(&self, reservation: &Reservation, now: Timestamp) -> std::result::Result<Reserved, PortError> {
        self.write(|db| db.reserve(reservation, now))
    }

    async fn commit(&self, key: &ReservationKey, now: Timestamp) -> std::result::Result<Committed, PortError> {
        self.write(|db| db.commit_reservation(key, now))
    }

    async fn release_held(&self, key: &ReservationKey, now: Timestamp) -> std::result::Result<Released, PortError> {
        self.write(|db| db.release_reservation(key, true, now))
    }

    async fn release(&self, key: &ReservationKey, now: Timestamp) -> std::result::Result<Released, PortError> {
        self.write(|db| db.release_reservation(key, false, now))
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> std::result::Result<usize, PortError> {
        self.write(|db| db.sweep_reservations(now, most))
    }
}
