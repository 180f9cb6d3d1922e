use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::{BasisPoints, Currency, Money, Sku};
use schemars::JsonSchema;
use serde::Serialize;

use crate::because::Because;
use crate::components::{GiftItem, OpenChoice};
use crate::coupons::{CouponStatus, QuotedCoupon};
use crate::degraded::Degraded;
use crate::document::guards::Action;
use crate::gifts::{QuotedGift, open};
use crate::grouping::Group;
use crate::guard::{Guard, Risk};
use crate::near_miss::{NearMiss, near_misses};
use crate::quote::{Quote, QuotedLine, QuotedPostage, TaxTotal, UnitShare};
use crate::record::{Decision, Outcome, Reason};
use crate::scenario::Scenario;

/// A quote as a shop reads it: the answer of every scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct QuoteAnswer {
    /// Hash of the rule set that it was priced under.
    #[schemars(with = "String")]
    pub rule_set: ContentHash,
    /// The instant that it was priced at.
    pub at: Timestamp,
    /// What is paid: goods and postage, and the tax where it comes on top.
    pub payable: Money,
    /// Goods before promotions.
    pub goods: Money,
    /// Off the goods.
    pub goods_off: Money,
    /// Postage, when it is known.
    pub postage: Option<AnsweredPostage>,
    /// What `payable` holds of tax, by rate.
    pub taxes: Vec<AnsweredTax>,
    /// In the order of the basket.
    pub lines: Vec<AnsweredLine>,
    /// Who pays for the promotions.
    pub funding: Vec<AnsweredFunding>,
    /// Every promotion that was considered, once.
    pub promotions: Vec<AnsweredPromotion>,
    /// What was paid out of each red packet that was used.
    pub red_packets: Vec<AnsweredPacket>,
    /// Points that were spent.
    pub points: u64,
    /// What became of each code that was given, once however it is spelled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<AnsweredCoupon>,
    /// Goods that the shop adds to the order for nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gifts: Vec<AnsweredGift>,
    /// Gifts that the customer may still choose.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gift_offers: Vec<AnsweredOffer>,
    /// What would apply with a little more, the least first.
    pub near_misses: Vec<NearMiss>,
    /// The orders that the shop makes of the basket, where the request says by what. Each of their amounts adds up to that of the
    /// whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<AnsweredGroup>,
    /// Components that it does without although promotions of theirs would have been tried.
    pub degraded: Vec<Degraded>,
    /// Guards that it passed.
    pub risks: Vec<AnsweredRisk>,
    /// What it was asked for.
    pub scenario: Scenario,
    /// Whether it may be sold, in that scenario.
    pub sellable: bool,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredLine {
    /// Its id.
    pub id: String,
    /// What it is of.
    pub sku: Sku,
    /// Units.
    pub quantity: u32,
    /// Before promotions.
    pub original: Money,
    /// After them.
    pub payable: Money,
    /// What its units cost after promotions, the dearest first.
    pub units: Vec<AnsweredUnits>,
    /// What each promotion takes off.
    pub off: Vec<AnsweredShare>,
    /// Tax in `payable`, or on top of it.
    pub tax: Money,
}

/// Units of a line that cost the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredUnits {
    /// How many.
    pub quantity: u32,
    /// Of one.
    pub payable: Money,
}

/// What a promotion takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredShare {
    /// Its id.
    pub promotion: String,
    /// Above zero.
    pub off: Money,
    /// Which units of the line get how much of it; absent where each unit of the line gets the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub units: Vec<AnsweredUnitShare>,
}

/// Units of a line, one after the other, that get the same of what a promotion takes off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredUnitShare {
    /// The first of them, counted from 1 within the line.
    pub first: u32,
    /// How many.
    pub quantity: u32,
    /// Off each of them, above zero.
    pub off: Money,
}

/// Postage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredPostage {
    /// Before promotions.
    pub original: Money,
    /// After them.
    pub payable: Money,
}

/// Tax at one rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredTax {
    /// The rate.
    pub rate_bp: BasisPoints,
    /// Without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// What a party pays of the promotions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredFunding {
    /// Who.
    pub party: String,
    /// How much.
    pub pays: Money,
}

/// A red packet that was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredPacket {
    /// Its id.
    pub id: String,
    /// What was paid out of it.
    pub used: Money,
}

/// One of the orders that a basket becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredGroup {
    /// The seller, warehouse or delivery; absent for lines that have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Ids of its lines.
    pub lines: Vec<String>,
    /// What is paid: goods and the share of the postage, and the tax where it comes on top.
    pub payable: Money,
    /// Goods before promotions.
    pub goods: Money,
    /// Off the goods.
    pub goods_off: Money,
    /// Its share of the postage, when that is known.
    pub postage: Option<AnsweredPostage>,
    /// What `payable` holds of tax, by rate.
    pub taxes: Vec<AnsweredTax>,
    /// Who pays for the promotions.
    pub funding: Vec<AnsweredFunding>,
    /// What each promotion takes off.
    pub promotions: Vec<AnsweredShare>,
}

/// What became of a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredCoupon {
    /// As it was given.
    pub code: String,
    /// `applied`; `no_effect`: a promotion is on, and did not apply; `used_up`: one is on, and no order may use the code
    /// any more; `not_yet`: none is on, one will be; `expired`: all are over; `unknown`: none knows it.
    pub status: &'static str,
    /// When the first promotion for it is on, of `not_yet`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Ids of the promotions that say so.
    pub promotions: Vec<String>,
    /// In words.
    pub why: String,
}

/// Goods for nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredGift {
    /// Id of the promotion that gives them.
    pub promotion: String,
    /// What they are.
    pub sku: Sku,
    /// Units.
    pub quantity: u64,
    /// The customer chose them.
    pub chosen: bool,
    /// What the units would cost, where that is known; no sum counts it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth: Option<Money>,
}

/// A gift that the customer may still choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredOffer {
    /// Id of the promotion: `gift_choices` names it.
    pub promotion: String,
    /// How often may be chosen; the same entry again as long as enough are left.
    pub choose: u64,
    /// Among these.
    pub choices: Vec<GiftItem>,
}

/// What became of a promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredPromotion {
    /// Its id.
    pub promotion: String,
    /// Its component.
    pub component: &'static str,
    /// What it takes off; zero when it was not applied.
    pub off: Money,
    /// Why it was not applied, as a code; absent when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declined: Option<&'static str>,
    /// The same, with what was found and what was needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Because>,
    /// What it would have taken off besides, and did not, because prices are at their floors; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfit: Option<Money>,
    /// What became of it, in words.
    pub why: String,
}

/// A guard that a price passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnsweredRisk {
    /// Which.
    pub guard: Guard,
    /// What the policy says is done.
    pub action: Action,
    /// The line that it is about; absent when it is the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Minor units, basis points or promotions, as the guard counts.
    pub actual: i64,
    /// What would have been in order, in the same.
    pub limit: i64,
    /// In words.
    pub why: String,
}

impl Risk {
    /// As a shop reads it; amounts are in `currency`.
    pub fn answer(&self, currency: Currency) -> AnsweredRisk {
        AnsweredRisk {
            guard: self.guard,
            action: self.action,
            line: self.line.as_deref().map(str::to_owned),
            actual: self.actual,
            limit: self.limit,
            why: self.sentence(currency),
        }
    }
}

impl Quote {
    /// As a shop reads it.
    pub fn answer(&self) -> QuoteAnswer {
        let money = |minor| Money::new(minor, self.currency);
        let shares = self.shares_by_line();
        let line = |(place, line): (usize, &QuotedLine)| AnsweredLine {
            id: line.id.to_string(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            original: money(line.original),
            payable: money(line.payable),
            units: self
                .units(place)
                .iter()
                .map(|units| AnsweredUnits { quantity: units.quantity, payable: money(units.payable) })
                .collect(),
            off: shares
                .of(self, place)
                .map(|share| {
                    let unit =
                        |run: UnitShare| AnsweredUnitShare { first: run.first, quantity: run.quantity, off: money(run.off) };
                    let alike = self.is_alike(share, line.quantity);
                    AnsweredShare {
                        promotion: self.decisions[share.decision as usize].promotion.to_string(),
                        off: money(share.off),
                        units: if alike { Vec::new() } else { self.unit_runs(share).map(unit).collect() },
                    }
                })
                .collect(),
            tax: money(line.tax),
        };
        let promotion = |decision: &Decision| {
            let (off, unfit, reason) = match &decision.outcome {
                Outcome::Applied { off, unfit, .. } => (*off, *unfit, None),
                Outcome::Declined(reason) => (0, 0, Some(reason)),
            };
            AnsweredPromotion {
                promotion: decision.promotion.to_string(),
                component: decision.component,
                off: money(off),
                declined: reason.map(Reason::code),
                because: reason.map(|reason| reason.because(self.currency)),
                unfit: (unfit > 0).then(|| money(unfit)),
                why: decision.outcome.sentence(self.currency),
            }
        };
        QuoteAnswer {
            rule_set: self.rule_set,
            at: self.at,
            payable: money(self.totals.payable),
            goods: money(self.totals.goods),
            goods_off: money(self.totals.goods_off),
            postage: self.answered_postage(self.postage.as_ref()),
            taxes: self.answered_taxes(&self.taxes),
            lines: self.lines.iter().enumerate().map(line).collect(),
            funding: self.answered_funding(&self.funding),
            promotions: self.decisions.iter().map(promotion).collect(),
            red_packets: self.answered_packets(),
            points: self.points,
            coupons: self.answered_coupons(),
            gifts: self.answered_gifts(),
            gift_offers: self.answered_offers(),
            near_misses: near_misses(&self.decisions, self.currency),
            groups: self.answered_groups(),
            degraded: self.degraded.clone(),
            risks: self.answered_risks(),
            scenario: self.scenario,
            sellable: self.sellable,
        }
    }

    pub(crate) fn answered_postage(&self, postage: Option<&QuotedPostage>) -> Option<AnsweredPostage> {
        let money = |minor| Money::new(minor, self.currency);
        postage.map(|postage| AnsweredPostage { original: money(postage.original), payable: money(postage.payable) })
    }

    pub(crate) fn answered_taxes(&self, taxes: &[TaxTotal]) -> Vec<AnsweredTax> {
        let money = |minor| Money::new(minor, self.currency);
        let tax = |total: &TaxTotal| AnsweredTax { rate_bp: total.rate, net: money(total.net), tax: money(total.tax) };
        taxes.iter().filter(|total| total.tax > 0).map(tax).collect()
    }

    pub(crate) fn answered_funding(&self, funding: &[(Arc<str>, i64)]) -> Vec<AnsweredFunding> {
        let pays = |(party, pays): &(Arc<str>, i64)| AnsweredFunding {
            party: party.to_string(),
            pays: Money::new(*pays, self.currency),
        };
        funding.iter().map(pays).collect()
    }

    pub(crate) fn answered_packets(&self) -> Vec<AnsweredPacket> {
        let packet = |(id, used): &(String, i64)| AnsweredPacket { id: id.clone(), used: Money::new(*used, self.currency) };
        self.red_packets.iter().map(packet).collect()
    }

    pub(crate) fn answered_coupons(&self) -> Vec<AnsweredCoupon> {
        let coupon = |coupon: &QuotedCoupon| AnsweredCoupon {
            code: coupon.code.clone(),
            status: coupon.status.code(),
            from: if let CouponStatus::NotYet { from } = coupon.status { Some(from) } else { None },
            promotions: coupon.decisions.iter().map(|at| self.decisions[*at as usize].promotion.to_string()).collect(),
            why: coupon.sentence(&self.decisions, self.currency),
        };
        self.coupons.iter().map(coupon).collect()
    }

    pub(crate) fn answered_gifts(&self) -> Vec<AnsweredGift> {
        let gift = |gift: &QuotedGift| AnsweredGift {
            promotion: gift.promotion.to_string(),
            sku: gift.sku.clone(),
            quantity: gift.quantity,
            chosen: gift.chosen,
            worth: gift.worth.map(|minor| Money::new(minor, self.currency)),
        };
        self.gifts.iter().map(gift).collect()
    }

    pub(crate) fn answered_offers(&self) -> Vec<AnsweredOffer> {
        let offer = |(decision, open): (&Decision, &OpenChoice)| AnsweredOffer {
            promotion: decision.promotion.to_string(),
            choose: open.choose,
            choices: open.among.clone(),
        };
        open(&self.decisions).map(offer).collect()
    }

    pub(crate) fn answered_groups(&self) -> Vec<AnsweredGroup> {
        let money = |minor| Money::new(minor, self.currency);
        let group = |group: &Group| AnsweredGroup {
            key: group.key.clone(),
            lines: group.lines.iter().map(|place| self.lines[*place as usize].id.to_string()).collect(),
            payable: money(group.payable),
            goods: money(group.goods),
            goods_off: money(group.goods_off),
            postage: self.answered_postage(group.postage.as_ref()),
            taxes: self.answered_taxes(&group.taxes),
            funding: self.answered_funding(&group.funding),
            promotions: group
                .promotions
                .iter()
                .map(|(decision, off)| AnsweredShare {
                    promotion: self.decisions[*decision as usize].promotion.to_string(),
                    off: money(*off),
                    units: Vec::new(),
                })
                .collect(),
        };
        self.groups.iter().map(group).collect()
    }

    pub(crate) fn answered_risks(&self) -> Vec<AnsweredRisk> {
        self.risks.iter().map(|risk| risk.answer(self.currency)).collect()
    }
}

/// Amounts in sentences.
pub(crate) fn amount(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_string()
}
