use std::sync::Arc;

use pricestream_domain::Money;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::basket::{Basket, BasketError, Context};
use crate::candidates::Candidates;
use crate::compile::{Compiled, RuleSet};
use crate::document::policies::OnCancel;
use crate::document::promotion::Limit;
use crate::keys::spelled;
use crate::quote::Quote;
use crate::record::Outcome;

/// What one order uses of a limited promotion: one use, and this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Use {
    /// Its id.
    pub promotion: Arc<str>,
    /// Units that get something of it, and units given for nothing.
    pub units: u64,
    /// What it takes off goods and postage together; zero where it gives something for nothing.
    pub given: Money,
    /// Codes of it that the customer gave, as they are compared. The order uses the first that is not used up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
}

/// A limited promotion that concerns a basket: what is left of it is to be asked of the usage ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitAsked {
    /// Its id.
    pub promotion: Arc<str>,
    /// Its limit.
    pub limit: Limit,
    /// Who buys; `None` for a guest.
    pub customer: Option<String>,
    /// Codes of it that the customer gave, as they are compared; their places are those in [`crate::Left::spent_coupons`].
    pub coupons: Vec<String>,
}

impl RuleSet {
    /// Whether any promotion is limited.
    pub(crate) fn is_limited(&self) -> bool {
        !self.limited.is_empty()
    }

    /// The limited promotions that the basket, the customer or a coupon concern, by the order in which they run: what is left of
    /// each belongs into [`Context::left`] before the basket is priced. Errors: a basket that cannot be priced.
    pub fn limits_asked(&self, basket: &Basket, context: &Context) -> Result<Vec<LimitAsked>, BasketError> {
        if !self.is_limited() {
            return Ok(Vec::new());
        }
        let sheet = self.sheet(basket, context)?;
        let candidates = Candidates::of(&sheet).all;
        let asked = candidates.iter().map(|candidate| &self.promotions[candidate.promotion as usize]).filter_map(|promotion| {
            Some(LimitAsked {
                promotion: Arc::clone(&promotion.id),
                limit: promotion.document.limit.clone()?,
                customer: context.customer.id.clone(),
                coupons: self.codes_given(promotion, context),
            })
        });
        Ok(asked.collect())
    }

    /// The limit of a promotion; `None`: it has none, or there is no such promotion.
    pub fn limit_of(&self, promotion: &str) -> Option<&Limit> {
        self.limited(promotion)?.document.limit.as_ref()
    }

    /// What becomes of what a cancelled order used.
    pub fn on_cancel(&self) -> OnCancel {
        self.policies.on_cancel
    }

    fn limited(&self, promotion: &str) -> Option<&Compiled> {
        self.limited.get(promotion).map(|place| &self.promotions[*place as usize])
    }

    /// Of the codes that the customer gave those that a promotion asks for, in the order in which they were given.
    pub(crate) fn codes_given(&self, promotion: &Compiled, context: &Context) -> Vec<String> {
        if context.coupons.is_empty() {
            return Vec::new();
        }
        let case = self.policies.coupon_case;
        let known: Vec<String> = promotion.document.codes().iter().map(|code| spelled(code, case)).collect();
        let mut given = Vec::new();
        for code in context.coupons.iter().map(|code| spelled(code, case)) {
            if known.contains(&code) && !given.contains(&code) {
                given.push(code);
            }
        }
        given
    }
}

impl Quote {
    /// What an order of this quote uses of limited promotions, by the order in which they run. `rules` and `context` are those
    /// that it was priced under. A promotion that gave nothing uses nothing.
    pub fn uses(&self, rules: &RuleSet, context: &Context) -> Vec<Use> {
        if rules.limited.is_empty() {
            return Vec::new();
        }
        let mut units = vec![0_u64; self.decisions.len()];
        for share in &self.shares {
            units[share.decision as usize] += u64::from(share.units);
        }
        let uses = self.decisions.iter().zip(units).filter_map(|(decision, units)| {
            let Outcome::Applied { off: given, gifts, .. } = &decision.outcome else { return None };
            let gifts = gifts.as_ref().map_or(0, |gifts| gifts.units());
            if *given == 0 && gifts == 0 {
                return None;
            }
            let promotion = rules.limited(&decision.promotion)?;
            Some(Use {
                promotion: Arc::clone(&decision.promotion),
                units: units + gifts,
                given: Money::new(*given, self.currency),
                coupons: rules.codes_given(promotion, context),
            })
        });
        uses.collect()
    }
}
