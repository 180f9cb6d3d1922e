use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use pricestream_documents::{ContentHash, Problem, Zone};
use pricestream_domain::{BasisPoints, Currency, Sku};

use crate::components::{COMPONENTS, Effect, WorksOn};
use crate::condition::Test;
use crate::document::Document;
use crate::document::pipeline::{Keep, Stage, Take};
use crate::document::policies::{Policies, UnitReuse};
use crate::document::promotion::{Promotion, Scope, Side};
use crate::keys::{ItemSet, Keys};
use crate::quote::SHOP;
use crate::rounding::Rounding;

/// A rule set, checked and ready: promotions are found by what they are for, so that a quote costs what its matching promotions
/// cost. Cheap to share.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) hash: ContentHash,
    /// Of everything but its promotions.
    pub(crate) frame: ContentHash,
    pub(crate) zone: Zone,
    pub(crate) policies: Policies,
    /// Steps that each component may take in one quote.
    pub(crate) steps: [u64; COMPONENTS],
    pub(crate) nodes: Vec<Node>,
    /// In the order in which they run: by node, unit, priority and id.
    pub(crate) promotions: Vec<Compiled>,
    /// Who pays for promotions, in the order of their names.
    pub(crate) parties: Arc<[Arc<str>]>,
    pub(crate) keys: Keys,
    /// Everything that some promotion gives for nothing.
    pub(crate) gift_skus: BTreeSet<Sku>,
    /// By key: what it may concern.
    pub(crate) postings: Vec<Vec<Posting>>,
    /// What concerns every basket.
    pub(crate) always: Vec<u32>,
    /// Places of those with a limit.
    pub(crate) limited: BTreeMap<Arc<str>, u32>,
    /// Words of 64 exclusion classes.
    pub(crate) words: usize,
    /// Some exclusion is about single units.
    pub(crate) excludes_on_units: bool,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) keep: Keep,
    pub(crate) units: Vec<Unit>,
}

#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) priority: i32,
    pub(crate) take: Take,
}

/// Places of parties, and the share that each pays.
pub(crate) type Funders = Arc<[(u32, BasisPoints)]>;

/// A promotion, ready.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) id: Arc<str>,
    pub(crate) document: Promotion,
    /// Of that; worked out when it is asked for.
    pub(crate) hash: OnceLock<ContentHash>,
    /// Its component's place in [`Effect::NAMES`].
    pub(crate) component: usize,
    pub(crate) node: u16,
    pub(crate) unit: u16,
    /// Of its amounts; `None` when it has none.
    pub(crate) currency: Option<Currency>,
    pub(crate) rounding: Rounding,
    /// Who pays for it, by their places among the parties, in shares that add up to 100 %.
    pub(crate) funding: Funders,
    /// Its items, then its component's own sets.
    pub(crate) sets: Vec<ItemSet>,
    pub(crate) condition: Option<Test>,
    pub(crate) works_on: WorksOn,
    pub(crate) uses_up: bool,
    /// Exclusion classes that it belongs to, as bits.
    pub(crate) classes: Vec<u64>,
    /// Classes that it does not apply together with, as bits, by where they meet: unit, line, order.
    pub(crate) excludes: [Vec<u64>; 3],
}

/// A promotion may concern what has a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Posting {
    pub(crate) promotion: u32,
    pub(crate) set: Set,
}

/// What a key says of a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// The item belongs to this set of its.
    Certain(u16),
    /// The item may belong to this set of its.
    Possible(u16),
    /// The customer or a coupon concerns it, whatever its items are.
    Context,
}

impl RuleSet {
    /// Reads, checks and compiles a rule set. Errors: every problem that it has.
    pub fn from_json(text: &str) -> Result<Self, Vec<Problem>> {
        Document::from_json(text).map(|document| Self::compile(&document))
    }

    /// Compiles a checked document.
    pub fn compile(document: &Document) -> Self {
        let mut keys = Keys::new(document.policies.coupon_case);
        let parties = parties(document);
        let party = |name: &str| {
            let place = parties.binary_search_by(|party| (**party).cmp(name)).expect("every party is among them");
            u32::try_from(place).expect("parties are few")
        };
        let mut promotions: Vec<Compiled> =
            document.promotions.iter().map(|promotion| Compiled::new(document, promotion, &mut keys, party)).collect();
        promotions.sort_by(|one, other| one.order().cmp(&other.order()));
        let classes = Classes::of(document);
        let excludes_on_units = document.exclusions.iter().any(|exclusion| exclusion.scope == Scope::Unit)
            || document.promotions.iter().any(|promotion| promotion.exclusive == Some(Scope::Unit));
        for promotion in &mut promotions {
            classes.mark(promotion);
        }
        let limited = (0..).zip(&promotions).filter(|(_, promotion)| promotion.document.limit.is_some());
        let limited = limited.map(|(place, promotion)| (Arc::clone(&promotion.id), place)).collect();
        let (postings, always) = index(&promotions, keys.len());
        let node = |(node, units): &(crate::document::pipeline::Node, Vec<crate::document::pipeline::Unit>)| Node {
            keep: node.keep,
            units: units.iter().map(|unit| Unit { priority: unit.priority, take: unit.take }).collect(),
        };
        Self {
            hash: document.hash,
            frame: document.frame,
            zone: document.time_zone.clone(),
            policies: document.policies.clone(),
            steps: std::array::from_fn(|component| document.policies.degradation.steps_of(Effect::NAMES[component])),
            nodes: document.pipeline.iter().map(node).collect(),
            promotions,
            parties,
            keys,
            gift_skus: gift_skus(document),
            postings,
            always,
            limited,
            words: classes.words(),
            excludes_on_units,
        }
    }

    /// Of the document's content.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Its promotions, in the order in which they run.
    pub fn promotions(&self) -> impl Iterator<Item = &Promotion> {
        self.promotions.iter().map(|promotion| &promotion.document)
    }
}

impl Compiled {
    fn new(document: &Document, promotion: &Promotion, keys: &mut Keys, party: impl Fn(&str) -> u32) -> Self {
        let (node, unit) = document.unit_of(promotion).expect("the document was checked");
        let stage = document.pipeline[node].0.stage;
        let policy = match stage {
            Stage::Catalogue => document.policies.catalogue_rounding,
            Stage::Basket => document.policies.basket_rounding,
        };
        let own = promotion.effect.sets();
        let mut sets: Vec<ItemSet> = std::iter::once(&promotion.items).chain(own).map(|items| keys.items(items)).collect();
        if promotion.effect.has_only_own_sets() {
            sets[0] = ItemSet::any_of(&sets[1..]);
        }
        let place = |place: usize| u16::try_from(place).expect("a pipeline is short");
        Self {
            id: promotion.id.as_str().into(),
            document: promotion.clone(),
            hash: OnceLock::new(),
            component: promotion.effect.place(),
            node: place(node),
            unit: place(unit),
            currency: promotion.amounts().next().map(|amount| amount.currency),
            rounding: promotion.rounding.unwrap_or(policy),
            funding: match &promotion.funding[..] {
                [] => Arc::new([(party(SHOP), BasisPoints::ONE)]),
                funding => funding.iter().map(|funding| (party(&funding.party), funding.share_bp)).collect(),
            },
            sets,
            condition: promotion.when.as_ref().map(|condition| Test::of(condition, keys)),
            works_on: promotion.effect.works_on(),
            uses_up: document.policies.unit_reuse == UnitReuse::Never && promotion.effect.uses_up(),
            classes: Vec::new(),
            excludes: Default::default(),
        }
    }

    /// Whether its window is open at `now`, and when a window of it opens or closes next.
    pub(crate) fn opening(&self, now: Timestamp, zone: &Zone) -> (bool, Option<Timestamp>) {
        let own = self.document.window.as_ref().map(|window| window.at(now, zone));
        let of_condition = self.condition.as_ref().and_then(|test| test.next_change(now, zone));
        let next = own.and_then(|own| own.until).into_iter().chain(of_condition).min();
        (own.is_none_or(|own| own.open), next)
    }

    fn order(&self) -> (u16, u16, std::cmp::Reverse<i32>, &str) {
        (self.node, self.unit, std::cmp::Reverse(self.document.priority), &self.id)
    }
}

/// Exclusion classes: pairs of sides, and where they meet.
struct Classes<'a> {
    /// Sides in the order of their classes.
    sides: Vec<Side>,
    /// Class, class, where.
    pairs: Vec<(usize, usize, Scope)>,
    document: &'a Document,
}

/// Of every promotion, when any is exclusive.
const ANY: usize = 0;
/// Of those that are exclusive on a unit, on a line, and in an order.
const EXCLUSIVE: [(usize, Scope); 3] = [(1, Scope::Unit), (2, Scope::Line), (3, Scope::Order)];
/// Those of sides follow.
const SIDES: usize = 4;

impl<'a> Classes<'a> {
    fn of(document: &'a Document) -> Self {
        let mut classes = Self { sides: Vec::new(), pairs: Vec::new(), document };
        for exclusion in &document.exclusions {
            classes.add(&exclusion.of, &exclusion.with, exclusion.scope);
        }
        for (_, units) in &document.pipeline {
            for unit in units {
                for other in &unit.conflicts {
                    let side = |name: &String| Side::Component(name.clone());
                    classes.add(&side(&unit.component), &side(other), Scope::Line);
                }
            }
        }
        classes
    }

    fn add(&mut self, of: &Side, with: &Side, scope: Scope) {
        let mut class = |side: &Side| {
            let known = self.sides.iter().position(|known| known == side);
            SIDES
                + known.unwrap_or_else(|| {
                    self.sides.push(side.clone());
                    self.sides.len() - 1
                })
        };
        let pair = (class(of), class(with), scope);
        self.pairs.push(pair);
    }

    fn words(&self) -> usize {
        if self.pairs.is_empty() && !self.has_exclusive() { 0 } else { (SIDES + self.sides.len()).div_ceil(64) }
    }

    fn has_exclusive(&self) -> bool {
        self.document.promotions.iter().any(|promotion| promotion.exclusive.is_some())
    }

    fn mark(&self, promotion: &mut Compiled) {
        let words = self.words();
        promotion.classes = vec![0; words];
        promotion.excludes = std::array::from_fn(|_| vec![0; words]);
        if words == 0 {
            return;
        }
        set(&mut promotion.classes, ANY);
        let mut exclude = |class: usize, scope: Scope| set(&mut promotion.excludes[scope as usize], class);
        for (class, scope) in EXCLUSIVE {
            exclude(class, scope);
            if promotion.document.exclusive == Some(scope) {
                exclude(ANY, scope);
            }
        }
        let holds = |class: usize| self.sides[class - SIDES].holds(&promotion.document);
        for (of, with, scope) in &self.pairs {
            if holds(*of) {
                set(&mut promotion.excludes[*scope as usize], *with);
            }
            if holds(*with) {
                set(&mut promotion.excludes[*scope as usize], *of);
            }
        }
        for class in SIDES..SIDES + self.sides.len() {
            if holds(class) {
                set(&mut promotion.classes, class);
            }
        }
        for (class, scope) in EXCLUSIVE {
            if promotion.document.exclusive == Some(scope) {
                set(&mut promotion.classes, class);
            }
        }
    }
}

fn parties(document: &Document) -> Arc<[Arc<str>]> {
    let named = document.promotions.iter().flat_map(|promotion| &promotion.funding).map(|funding| funding.party.as_str());
    let names: BTreeSet<&str> = named.chain([SHOP]).collect();
    names.into_iter().map(Arc::from).collect()
}

fn gift_skus(document: &Document) -> BTreeSet<Sku> {
    document.promotions.iter().flat_map(|promotion| promotion.effect.gifts()).map(|gift| gift.sku.clone()).collect()
}

fn set(bits: &mut [u64], bit: usize) {
    bits[bit / 64] |= 1 << (bit % 64);
}

/// A promotion is found by what it needs: a coupon, else its items, else a customer or a group; what needs none of them concerns
/// every basket. By a coupon is found what it may help, too, and by a customer what is for them in person, whatever they buy. By a
/// group nothing is found that has items: everybody of it would be told of every item.
fn index(promotions: &[Compiled], keys: usize) -> (Vec<Vec<Posting>>, Vec<u32>) {
    let mut postings = vec![Vec::new(); keys];
    let mut always = Vec::new();
    for (promotion, compiled) in (0..).zip(promotions) {
        let needed = |kind: fn(&Test) -> Option<&Vec<u32>>| compiled.condition.as_ref().and_then(|test| test.needs(kind));
        let coupons = needed(|test| if let Test::Coupons(codes) = test { Some(codes) } else { None });
        let mut codes = Vec::new();
        compiled.condition.iter().for_each(|test| test.codes(&mut codes));
        codes.sort_unstable();
        codes.dedup();
        for key in codes {
            postings[key as usize].push(Posting { promotion, set: Set::Context });
        }
        let persons = needed(|test| if let Test::Customers(any) = test { Some(any) } else { None });
        let people = needed(|test| if let Test::Customers(any) | Test::Groups(any, _) = test { Some(any) } else { None });
        let by_items = compiled.sets.iter().all(|set| !set.include.is_empty());
        match (coupons, by_items, people) {
            (None, true, _) => {
                for key in persons.into_iter().flatten() {
                    postings[*key as usize].push(Posting { promotion, set: Set::Context });
                }
                for (place, set) in (0..).zip(&compiled.sets) {
                    for picks in &set.include {
                        let certain = picks.len() == 1 && set.exclude.is_empty();
                        let set = if certain { Set::Certain(place) } else { Set::Possible(place) };
                        for key in &picks[0] {
                            postings[*key as usize].push(Posting { promotion, set });
                        }
                    }
                }
            }
            (Some(_), ..) => {}
            (None, false, Some(of)) => {
                for key in of {
                    postings[*key as usize].push(Posting { promotion, set: Set::Context });
                }
            }
            (None, false, None) => always.push(promotion),
        }
    }
    (postings, always)
}
