use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use pricestream_domain::{Money, Product};

use super::facts::Together;
use super::meeting::Clock;
use crate::compile::{Compiled, RuleSet};
use crate::document::Document;
use crate::document::pipeline::{Keep, Node, Take, Unit};
use crate::document::promotion::Promotion;

/// A rule set as it is looked at.
pub(super) struct Survey<'a> {
    pub(super) document: &'a Document,
    pub(super) rules: &'a RuleSet,
    /// Products that are sold, when a catalogue was given.
    pub(super) products: Option<Vec<Arc<Product>>>,
    /// In the order of the document.
    pub(super) subjects: Vec<Subject<'a>>,
    pub(super) clock: Clock<'a>,
    /// Of each subject.
    pub(super) standing: Vec<Standing<'a>>,
}

/// A promotion.
pub(super) struct Subject<'a> {
    /// Its place in the document.
    pub(super) number: usize,
    pub(super) promotion: &'a Promotion,
    pub(super) compiled: &'a Compiled,
    /// Its place in the order in which they run.
    pub(super) order: usize,
    pub(super) path: String,
}

/// Whether a promotion can ever apply.
pub(super) enum Standing<'a> {
    /// Never.
    Dead,
    /// As far as can be told it can, where these hold together.
    Live(Together<'a>),
}

impl<'a> Survey<'a> {
    pub(super) fn new(document: &'a Document, rules: &'a RuleSet, catalogue: Option<&[Product]>) -> Self {
        let by_id: HashMap<&str, usize> =
            rules.promotions.iter().enumerate().map(|(order, compiled)| (&*compiled.id, order)).collect();
        let subject = |(number, promotion): (usize, &'a Promotion)| {
            let order = *by_id.get(promotion.id.as_str())?;
            let path = format!("promotions[{number}]");
            Some(Subject { number, promotion, compiled: &rules.promotions[order], order, path })
        };
        // By SKU, so that the order of the catalogue makes no difference.
        let sold = |catalogue: &[Product]| {
            let mut sold: Vec<Arc<Product>> =
                catalogue.iter().filter(|product| !product.retired).cloned().map(Arc::new).collect();
            sold.sort_unstable_by(|one, other| one.sku.cmp(&other.sku));
            sold
        };
        Self {
            document,
            rules,
            products: catalogue.map(sold),
            subjects: document.promotions.iter().enumerate().filter_map(subject).collect(),
            clock: Clock::new(&document.time_zone),
            standing: Vec::new(),
        }
    }

    /// Those that can apply.
    pub(super) fn live(&self) -> impl Iterator<Item = &Subject<'a>> {
        self.subjects.iter().filter(|subject| matches!(self.standing[subject.number], Standing::Live(_)))
    }

    /// What holds together where a promotion applies.
    pub(super) fn facts(&self, subject: &Subject<'_>) -> &[super::facts::Fact<'a>] {
        match &self.standing[subject.number] {
            Standing::Live(together) => together,
            Standing::Dead => &[],
        }
    }

    /// Whether wherever the currency of `one` is that of a basket, so is the currency of `other`: neither, or both, or all that is
    /// sold has the latter.
    pub(super) fn same_currency(&self, one: &Subject<'_>, other: &Subject<'_>) -> bool {
        other.compiled.currency.is_none_or(|currency| {
            let sold = |products: &Vec<Arc<Product>>| products.iter().all(|product| product.list_price.currency == currency);
            one.compiled.currency == Some(currency) || self.products.as_ref().is_some_and(sold)
        })
    }

    pub(super) fn node(&self, subject: &Subject<'_>) -> &'a Node {
        &self.document.pipeline[usize::from(subject.compiled.node)].0
    }

    pub(super) fn unit(&self, subject: &Subject<'_>) -> &'a Unit {
        &self.document.pipeline[usize::from(subject.compiled.node)].1[usize::from(subject.compiled.unit)]
    }

    /// Its place in the order in which they run: in a node that stacks, units do by their priorities; otherwise as the document
    /// names them.
    pub(super) fn turn(&self, subject: &Subject<'_>) -> impl Ord + use<> {
        let compiled = subject.compiled;
        (compiled.node, std::cmp::Reverse(self.unit(subject).priority), compiled.unit, subject.order)
    }

    /// Whether both may apply on the same things, one upon the other.
    pub(super) fn stack(&self, one: &Subject<'_>, other: &Subject<'_>) -> bool {
        let place = |subject: &Subject<'_>| (subject.compiled.node, subject.compiled.unit);
        let (of_one, of_other) = (place(one), place(other));
        let together = if of_one == of_other {
            self.unit(one).take == Take::Stack
        } else {
            of_one.0 != of_other.0 || self.node(one).keep == Keep::Stack
        };
        together && !one.excludes(other)
    }
}

impl Subject<'_> {
    /// Whether it does not apply, somewhere, where `other` did.
    pub(super) fn excludes(&self, other: &Subject<'_>) -> bool {
        let against = |mine: &[u64], theirs: &[u64]| mine.iter().zip(theirs).any(|(mine, theirs)| mine & theirs != 0);
        self.compiled.excludes.iter().any(|mine| against(mine, &other.compiled.classes))
    }

    /// An amount of it in words.
    pub(super) fn amount(&self, minor: i64) -> String {
        self.compiled.currency.map_or_else(|| minor.to_string(), |currency| Money::new(minor, currency).to_string())
    }

    /// The path of its effect.
    pub(super) fn effect_path(&self) -> String {
        format!("{}.effect.{}", self.path, self.promotion.effect.component())
    }

    /// Whether the usage ledger may stop it.
    pub(super) fn is_limited(&self) -> bool {
        self.promotion.limit.is_some()
    }

    /// Whether its component says by sets of its own what it is for.
    pub(super) fn has_own_sets(&self) -> bool {
        !self.promotion.effect.sets().is_empty()
    }
}

/// Lists by key.
pub(super) fn group<K: std::hash::Hash + Eq, V>(of: impl Iterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in of {
        groups.entry(key).or_default().push(value);
    }
    groups
}
