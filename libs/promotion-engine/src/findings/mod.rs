//! What is suspicious in a rule set before it is published: what never applies, is always beaten, contradicts itself, gives goods
//! away, adds up beyond its caps or names what is not there. Findings never refuse a document; that is what problems do.
//!
//! One file a kind of finding. `unreachable` and `always_beaten` say only what is certain; what could be is left unsaid.

mod always_beaten;
mod baskets;
mod comparison;
mod dangling;
mod exclusions;
mod facts;
mod for_everybody;
mod implication;
mod kin;
mod meeting;
mod overlapping_caps;
mod report;
mod sets;
mod shut_out;
mod stacked_shares;
mod survey;
mod unreachable;
mod zero_price;

use jiff::Timestamp;
use pricestream_domain::Product;
use schemars::JsonSchema;
use serde::Serialize;

use self::kin::Kin;
use self::report::Report;
use self::survey::Survey;
use crate::compile::RuleSet;
use crate::document::Document;
use crate::request::QuoteRequest;

/// What is suspicious in `document`, of which `rules` were compiled. With a catalogue, baskets of its products are priced at their
/// list prices, and names are looked up in it; retired products are left out. Bounded: what was too much to look at is said.
pub fn findings(document: &Document, rules: &RuleSet, catalogue: Option<&[Product]>) -> Findings {
    let own;
    let rules = if rules.hash() == document.hash {
        rules
    } else {
        own = RuleSet::compile(document);
        &own
    };
    let mut report = Report::default();
    let mut survey = Survey::new(document, rules, catalogue);
    survey.standing = unreachable::look(&survey, &mut report);
    let kin = Kin::of(&survey);
    always_beaten::look(&survey, &kin, &mut report);
    exclusions::look(&survey, &mut report);
    shut_out::look(&survey, &kin, &mut report);
    zero_price::look(&survey, &mut report);
    stacked_shares::look(&survey, &kin, &mut report);
    overlapping_caps::look(&survey, &kin, &mut report);
    for_everybody::look(&survey, &mut report);
    dangling::look(&survey, &mut report);
    if kin.is_exhausted() {
        report.cut("items: there are too many products to tell of all promotions whether they are for the same ones");
    }
    report.close(&survey)
}

/// What is suspicious in a rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Findings {
    /// The gravest first, then in the order of their codes and of the document.
    pub findings: Vec<Finding>,
    /// What was not looked at, because there is too much of it; empty when everything was.
    pub cut: Vec<String>,
}

/// Something suspicious.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What it is; never changes once released.
    pub code: Code,
    /// How grave it is.
    pub severity: Severity,
    /// Places in the document, the first where to begin.
    pub paths: Vec<String>,
    /// Ids of the promotions that it is about.
    pub promotions: Vec<String>,
    /// What is the matter, and what to do.
    pub message: String,
    /// What shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<Witness>,
}

/// What shows a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// A basket that shows it when it is quoted, at list prices.
    Basket(Box<QuoteRequest>),
    /// A time in which it shows.
    Time {
        /// Its first instant.
        from: Timestamp,
        /// The first instant after it; absent: it does not end.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, and often meant so.
    Note,
    /// Hardly meant so.
    Warning,
    /// It may cost a lot.
    Danger,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:literal => $variant:ident,)+) => {
        /// What a finding is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
        pub enum Code {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Code {
            /// All of them, by their names.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Its name, as in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

codes! {
    /// Its window contains no opening.
    "window_never_opens" => WindowNeverOpens,
    /// Its window is over.
    "window_is_over" => WindowIsOver,
    /// A limit of it is zero.
    "nothing_left" => NothingLeft,
    /// It needs more units than its limit has.
    "quota_too_small" => QuotaTooSmall,
    /// What it is for is all excluded again.
    "matches_nothing" => MatchesNothing,
    /// Its condition contradicts itself, its window or its effect.
    "condition_never_holds" => ConditionNeverHolds,
    /// A tier asks for more than its condition lets through.
    "tier_never_reached" => TierNeverReached,
    /// A tier takes no more off than the one before it.
    "tier_takes_less" => TierTakesLess,
    /// Another promotion, for the same and more, always takes at least as much off.
    "always_beaten" => AlwaysBeaten,
    /// As before, but for equal discounts or such that round to nothing.
    "nearly_always_beaten" => NearlyAlwaysBeaten,
    /// Both sides of an exclusion hold the same promotions.
    "excludes_itself" => ExcludesItself,
    /// Two exclusions say the same.
    "exclusion_named_twice" => ExclusionNamedTwice,
    /// Exclusions form a cycle: their order in the pipeline decides.
    "exclusion_cycle" => ExclusionCycle,
    /// An earlier promotion without condition keeps it from applying.
    "always_shut_out" => AlwaysShutOut,
    /// It takes everything off what it is for.
    "gives_all_away" => GivesAllAway,
    /// A price of zero can be reached.
    "price_reaches_zero" => PriceReachesZero,
    /// A price below what the product costs the shop can be reached.
    "price_below_cost" => PriceBelowCost,
    /// Two caps or limits add up while their promotions stack.
    "caps_add_up" => CapsAddUp,
    /// Two flash sales of the same items have quotas of their own at the same time.
    "quotas_add_up" => QuotasAddUp,
    /// It is meant for who has a code, or for members, and its condition asks for neither.
    "for_everybody" => ForEverybody,
    /// It names what the catalogue does not have.
    "unknown_item" => UnknownItem,
    /// No product of the catalogue is for it.
    "matches_no_product" => MatchesNoProduct,
    /// No product of the catalogue has its currency.
    "unknown_currency" => UnknownCurrency,
    /// Two promotions ask for the same code.
    "code_shared" => CodeShared,
    /// Two codes differ in case or spaces alone.
    "codes_nearly_equal" => CodesNearlyEqual,
    /// A group or label that an exclusion names is carried by one promotion alone.
    "lone_in_exclusion" => LoneInExclusion,
    /// A unit of the pipeline has no promotion.
    "unit_unused" => UnitUnused,
    /// No promotion carries the label of a unit.
    "label_unused" => LabelUnused,
}

impl Findings {
    /// The gravest severity among them.
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// Adds a note for each promotion of `document` whose window is over at `now`.
    #[must_use]
    pub fn with_windows_over(mut self, document: &Document, now: Timestamp) -> Self {
        for (position, promotion) in document.promotions.iter().enumerate() {
            let Some(until) = promotion.window.as_ref().and_then(|window| window.until).filter(|until| *until <= now) else {
                continue;
            };
            self.findings.push(Finding {
                code: Code::WindowIsOver,
                severity: Severity::Note,
                paths: vec![format!("promotions[{position}].window.until")],
                promotions: vec![promotion.id.clone()],
                message: format!("{} ended at {until}: remove it, or give it a new window", promotion.id),
                witness: None,
            });
        }
        self
    }
}
