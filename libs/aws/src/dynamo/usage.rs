//! The usage ledger. Sums stand in counters, of each promotion, customer and code; a hold is an item beside its promotion's, in the
//! order in which holds expire. One transaction moves a reservation, its holds and its sums together, each sum on condition that
//! its limit is kept: so orders at the same moment conflict over an item and not over what they read before.
//!
//! What has expired is still counted until somebody needs it or sweeps it. Reads subtract it; who is given it ends it first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Currency, Money};
use pricestream_ports::{
    Committed, Conditional, Ended, KEPT, PortError, Refusal, Released, Reservation, ReservationKey, Reserved, Taken, TakenOf,
    Usage, UsageReads, UsageStanding,
};
use pricestream_promotion_engine::{Left, Limit, LimitAsked, OnCancel};
use serde::{Deserialize, Serialize};

use super::item::{Item, from_item, item, number, number_of, text, text_of, to_item};
use super::{DynamoStore, unavailable};

/// Items that one transaction writes, at most (DynamoDB): up to four for each limited promotion of a reservation.
const MOST_WRITES: usize = 100;

/// Expired holds of others that one reservation ends.
const MOST_ENDED: usize = 10;

/// Times that a transaction is tried anew when others write the same items.
const ATTEMPTS: u32 = 12;

/// Partitions of the index of what is held.
const HELD_SHARDS: u8 = 8;

/// A reservation as stored.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    name: String,
    part: String,
    content: ContentHash,
    customer: Option<String>,
    uses: Vec<Taking>,
    on_cancel: OnCancel,
    until: Timestamp,
    standing: Standing,
    /// Microseconds; the key of the index while it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_shard: Option<String>,
    expires_at: i64,
    /// Microseconds, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Held,
    Committed,
    Expired,
    Released,
}

/// What a reservation takes of a promotion.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Taking {
    promotion: String,
    units: u64,
    given: Money,
    coupon: Option<String>,
}

/// A hold that does not count: it has expired and nobody has ended it yet, or it is about to be given back.
#[derive(Debug, Deserialize)]
struct Uncounted {
    key: String,
    customer: Option<String>,
    units: u64,
    given: Money,
    coupon: Option<String>,
}

impl Standing {
    fn of_port(self) -> UsageStanding {
        match self {
            Self::Held => UsageStanding::Held,
            Self::Committed => UsageStanding::Committed,
            Self::Expired => UsageStanding::Ended(Ended::Expired),
            Self::Released => UsageStanding::Ended(Ended::Released),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Committed => "committed",
            Self::Expired => "expired",
            Self::Released => "released",
        }
    }
}

impl Stored {
    fn at(&self, now: Timestamp) -> UsageStanding {
        self.standing.of_port().at(self.until, now)
    }

    /// What it holds of a promotion.
    fn holds_of(&self, key: &ReservationKey, promotion: &str) -> impl Iterator<Item = Uncounted> {
        self.uses.iter().filter(move |taking| taking.promotion == promotion).map(|taking| Uncounted {
            key: key.as_str().to_owned(),
            customer: self.customer.clone(),
            units: taking.units,
            given: taking.given,
            coupon: taking.coupon.clone(),
        })
    }

    /// It ended so long ago that nobody remembers it.
    fn is_forgotten(&self, now: Timestamp) -> bool {
        self.ended_at.is_some_and(|ended| ended <= forgotten(now))
    }
}

/// What ended by then is forgotten.
fn forgotten(now: Timestamp) -> i64 {
    now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN).as_microsecond()
}

fn of_reservation(key: &str) -> [(&'static str, AttributeValue); 2] {
    [("name", text(format!("reservation#{key}"))), ("part", text("-"))]
}

fn of_promotion(promotion: &str, part: String) -> [(&'static str, AttributeValue); 2] {
    [("name", text(format!("promotion#{promotion}"))), ("part", text(part))]
}

fn hold_part(expires_at: i64, key: &str) -> String {
    format!("held#{expires_at:020}#{key}")
}

const ALL: &str = "all";

fn customer_part(customer: &str) -> String {
    format!("customer#{customer}")
}

fn coupon_part(code: &str) -> String {
    format!("coupon#{code}")
}

fn given_in(currency: Currency) -> String {
    format!("given_{}", currency.code())
}

fn held_shard(key: &str) -> String {
    (ContentHash::of(key.as_bytes()).as_bytes()[0] % HELD_SHARDS).to_string()
}

/// How sums move together, by promotion and part: a transaction writes an item once, whatever moves it.
#[derive(Debug, Default)]
struct Sums<'a>(BTreeMap<(&'a str, String), BTreeMap<String, Move>>);

/// By how much a sum moves, and what it may be afterwards at most.
#[derive(Clone, Copy, Debug, Default)]
struct Move {
    by: i128,
    most: Option<i128>,
}

impl<'a> Sums<'a> {
    fn add(&mut self, promotion: &'a str, part: String, name: &str, by: i128, most: Option<i128>) {
        let moved = self.0.entry((promotion, part)).or_default().entry(name.to_owned()).or_default();
        moved.by += by;
        moved.most = moved.most.or(most);
    }

    /// What one use takes, each sum on condition that its limit is kept.
    fn take(&mut self, customer: Option<&str>, taking: &'a Taking, limit: &Limit) {
        let most = |limit: Option<u64>| limit.map(i128::from);
        let most_given = limit.budget.map_or(i64::MAX, |budget| budget.minor);
        self.count(
            customer,
            taking,
            1,
            [most(limit.uses), most(limit.units), Some(most_given.into())],
            [most(limit.uses_per_customer), most(limit.units_per_customer), most(limit.uses_per_coupon)],
        );
    }

    /// What one use took, and takes no more.
    fn give_back(&mut self, customer: Option<&str>, taking: &'a Taking) {
        self.count(customer, taking, -1, [None; 3], [None; 3]);
    }

    fn count(
        &mut self,
        customer: Option<&str>,
        taking: &'a Taking,
        sign: i128,
        [uses, units, given]: [Option<i128>; 3],
        [customer_uses, customer_units, coupon_uses]: [Option<i128>; 3],
    ) {
        let promotion = taking.promotion.as_str();
        let of_units = sign * i128::from(taking.units);
        self.add(promotion, ALL.to_owned(), "uses", sign, uses);
        self.add(promotion, ALL.to_owned(), "units", of_units, units);
        self.add(promotion, ALL.to_owned(), &given_in(taking.given.currency), sign * i128::from(taking.given.minor), given);
        if let Some(customer) = customer {
            self.add(promotion, customer_part(customer), "uses", sign, customer_uses);
            self.add(promotion, customer_part(customer), "units", of_units, customer_units);
        }
        if let Some(code) = &taking.coupon {
            self.add(promotion, coupon_part(code), "uses", sign, coupon_uses);
        }
    }
}

impl DynamoStore {
    fn usage_updates(&self, sums: Sums<'_>) -> Result<Vec<TransactWriteItem>, PortError> {
        let write = |((promotion, part), moves): ((&str, String), BTreeMap<String, Move>)| {
            let mut update = Update::builder().table_name(&self.tables.usage).set_key(Some(item(of_promotion(promotion, part))));
            let (mut adds, mut conditions) = (Vec::new(), Vec::new());
            for (place, (name, Move { by, most })) in moves.into_iter().enumerate() {
                update = update.expression_attribute_names(format!("#{place}"), name);
                update = update.expression_attribute_values(format!(":{place}"), number(by));
                adds.push(format!("#{place} :{place}"));
                if let Some(most) = most {
                    update = update.expression_attribute_values(format!(":most{place}"), number(most - by));
                    conditions.push(format!("(attribute_not_exists(#{place}) OR #{place} <= :most{place})"));
                }
            }
            update = update.update_expression(format!("ADD {}", adds.join(", ")));
            if !conditions.is_empty() {
                update = update.condition_expression(conditions.join(" AND "));
            }
            let update = update.build().map_err(|error| PortError::corrupt("usage", error))?;
            Ok(TransactWriteItem::builder().update(update).build())
        };
        sums.0.into_iter().map(write).collect()
    }

    fn usage_delete(&self, key: [(&'static str, AttributeValue); 2]) -> Result<TransactWriteItem, PortError> {
        let delete = Delete::builder().table_name(&self.tables.usage).set_key(Some(item(key))).build();
        Ok(TransactWriteItem::builder().delete(delete.map_err(|error| PortError::corrupt("usage", error))?).build())
    }

    async fn reservation(&self, key: &str, now: Timestamp) -> Result<Option<Stored>, PortError> {
        let found = self.get(&self.tables.usage, item(of_reservation(key))).await?;
        let stored: Option<Stored> = found.map(from_item).transpose()?;
        Ok(stored.filter(|stored| !stored.is_forgotten(now)))
    }

    /// A reservation that holds something.
    async fn held(&self, key: &ReservationKey, now: Timestamp) -> Result<Option<Stored>, PortError> {
        let stored = self.reservation(key.as_str(), now).await?;
        Ok(stored.filter(|stored| stored.at(now) == UsageStanding::Held))
    }

    /// Holds of a promotion that have expired.
    async fn expired(&self, promotion: &str, now: Timestamp) -> Result<Vec<Uncounted>, PortError> {
        let call = self
            .client
            .query()
            .table_name(&self.tables.usage)
            .key_condition_expression("#name = :name AND part BETWEEN :first AND :last")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", text(format!("promotion#{promotion}")))
            .expression_attribute_values(":first", text("held#"))
            // Everything that expires at this microsecond too: `$` comes after `#`.
            .expression_attribute_values(":last", text(format!("held#{:020}$", now.as_microsecond())))
            .consistent_read(true);
        let found: Result<Vec<Item>, _> = call.into_paginator().items().send().collect().await;
        found.map_err(unavailable)?.into_iter().map(from_item).collect()
    }

    /// What is taken, without what is `freed` and what has expired; and what has.
    async fn taken(&self, of: TakenOf<'_>, freed: Vec<Uncounted>, now: Timestamp) -> Result<(Taken, Vec<Uncounted>), PortError> {
        let part = |part: String| (self.tables.usage.as_str(), item(of_promotion(of.promotion, part)));
        let keys = std::iter::once(part(ALL.to_owned()))
            .chain(of.customer.map(|customer| part(customer_part(customer))))
            .chain(of.coupons.iter().map(|code| part(coupon_part(code))));
        let mut counters: BTreeMap<String, Item> = BTreeMap::new();
        for (_, found) in self.get_all(keys.collect()).await? {
            counters.insert(text_of(&found, "part")?.to_owned(), found);
        }
        let sum = |part: &str, name: &str| -> i128 {
            counters.get(part).and_then(|counter| number_of(counter, name).ok()).unwrap_or(0)
        };
        let expired = self.expired(of.promotion, now).await?;
        let less = |of_one: &dyn Fn(&Uncounted) -> i128| expired.iter().chain(&freed).map(of_one).sum::<i128>();
        let count = |sum: i128| u64::try_from(sum.max(0)).unwrap_or(u64::MAX);
        let is_customers = |hold: &Uncounted| of.customer.is_some() && hold.customer.as_deref() == of.customer;
        let customer = of.customer.map(customer_part).unwrap_or_default();
        let given = of.currency.map_or(0, |currency| {
            let in_it = |hold: &Uncounted| if hold.given.currency == currency { i128::from(hold.given.minor) } else { 0 };
            sum(ALL, &given_in(currency)) - less(&in_it)
        });
        let taken = Taken {
            uses: count(sum(ALL, "uses") - less(&|_| 1)),
            units: count(sum(ALL, "units") - less(&|hold| hold.units.into())),
            given: i64::try_from(given).unwrap_or(i64::MAX),
            customer_uses: count(sum(&customer, "uses") - less(&|hold| is_customers(hold).into())),
            customer_units: count(sum(&customer, "units") - less(&|hold| if is_customers(hold) { hold.units.into() } else { 0 })),
            coupons: of
                .coupons
                .iter()
                .map(|code| count(sum(&coupon_part(code), "uses") - less(&|hold| (hold.coupon.as_ref() == Some(code)).into())))
                .collect(),
        };
        Ok((taken, expired))
    }

    /// The hold of one use.
    fn hold(&self, reservation: &Reservation, taking: &Taking) -> Result<TransactWriteItem, PortError> {
        let key = reservation.key().as_str();
        let mut hold = item(of_promotion(&taking.promotion, hold_part(reservation.expires_at().as_microsecond(), key)));
        hold.extend(to_item(taking)?);
        hold.insert("key".to_owned(), text(key));
        hold.insert("customer".to_owned(), reservation.customer().map_or(AttributeValue::Null(true), text));
        Self::put(&self.tables.usage, hold, None)
    }

    /// Moves a reservation from where it stands to another standing, with its holds and, when it is over, its sums.
    async fn settle(
        &self,
        key: &str,
        stored: &Stored,
        to: Standing,
        ended_at: Option<Timestamp>,
    ) -> Result<Conditional, PortError> {
        let mut writes = self.settled(key, stored, to, ended_at)?;
        if ended_at.is_some() {
            let mut sums = Sums::default();
            stored.uses.iter().for_each(|taking| sums.give_back(stored.customer.as_deref(), taking));
            writes.extend(self.usage_updates(sums)?);
        }
        self.transact(writes.into_iter().map(Ok)).await
    }

    /// The same without the sums.
    fn settled(
        &self,
        key: &str,
        stored: &Stored,
        to: Standing,
        ended_at: Option<Timestamp>,
    ) -> Result<Vec<TransactWriteItem>, PortError> {
        let mut update = Update::builder()
            .table_name(&self.tables.usage)
            .set_key(Some(item(of_reservation(key))))
            .condition_expression("standing = :from AND content = :content")
            .expression_attribute_values(":from", text(stored.standing.name()))
            .expression_attribute_values(":content", text(stored.content.to_string()))
            .expression_attribute_values(":to", text(to.name()));
        let mut set = "SET standing = :to".to_owned();
        if let Some(ended_at) = ended_at {
            let forget_at = ended_at.saturating_add(KEPT).unwrap_or(Timestamp::MAX).as_second();
            set.push_str(", ended_at = :ended, forget_at = :forget");
            update = update
                .expression_attribute_values(":ended", number(ended_at.as_microsecond()))
                .expression_attribute_values(":forget", number(forget_at));
        }
        let update = update.update_expression(format!("{set} REMOVE held_shard")).build();
        let update = update.map_err(|error| PortError::corrupt("usage", error))?;
        let mut writes = vec![TransactWriteItem::builder().update(update).build()];
        for taking in &stored.uses {
            if stored.standing == Standing::Held {
                writes.push(self.usage_delete(of_promotion(&taking.promotion, hold_part(stored.expires_at, key)))?);
            }
        }
        Ok(writes)
    }

    async fn give_back(&self, key: &ReservationKey, held_alone: bool, now: Timestamp) -> Result<Released, PortError> {
        let key = key.as_str();
        for attempt in 0..ATTEMPTS {
            let Some(stored) = self.reservation(key, now).await? else { return Ok(Released::Unknown) };
            match stored.at(now) {
                UsageStanding::Committed if held_alone || stored.on_cancel == OnCancel::Keep => return Ok(Released::Kept),
                UsageStanding::Ended(Ended::Released) => return Ok(Released::Done),
                UsageStanding::Ended(Ended::Expired) => return Ok(Released::Expired),
                UsageStanding::Held | UsageStanding::Committed => {}
            }
            if self.settle(key, &stored, Standing::Released, Some(now)).await? == Conditional::Written {
                return Ok(Released::Done);
            }
            pause(key, attempt).await;
        }
        Err(contended(key))
    }

    /// Ends a hold for good, if it is still held and has expired; whether this did.
    async fn expire(&self, key: &str, now: Timestamp) -> Result<bool, PortError> {
        for attempt in 0..ATTEMPTS {
            let Some(stored) = self.reservation(key, now).await? else { return Ok(false) };
            if stored.standing != Standing::Held || stored.until > now {
                return Ok(false);
            }
            if self.settle(key, &stored, Standing::Expired, Some(stored.until)).await? == Conditional::Written {
                return Ok(true);
            }
            pause(key, attempt).await;
        }
        Err(contended(key))
    }
}

/// Waits longer each time, and not as long as others do: by the key, since nothing here is random.
async fn pause(key: &str, attempt: u32) {
    let apart = u64::from(ContentHash::of(format!("{key}/{attempt}").as_bytes()).as_bytes()[0]);
    tokio::time::sleep(Duration::from_millis((5_u64 << attempt.min(6)) + apart % (5 << attempt.min(6)))).await;
}

fn contended(key: &str) -> PortError {
    PortError::unavailable("usage", format!("reservation {key:?} meets too many others: try again"))
}

impl UsageReads for DynamoStore {
    async fn left(
        &self,
        asked: &[LimitAsked],
        freed: &[ReservationKey],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Left>, PortError> {
        let mut held = Vec::new();
        for key in freed.iter().collect::<BTreeSet<_>>() {
            held.extend(self.held(key, now).await?.map(|stored| (key, stored)));
        }
        let mut left = BTreeMap::new();
        for asked in asked {
            let freed = held.iter().flat_map(|(key, stored)| stored.holds_of(key, &asked.promotion)).collect();
            let (taken, _) = self.taken(TakenOf::asked(asked), freed, now).await?;
            left.insert(asked.promotion.to_string(), taken.left(&asked.limit));
        }
        Ok(left)
    }
}

impl Usage for DynamoStore {
    async fn reserve(&self, reservation: &Reservation, now: Timestamp) -> Result<Reserved, PortError> {
        let key = reservation.key().as_str();
        for attempt in 0..ATTEMPTS {
            if let Some(stored) = self.reservation(key, now).await? {
                if stored.content != reservation.content() {
                    return Ok(Reserved::Conflict);
                }
                return Ok(stored.at(now).answer(stored.until));
            }
            let replaced = match reservation.instead_of() {
                Some(other) => self.held(other, now).await?.map(|stored| (other, stored)),
                None => None,
            };
            let (mut uses, mut over) = (Vec::new(), Vec::new());
            for used in reservation.uses() {
                let freed = replaced.iter().flat_map(|(key, stored)| stored.holds_of(key, &used.promotion)).collect();
                let (taken, expired) = self.taken(TakenOf::used(reservation, used), freed, now).await?;
                let limit = reservation.limit_of(&used.promotion).cloned().unwrap_or_default();
                let coupon = match taken.admit(&limit, used) {
                    Ok(coupon) => coupon.map(|place| used.coupons[place].clone()),
                    Err(what) => {
                        let promotion = std::sync::Arc::clone(&used.promotion);
                        return Ok(Reserved::Refused(Refusal { promotion, what, left: taken.left(&limit) }));
                    }
                };
                over.extend(expired.into_iter().map(|hold| hold.key));
                uses.push(Taking { promotion: used.promotion.to_string(), units: used.units, given: used.given, coupon });
            }
            over.sort_unstable();
            over.dedup();
            // A sum refuses as long as it counts them. After a sale there are many: reconciler ends the rest, each minute.
            for other in over.iter().take(MOST_ENDED) {
                self.expire(other, now).await?;
            }
            let [(_, name), (_, part)] = of_reservation(key);
            let (name, part) = (name.as_s().cloned().unwrap_or_default(), part.as_s().cloned().unwrap_or_default());
            let stored = Stored {
                name,
                part,
                content: reservation.content(),
                customer: reservation.customer().map(str::to_owned),
                uses,
                on_cancel: reservation.on_cancel(),
                until: reservation.expires_at(),
                standing: Standing::Held,
                held_shard: Some(held_shard(key)),
                expires_at: reservation.expires_at().as_microsecond(),
                ended_at: None,
            };
            let is_new = "attribute_not_exists(#name) OR ended_at <= :forgotten".to_owned();
            let is_new = (is_new, vec![(":forgotten", number(forgotten(now)))]);
            let mut writes = vec![Self::put(&self.tables.usage, to_item(&stored)?, Some(is_new))?];
            let mut sums = Sums::default();
            for taking in &stored.uses {
                let limit = reservation.limit_of(&taking.promotion).cloned().unwrap_or_default();
                sums.take(reservation.customer(), taking, &limit);
                writes.push(self.hold(reservation, taking)?);
            }
            if let Some((other, of_other)) = &replaced {
                of_other.uses.iter().for_each(|taking| sums.give_back(of_other.customer.as_deref(), taking));
                writes.extend(self.settled(other.as_str(), of_other, Standing::Released, Some(now))?);
            }
            writes.extend(self.usage_updates(sums)?);
            if writes.len() > MOST_WRITES {
                let why = format!(
                    "it takes {} writes at once, and {MOST_WRITES} is the most: use fewer limited promotions",
                    writes.len()
                );
                return Err(PortError::corrupt("usage", why));
            }
            if self.transact(writes.into_iter().map(Ok)).await? == Conditional::Written {
                return Ok(stored.at(now).answer(stored.until));
            }
            pause(key, attempt).await;
        }
        Err(contended(key))
    }

    async fn commit(&self, key: &ReservationKey, now: Timestamp) -> Result<Committed, PortError> {
        let key = key.as_str();
        for attempt in 0..ATTEMPTS {
            let Some(stored) = self.reservation(key, now).await? else { return Ok(Committed::Unknown) };
            match stored.at(now) {
                UsageStanding::Committed => return Ok(Committed::Done),
                UsageStanding::Ended(ended) => return Ok(Committed::Ended(ended)),
                UsageStanding::Held => {}
            }
            if self.settle(key, &stored, Standing::Committed, None).await? == Conditional::Written {
                return Ok(Committed::Done);
            }
            pause(key, attempt).await;
        }
        Err(contended(key))
    }

    async fn release_held(&self, key: &ReservationKey, now: Timestamp) -> Result<Released, PortError> {
        self.give_back(key, true, now).await
    }

    async fn release(&self, key: &ReservationKey, now: Timestamp) -> Result<Released, PortError> {
        self.give_back(key, false, now).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, PortError> {
        let mut swept = 0;
        for shard in 0..HELD_SHARDS {
            let call = self
                .client
                .query()
                .table_name(&self.tables.usage)
                .index_name("held")
                .key_condition_expression("held_shard = :shard AND expires_at <= :now")
                .expression_attribute_values(":shard", text(shard.to_string()))
                .expression_attribute_values(":now", number(now.as_microsecond()));
            let mut pages = call.into_paginator().items().send();
            while swept < most
                && let Some(found) = pages.next().await
            {
                let found = found.map_err(unavailable)?;
                if let Some(key) = text_of(&found, "name")?.strip_prefix("reservation#") {
                    swept += usize::from(self.expire(key, now).await?);
                }
            }
        }
        Ok(swept)
    }
}
