//! Goods for nothing, or for less than they cost the shop.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use jiff::Timestamp;

use super::baskets::{Priced, Shop};
use super::facts::told;
use super::report::Report;
use super::survey::{Subject, Survey};
use super::unreachable::item_sets;
use super::{Code, Finding, Severity, Witness};
use crate::components::GivenAway;
use crate::request::{QuoteRequest, RequestedLine};

/// Says which promotions give everything away by themselves, and, with a catalogue, which do so together: baskets of its products
/// are priced for that.
pub(super) fn look(survey: &Survey<'_>, report: &mut Report) {
    let shop = Shop::of(survey);
    let mut by_themselves: BTreeMap<usize, Finding> = BTreeMap::new();
    for subject in survey.live() {
        let Some(finding) = by_itself(subject) else { continue };
        if !shop.as_ref().is_some_and(|shop| have_floors(shop, subject)) {
            by_themselves.insert(subject.number, finding);
        }
    }
    let mut reached: BTreeMap<BTreeSet<usize>, Reached> = BTreeMap::new();
    if let Some(shop) = &shop {
        Search {
            shop,
            reached: &mut reached,
            by_id: survey.subjects.iter().map(|subject| (&*subject.compiled.id, subject.number)).collect(),
        }
        .run();
        if !shop.has_time() {
            report.cut("price_reaches_zero: there are too many products and promotions to price a basket of each");
        }
    }
    // The fewest promotions first: what some do, others besides need not be told for.
    let mut reached: Vec<(BTreeSet<usize>, Reached)> = reached.into_iter().collect();
    reached.sort_by_key(|(numbers, reached)| (numbers.len(), reached.below_cost));
    let mut told_of: Vec<(BTreeSet<usize>, bool)> = Vec::new();
    for (numbers, found) in reached {
        if let Some(finding) = numbers.first().filter(|_| numbers.len() == 1).and_then(|number| by_themselves.get_mut(number)) {
            finding.witness = found.witness;
            continue;
        }
        let known =
            numbers.iter().any(|number| by_themselves.get(number).is_some_and(|finding| finding.severity == Severity::Danger))
                || told_of.iter().any(|(of, below_cost)| of.is_subset(&numbers) && (found.below_cost || !below_cost));
        if known || numbers.is_empty() {
            continue;
        }
        let subjects: Vec<&Subject<'_>> = numbers.iter().map(|number| &survey.subjects[*number]).collect();
        told_of.push((numbers, found.below_cost));
        report.add(found.finding(&subjects));
    }
    for finding in by_themselves.into_values() {
        report.add(finding);
    }
}

/// What a promotion gives away whatever it meets.
fn by_itself(subject: &Subject<'_>) -> Option<Finding> {
    let id = &subject.promotion.id;
    let (severity, message) = match subject.promotion.effect.foreseen().gives_away() {
        GivenAway::Nothing => return None,
        GivenAway::Gifts => {
            (Severity::Note, format!("{id} gives units away to who buys others; leave it if they are meant as gifts"))
        }
        GivenAway::Goods => {
            let next = "give less, or give the products a promotion_floor";
            (Severity::Danger, format!("{id} takes everything off what it is for: it is sold for nothing; {next}"))
        }
    };
    let paths = vec![subject.effect_path()];
    Some(Finding::about(Code::GivesAllAway, severity, &[subject], message).in_places(paths))
}

/// Whether every product that it is for has a floor above zero, and there is one.
fn have_floors(shop: &Shop<'_, '_>, subject: &Subject<'_>) -> bool {
    let has_floor = |place: &usize| shop.products[*place].promotion_floor.is_some_and(|floor| floor.minor > 0);
    let of = |items| shop.products_of(items).is_some_and(|places| !places.is_empty() && places.iter().all(has_floor));
    item_sets(subject).into_iter().all(|(_, items)| of(items))
}

/// A price that some promotions reach.
struct Reached {
    below_cost: bool,
    sku: String,
    witness: Option<Witness>,
}

impl Reached {
    fn finding(self, subjects: &[&Subject<'_>]) -> Finding {
        let ids = told(subjects.iter().map(|subject| subject.promotion.id.as_str()), "and");
        let together = if subjects.len() > 1 { " together" } else { "" };
        let sku = &self.sku;
        let finding = if self.below_cost {
            let message = format!(
                "{ids}{together} sell {sku} for less than it costs the shop; give it a promotion_floor, or let them take less off"
            );
            Finding::about(Code::PriceBelowCost, Severity::Warning, subjects, message)
        } else if subjects.iter().any(|subject| subject.promotion.effect.foreseen().pays()) {
            let message = format!(
                "{ids}{together} can pay for all of a small order, such as one {sku}; ask for a least spend if that is not meant"
            );
            Finding::about(Code::PriceReachesZero, Severity::Note, subjects, message)
        } else {
            let message = format!(
                "{ids}{together} can take everything off {sku}; give it a promotion_floor, let them take less off, or exclude each \
                 other"
            );
            Finding::about(Code::PriceReachesZero, Severity::Danger, subjects, message)
        };
        finding.shown_by(self.witness)
    }
}

/// Prices baskets, and keeps what goes below a price.
struct Search<'s, 'a> {
    shop: &'s Shop<'s, 'a>,
    reached: &'s mut BTreeMap<BTreeSet<usize>, Reached>,
    by_id: HashMap<&'s str, usize>,
}

/// Instants that a product is looked at, at most.
const MOST_INSTANTS: usize = 8;
/// Promotions whose conditions one basket tries to meet together, at most.
const MOST_TOGETHER: usize = 50;

impl Search<'_, '_> {
    fn run(&mut self) {
        let shop = self.shop;
        let instants: Vec<Option<Timestamp>> = shop.survey.subjects.iter().map(|subject| shop.instant(subject)).collect();
        // Of each product the promotions that are for it, those for everything apart.
        let mut of_product: Vec<Vec<&Subject<'_>>> = vec![Vec::new(); shop.products.len()];
        let mut of_all: Vec<&Subject<'_>> = Vec::new();
        for subject in shop.survey.live() {
            let mut chosen: BTreeSet<usize> = BTreeSet::new();
            for (_, items) in item_sets(subject) {
                let Some(places) = shop.products_of(items) else { return };
                chosen.extend(self.telling(subject, &places));
                if items.everything() {
                    of_all.push(subject);
                } else {
                    for place in &places {
                        if of_product[*place].len() < MOST_TOGETHER {
                            of_product[*place].push(subject);
                        }
                    }
                }
            }
            let Some(at) = instants[subject.number] else { continue };
            for product in &chosen {
                if let Some(lines) = shop.lines_for(subject, *product) {
                    self.look_at(shop.price(shop.request(&lines, at, &[subject])));
                }
            }
            if let (Some(first), Some(last)) = (chosen.first(), chosen.last())
                && first != last
            {
                let pair = [(*first, 1), (*last, 1)].into();
                self.look_at(shop.price(shop.request(&pair, at, &[subject])));
            }
        }
        of_all.dedup_by_key(|subject| subject.number);
        for (product, subjects) in of_product.iter().enumerate() {
            let mut subjects: Vec<&Subject<'_>> = subjects.iter().chain(&of_all).take(MOST_TOGETHER).copied().collect();
            subjects.dedup_by_key(|subject| subject.number);
            let own: BTreeSet<Timestamp> =
                subjects.iter().filter_map(|subject| instants[subject.number]).take(MOST_INSTANTS).collect();
            for at in own {
                let one = [(product, 1)].into();
                self.look_at(shop.price(shop.request(&one, at, &[])));
                self.look_at(shop.price(shop.request(&one, at, &subjects)));
                // What pays like money may leave nothing for others to take.
                let no_vouchers: Vec<&Subject<'_>> =
                    subjects.iter().filter(|subject| !subject.promotion.effect.foreseen().pays()).copied().collect();
                if no_vouchers.len() < subjects.len() {
                    self.look_at(shop.price(shop.request(&one, at, &no_vouchers)));
                }
            }
            if !shop.has_time() {
                return;
            }
        }
    }

    /// The products that tell most of a promotion: the cheapest without a floor, and the dearest.
    fn telling(&self, subject: &Subject<'_>, places: &[usize]) -> impl Iterator<Item = usize> + use<> {
        let product = |place: &usize| &self.shop.products[*place];
        let currency =
            |place: &&usize| subject.compiled.currency.is_none_or(|currency| currency == product(place).list_price.currency);
        let price = |place: &&usize| product(place).list_price.minor;
        let bare = |place: &&usize| product(place).promotion_floor.is_none_or(|floor| floor.minor == 0);
        let cheapest = places.iter().filter(currency).filter(bare).min_by_key(price);
        let dearest = places.iter().filter(currency).max_by_key(price);
        let first = places.iter().find(currency);
        [cheapest, dearest, first].map(Option::<&usize>::copied).into_iter().flatten()
    }

    fn look_at(&mut self, priced: Option<Priced>) {
        let Some(priced) = priced else { return };
        for (place, line) in priced.quote.lines.iter().enumerate() {
            let applied = priced.quote.shares_of(place);
            let numbers: BTreeSet<usize> =
                applied.filter_map(|(decision, _)| self.by_id.get(&*decision.promotion).copied()).collect();
            let before = line.original / i64::from(line.quantity);
            let units =
                priced.quote.units(place).iter().flat_map(|units| std::iter::repeat_n(units.payable, units.quantity as usize));
            let after = self.counts(&numbers, &units.collect::<Vec<i64>>());
            let cost = priced.basket.lines[place].product.cost.map_or(0, |cost| cost.minor);
            let zero = before > 0 && after == 0;
            if !(zero || (before >= cost && after < cost)) {
                continue;
            }
            let below = if zero { 1 } else { cost };
            let numbers = self.fewest(&priced, place, below, &numbers);
            if self.reached.get(&numbers).is_some_and(|known| zero <= !known.below_cost) {
                continue;
            }
            let witness = self.simplest(&priced, place, below, &numbers);
            self.reached.insert(numbers, Reached { below_cost: !zero, sku: line.sku.to_string(), witness: Some(witness) });
        }
    }

    /// What a unit of a line is sold for at least: the cheapest, but where some units are gifts all of them together count.
    fn counts(&self, numbers: &BTreeSet<usize>, units: &[i64]) -> i64 {
        let subjects = &self.shop.survey.subjects;
        let gifts =
            numbers.iter().any(|number| matches!(subjects[*number].promotion.effect.foreseen().gives_away(), GivenAway::Gifts));
        let count = i64::try_from(units.len()).unwrap_or(i64::MAX).max(1);
        if gifts { units.iter().sum::<i64>() / count } else { units.iter().copied().min().unwrap_or(i64::MAX) }
    }

    /// Of the promotions that take a unit below a price those that do without the others.
    fn fewest(&self, priced: &Priced, line: usize, below: i64, of: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut fewest = of.clone();
        for number in of.iter().filter(|_| of.len() > 1) {
            let mut fewer = fewest.clone();
            fewer.remove(number);
            let units = self.shop.units_under(priced, line, &fewer);
            if !units.is_empty() && self.counts(&fewer, &units) < below {
                fewest = fewer;
            }
        }
        fewest
    }

    /// A basket that shows it: one unit alone if that does, and under no other conditions than those of these promotions.
    fn simplest(&self, priced: &Priced, line: usize, below: i64, numbers: &BTreeSet<usize>) -> Witness {
        let subjects: Vec<&Subject<'_>> = numbers.iter().map(|number| &self.shop.survey.subjects[*number]).collect();
        let lines = &priced.request.lines;
        let alone = RequestedLine { quantity: 1, ..lines[line].clone() };
        let simpler = [(vec![alone], 0), (lines.clone(), line)].into_iter().filter_map(|(lines, line)| {
            let request = self.shop.request(&BTreeMap::new(), priced.request.at?, &subjects);
            let request = QuoteRequest { lines, postage: priced.request.postage.clone(), ..request };
            let shown = self.shop.price(request)?;
            (shown.quote.units(line).last()?.payable < below).then_some(shown.request)
        });
        Witness::Basket(Box::new(simpler.into_iter().next().unwrap_or_else(|| priced.request.clone())))
    }
}
