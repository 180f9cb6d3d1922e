//! The usage ledger. Sums stand in counters, of each promotion, customer and code; a hold is an item beside its promotion's, in the
//! order in which holds expire. One transaction moves a reservation, its holds and its sums together, each sum on condition that
//! its limit is kept: so orders at the same moment conflict over an item and not over what they read before.
//!
//! What has expired is still counted until somebody needs it or sweeps it. Reads subtract it; who is given it ends it first.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{Currency, Money};
use pricestream_ports::{
    Committed, Conditional, Ended, KEPT, PortError, Refusal, Released, Reservation, ReservationKey, Reserved, Taken, TakenOf,
    Usage, UsageReads, UsageStanding,
};
use pricestream_promotion_engine::{Left, Limit, LimitAsked, OnCancel, Use};
use serde::{Deserialize, Serialize};

use super::item::{Item, from_item, item, number, number_of, text, text_of, to_item};
use super::{DynamoStore, unavailable};

/// Limited promotions of one reservation, at most: a transaction writes 100 items, and each promotion takes up to four.
const MOST_USES: usize = 24;

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
struct Expired {
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

/// A sum that is moved, and the most that it may be before.
struct Move<'a> {
    name: &'a str,
    by: i128,
    at_most: Option<i128>,
}

impl DynamoStore {
    fn usage_update(&self, key: [(&'static str, AttributeValue); 2], moves: &[Move<'_>]) -> Result<TransactWriteItem, PortError> {
        let mut update = Update::builder().table_name(&self.tables.usage).set_key(Some(item(key)));
        let (mut adds, mut conditions) = (Vec::new(), Vec::new());
        for (place, of) in moves.iter().enumerate() {
            update = update.expression_attribute_names(format!("#{place}"), of.name);
            update = update.expression_attribute_values(format!(":{place}"), number(of.by));
            adds.push(format!("#{place} :{place}"));
            if let Some(most) = of.at_most {
                update = update.expression_attribute_values(format!(":most{place}"), number(most));
                conditions.push(format!("(attribute_not_exists(#{place}) OR #{place} <= :most{place})"));
            }
        }
        update = update.update_expression(format!("ADD {}", adds.join(", ")));
        if !conditions.is_empty() {
            update = update.condition_expression(conditions.join(" AND "));
        }
        let update = update.build().map_err(|error| PortError::corrupt("usage", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
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

    /// Holds of a promotion that have expired.
    async fn expired(&self, promotion: &str, now: Timestamp) -> Result<Vec<Expired>, PortError> {
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
    async fn taken(&self, of: TakenOf<'_>, freed: Vec<Expired>, now: Timestamp) -> Result<(Taken, Vec<Expired>), PortError> {
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
        let less = |of_one: &dyn Fn(&Expired) -> i128| expired.iter().chain(&freed).map(of_one).sum::<i128>();
        let count = |sum: i128| u64::try_from(sum.max(0)).unwrap_or(u64::MAX);
        let is_customers = |hold: &Expired| of.customer.is_some() && hold.customer.as_deref() == of.customer;
        let customer = of.customer.map(customer_part).unwrap_or_default();
        let given = of.currency.map_or(0, |currency| {
            let in_it = |hold: &Expired| if hold.given.currency == currency { i128::from(hold.given.minor) } else { 0 };
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

    /// What one use adds to the sums, each on condition that its limit is kept; and its hold.
    fn take(&self, reservation: &Reservation, used: &Use, coupon: Option<&str>) -> Result<Vec<TransactWriteItem>, PortError> {
        let limit = reservation.limit_of(&used.promotion).cloned().unwrap_or_default();
        let Limit { uses, uses_per_customer, units, units_per_customer, uses_per_coupon, budget, .. } = limit;
        let below = |limit: Option<u64>, by: u64| limit.map(|limit| i128::from(limit) - i128::from(by));
        let given = given_in(used.given.currency);
        let most_given = budget.map_or(i128::from(i64::MAX), |budget| budget.minor.into()) - i128::from(used.given.minor);
        let key = |part: String| of_promotion(&used.promotion, part);
        let mut writes = vec![self.usage_update(
            key(ALL.to_owned()),
            &[
                Move { name: "uses", by: 1, at_most: below(uses, 1) },
                Move { name: "units", by: used.units.into(), at_most: below(units, used.units) },
                Move { name: &given, by: used.given.minor.into(), at_most: Some(most_given) },
            ],
        )?];
        if let Some(customer) = reservation.customer() {
            writes.push(self.usage_update(
                key(customer_part(customer)),
                &[
                    Move { name: "uses", by: 1, at_most: below(uses_per_customer, 1) },
                    Move { name: "units", by: used.units.into(), at_most: below(units_per_customer, used.units) },
                ],
            )?);
        }
        if let Some(code) = coupon {
            let moved = [Move { name: "uses", by: 1, at_most: below(uses_per_coupon, 1) }];
            writes.push(self.usage_update(key(coupon_part(code)), &moved)?);
        }
        let expires_at = reservation.expires_at().as_microsecond();
        let mut hold = item(key(hold_part(expires_at, reservation.key().as_str())));
        let of_hold = Taking {
            promotion: used.promotion.to_string(),
            units: used.units,
            given: used.given,
            coupon: coupon.map(str::to_owned),
        };
        hold.extend(to_item(&of_hold)?);
        hold.insert("key".to_owned(), text(reservation.key().as_str()));
        hold.insert("customer".to_owned(), reservation.customer().map_or(AttributeValue::Null(true), text));
        writes.push(Self::put(&self.tables.usage, hold, None)?);
        Ok(writes)
    }

    /// What takes one use off the sums again.
    fn give_back(&self, stored: &Stored, taking: &Taking) -> Result<Vec<TransactWriteItem>, PortError> {
        let key = |part: String| of_promotion(&taking.promotion, part);
        let given = given_in(taking.given.currency);
        let (uses, units) = (-1, -i128::from(taking.units));
        let mut writes = vec![self.usage_update(
            key(ALL.to_owned()),
            &[
                Move { name: "uses", by: uses, at_most: None },
                Move { name: "units", by: units, at_most: None },
                Move { name: &given, by: -i128::from(taking.given.minor), at_most: None },
            ],
        )?];
        if let Some(customer) = &stored.customer {
            let moves = [Move { name: "uses", by: uses, at_most: None }, Move { name: "units", by: units, at_most: None }];
            writes.push(self.usage_update(key(customer_part(customer)), &moves)?);
        }
        if let Some(code) = &taking.coupon {
            writes.push(self.usage_update(key(coupon_part(code)), &[Move { name: "uses", by: uses, at_most: None }])?);
        }
        Ok(writes)
    }

    /// Moves a reservation from where it stands to another standing, with its holds and, when it is over, its sums.
    async fn settle(
        &self,
        key: &str,
        stored: &Stored,
        to: Standing,
        ended_at: Option<Timestamp>,
    ) -> Result<Conditional, PortError> {
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
            if ended_at.is_some() {
                writes.extend(self.give_back(stored, taking)?);
            }
        }
        self.transact(writes.into_iter().map(Ok)).await
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
        for key in freed {
            let stored = self.reservation(key.as_str(), now).await?;
            held.extend(stored.filter(|stored| stored.at(now) == UsageStanding::Held).map(|stored| (key.as_str(), stored)));
        }
        let mut left = BTreeMap::new();
        for asked in asked {
            let of_promotion = held.iter().flat_map(|(key, stored)| {
                let of_it = stored.uses.iter().filter(|taking| taking.promotion == *asked.promotion);
                of_it.map(|taking| Expired {
                    key: (*key).to_owned(),
                    customer: stored.customer.clone(),
                    units: taking.units,
                    given: taking.given,
                    coupon: taking.coupon.clone(),
                })
            });
            let (taken, _) = self.taken(TakenOf::asked(asked), of_promotion.collect(), now).await?;
            left.insert(asked.promotion.to_string(), taken.left(&asked.limit));
        }
        Ok(left)
    }
}

impl Usage for DynamoStore {
    async fn reserve(&self, reservation: &Reservation, now: Timestamp) -> Result<Reserved, PortError> {
        let key = reservation.key().as_str();
        if reservation.uses().len() > MOST_USES {
            let why = format!("an order uses {MOST_USES} limited promotions at most, this one {}", reservation.uses().len());
            return Err(PortError::corrupt("usage", why));
        }
        for attempt in 0..ATTEMPTS {
            if let Some(stored) = self.reservation(key, now).await? {
                if stored.content != reservation.content() {
                    return Ok(Reserved::Conflict);
                }
                return Ok(stored.at(now).answer(stored.until));
            }
            let (mut uses, mut over, mut writes) = (Vec::new(), Vec::new(), Vec::new());
            for used in reservation.uses() {
                let (taken, expired) = self.taken(TakenOf::used(reservation, used), Vec::new(), now).await?;
                let limit = reservation.limit_of(&used.promotion).cloned().unwrap_or_default();
                let coupon = match taken.admit(&limit, used) {
                    Ok(coupon) => coupon.map(|place| used.coupons[place].as_str()),
                    Err(what) => {
                        let promotion = std::sync::Arc::clone(&used.promotion);
                        return Ok(Reserved::Refused(Refusal { promotion, what, left: taken.left(&limit) }));
                    }
                };
                over.extend(expired.into_iter().map(|hold| hold.key));
                writes.extend(self.take(reservation, used, coupon)?);
                uses.push(Taking {
                    promotion: used.promotion.to_string(),
                    units: used.units,
                    given: used.given,
                    coupon: coupon.map(str::to_owned),
                });
            }
            over.sort_unstable();
            over.dedup();
            for other in &over {
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
            let is_new = (
                "attribute_not_exists(#name) OR ended_at <= :forgotten".to_owned(),
                vec![(":forgotten", number(forgotten(now)))],
            );
            writes.push(Self::put(&self.tables.usage, to_item(&stored)?, Some(is_new))?);
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

    async fn release(&self, key: &ReservationKey, now: Timestamp) -> Result<Released, PortError> {
        let key = key.as_str();
        for attempt in 0..ATTEMPTS {
            let Some(stored) = self.reservation(key, now).await? else { return Ok(Released::Unknown) };
            match stored.at(now) {
                UsageStanding::Committed if stored.on_cancel == OnCancel::Keep => return Ok(Released::Kept),
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
