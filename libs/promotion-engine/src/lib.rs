//! What a basket costs. Pure: basket, context and rule set come in with the instant; the quote and its decision record go out.
//!
//! Promotions run through a pipeline of nodes; within a node calculation units compete by their snapshots. Money is counted in
//! minor units and conserved to the last of them: what a promotion takes off is shared down to single units.

mod answer;
mod answer_json;
mod application;
mod basket;
mod because;
mod browse;
mod candidates;
mod compete;
mod compile;
pub mod components;
mod condition;
mod coupons;
mod degraded;
pub mod document;
mod edge;
mod evaluate;
mod findings;
mod gifts;
mod grouping;
mod guard;
mod json_text;
mod keys;
mod lane;
mod near_miss;
mod quote;
mod record;
mod refund;
mod request;
mod rounding;
mod scenario;
mod sentence;
mod state;
mod thresholds;
mod timeline;
mod usage;

pub use answer::{
    AnsweredCoupon, AnsweredFunding, AnsweredGift, AnsweredGroup, AnsweredLine, AnsweredOffer, AnsweredPacket, AnsweredPostage,
    AnsweredPromotion, AnsweredRisk, AnsweredShare, AnsweredTax, AnsweredUnitShare, AnsweredUnits, QuoteAnswer,
};
pub use basket::{
    Basket, BasketError, Context, Customer, Left, Line, MAX_CODE_LENGTH, MAX_COUPONS, MAX_GIFT_CHOICES, MAX_LINES,
    MAX_RED_PACKETS, MAX_UNITS, Postage, RedPacket,
};
pub use because::Because;
pub use browse::{BrowseAnswer, BrowseError, Browsed, BrowsedPrice, FromPrice, MAX_BROWSED, Refused};
pub use compile::RuleSet;
pub use components::{Declined, Effect, GiftItem, Gifts, GivenGift, OpenChoice, WorksOn};
pub use condition::{Field, Unmet};
pub use coupons::{CouponStatus, QuotedCoupon};
pub use degraded::{Degraded, LeftOut};
pub use document::guards::Action;
pub use document::policies::OnCancel;
pub use document::promotion::Limit;
pub use document::{Document, document_schema};
pub use edge::{AtEdge, Edge};
pub use findings::{Code, Finding, Findings, Severity, Witness, findings};
pub use gifts::QuotedGift;
pub use grouping::{Group, GroupBy};
pub use guard::{Guard, Risk};
pub use lane::Without;
pub use near_miss::{MissingUnits, NearMiss, NearPart, Part, Shortfall};
pub use quote::{Quote, QuotedLine, QuotedPostage, SHOP, Share, TaxTotal, Totals, UnitPrice};
pub use record::{Decision, Limited, Outcome, Reason};
pub use refund::{OrderRefund, Paid, PaidLine, Refund, RefundError, RefundedLine, RefundedPostage};
pub use request::{
    Found, QuoteRequest, RequestError, RequestFault, RequestedCustomer, RequestedLine, RequestedPacket, RequestedPostage,
};
pub use rounding::{Level, Mode, Of, Rounding};
pub use scenario::Scenario;
pub use timeline::{AnsweredSlice, Slice, Timeline, TimelineAnswer};
pub use usage::{LimitAsked, Use};
