use std::sync::Arc;

use jiff::Timestamp;
use pricestream_documents::{ContentHash, Problem};
use pricestream_domain::{Lane, LaneSlice, Product, Standing};
use pricestream_promotion_engine::{RuleSet, Without};
use serde::{Deserialize, Serialize};

/// The rule set in force with its audit, and the switch of promotions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromotionsSetting {
    /// The document, as published; `None` before the first.
    pub rule_set: Option<Arc<str>>,
    /// Who published it.
    pub published_by: String,
    /// Promotions apply. Modes of repricing do not switch them.
    pub on: bool,
    /// Who switched them last.
    pub switched_by: String,
    /// Why.
    pub note: String,
    /// When.
    pub at: Timestamp,
    /// What is left out of it for a while.
    pub without: Without,
}

impl Default for PromotionsSetting {
    fn default() -> Self {
        Self {
            rule_set: None,
            published_by: String::new(),
            on: true,
            switched_by: String::new(),
            note: String::new(),
            at: Timestamp::UNIX_EPOCH,
            without: Without::default(),
        }
    }
}

/// A rule set as it was published, compiled.
#[derive(Debug)]
pub struct PublishedRules {
    /// What was published.
    pub text: Arc<str>,
    /// Of that text: its name in the record store.
    pub hash: ContentHash,
    /// Ready for use.
    pub rules: RuleSet,
}

impl PublishedRules {
    /// Reads, checks and compiles `text`. Errors: every problem that it has.
    pub fn read(text: Arc<str>) -> Result<Self, Vec<Problem>> {
        let rules = RuleSet::from_json(&text)?;
        Ok(Self { hash: ContentHash::of(text.as_bytes()), text, rules })
    }
}

impl PartialEq for PublishedRules {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

/// The promotions that a decision is made under.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Promotions {
    /// There is no rule set, or promotions are switched off: what is paid is the current price.
    #[default]
    None,
    /// They apply.
    InForce {
        /// Those of this rule set ...
        rules: Arc<PublishedRules>,
        /// ... without this.
        without: Arc<Without>,
    },
    /// The stored rule set cannot be read, and none was read before: lanes stay as they are.
    Unreadable,
}

impl Promotions {
    /// What `setting` puts in force; a text that `before` has compiled already is not compiled again. Also how many problems
    /// the document has; then that of `before` stays.
    pub(crate) fn of(setting: &PromotionsSetting, before: &Self) -> (Self, usize) {
        let Some(text) = setting.rule_set.as_ref().filter(|_| setting.on) else {
            return (Self::None, 0);
        };
        let known = match before {
            Self::InForce { rules, .. } => Some(rules),
            Self::None | Self::Unreadable => None,
        };
        let (rules, problems) = match known.filter(|known| known.text == *text) {
            Some(known) => (Some(Arc::clone(known)), 0),
            None => match PublishedRules::read(Arc::clone(text)) {
                Ok(rules) => (Some(Arc::new(rules)), 0),
                Err(problems) => (known.cloned(), problems.len()),
            },
        };
        let in_force = |rules| Self::InForce { rules, without: Arc::new(setting.without.clone()) };
        (rules.map_or(Self::Unreadable, in_force), problems)
    }

    /// The rule set, when one is in force.
    pub fn rules(&self) -> Option<&RuleSet> {
        match self {
            Self::InForce { rules, .. } => Some(&rules.rules),
            Self::None | Self::Unreadable => None,
        }
    }

    /// Hash of what they say of a product; `None`: nothing.
    pub fn says_of(&self, product: &Product) -> Option<ContentHash> {
        match self {
            Self::None => None,
            Self::InForce { rules, without } => rules.rules.says_of(product, without),
            Self::Unreadable => Some(ContentHash::of(b"unreadable")),
        }
    }

    /// The public lane of `product` at the price that stands: `before` as long as it says the same and has half of its time
    /// before it, so that a kept price keeps its version.
    pub fn lane(
        &self,
        product: &Product,
        standing: Option<&Standing>,
        stock_left: Option<u64>,
        before: Option<(&Standing, &Arc<Lane>)>,
        now: Timestamp,
    ) -> Option<Arc<Lane>> {
        let price = standing?.price;
        let fresh = match self {
            Self::None => None,
            Self::InForce { rules, without } => {
                rules.rules.public_lane(&Arc::new(product.clone()), price, stock_left, without, now).unwrap_or_default()
            }
            Self::Unreadable => return before.filter(|(was, _)| was.price == price).map(|(_, lane)| Arc::clone(lane)),
        };
        let flat = || Lane::new(vec![LaneSlice { from: now, payable: price }], None).expect("one slice is a lane");
        if let Some((_, before)) = before
            && before.renew_at().is_none_or(|renew| now < renew)
        {
            let said = fresh.clone().unwrap_or_else(flat);
            if (before.until().is_some() || said.until().is_none()) && before.agrees_with(&said, now) {
                return Some(Arc::clone(before));
            }
        }
        fresh.map(Arc::new)
    }
}
