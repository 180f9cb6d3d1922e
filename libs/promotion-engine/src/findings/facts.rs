use std::collections::BTreeSet;
use std::rc::Rc;

use super::meeting::{Clock, Meeting, Wanted};
use super::survey::Subject;
use crate::components::{ForeseenTier, Reached};
use crate::document::condition::{Basis, Condition, Numbers, Over};
use crate::document::items::Items;
use crate::document::policies::CouponCase;
use crate::document::window::Window;
use crate::keys::spelled;

/// Something that must hold where a promotion applies.
#[derive(Clone, Debug)]
pub(super) struct Fact<'a> {
    /// Where the document says so.
    pub(super) path: Rc<str>,
    pub(super) what: What<'a>,
}

/// What must hold; both ends of a range are in it.
#[derive(Clone, Debug)]
pub(super) enum What<'a> {
    Spent { over: Whose<'a>, basis: Basis, from: i64, to: i64 },
    Units { over: Whose<'a>, from: u64, to: u64 },
    OrderNumber { from: u64, to: u64 },
    StockLeft { numbers: &'a Numbers, within: bool },
    Among { field: Asked, values: Rc<BTreeSet<String>>, among: bool },
    Open { window: &'a Window, open: bool },
}

/// Whose money or units count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose<'a> {
    Matching,
    Order,
    Items(&'a Items),
}

/// What of a customer or a basket is asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Groups,
    Customers,
    Coupons,
    Channels,
    Regions,
    PaymentMethods,
    PostageMethods,
}

/// What holds together.
pub(super) type Together<'a> = Vec<Fact<'a>>;

/// Why some facts never hold together.
#[derive(Debug)]
pub(super) struct Clash {
    pub(super) paths: Vec<String>,
    pub(super) why: String,
}

/// Ways in which a condition may hold, at most; of more nothing is said.
const MOST_WAYS: usize = 64;

/// Every way in which a promotion may apply, as far as its condition, its window and its effect say; `None`: there are too many.
pub(super) fn ways<'a>(subject: &Subject<'a>, case: CouponCase) -> Option<Vec<Together<'a>>> {
    let mut ways = match &subject.promotion.when {
        None => vec![Vec::new()],
        Some(condition) => {
            let mut path = format!("{}.when", subject.path);
            Reading { subject, case }.ways(condition, true, &mut path)?
        }
    };
    let mut always = of_effect(subject);
    if let Some(window) = &subject.promotion.window {
        let path = format!("{}.window", subject.path).into();
        always.push(Fact { path, what: What::Open { window, open: true } });
    }
    for way in &mut ways {
        way.extend(always.iter().cloned());
    }
    Some(ways)
}

/// What a tier of the effect asks for, by its place, if it has tiers.
pub(super) fn of_tiers<'a>(subject: &Subject<'a>) -> Vec<Fact<'a>> {
    let path = subject.effect_path();
    let over = whose_items(subject);
    let fact = |tier: ForeseenTier| Fact {
        path: format!("{path}.{}.from", tier.path).into(),
        what: match tier.from {
            Reached::Units(from) => What::Units { over, from: from.into(), to: u64::MAX },
            Reached::Spent(basis, from) => What::Spent { over, basis, from, to: i64::MAX },
        },
    };
    subject.promotion.effect.foreseen().tiers().into_iter().map(fact).collect()
}

/// Why `facts` never hold together; `None`: as far as can be told they may.
pub(super) fn clash(facts: &[Fact<'_>], subject: &Subject<'_>, clock: &Clock<'_>) -> Option<Clash> {
    let pair = |one: &Fact<'_>, other: &Fact<'_>| Clash {
        paths: paths([one, other]),
        why: format!("{} and {} never hold together", one.tell(subject), other.tell(subject)),
    };
    for (place, one) in facts.iter().enumerate() {
        // A fact may also contradict itself: the zeroth order of a customer.
        if let Some(other) =
            facts[place..].iter().find(|other| contradict(&one.what, &other.what) || contradict(&other.what, &one.what))
        {
            return Some(pair(one, other));
        }
    }
    for field in Asked::ALL {
        let asked = |wanted: bool| {
            facts
                .iter()
                .filter(move |fact| matches!(fact.what, What::Among { field: of, among, .. } if of == field && among == wanted))
        };
        let not: BTreeSet<&String> = asked(false).flat_map(Fact::values).collect();
        let left_of = |fact: &Fact<'_>| fact.values().filter(|value| !not.contains(value)).cloned().collect::<BTreeSet<String>>();
        let all = || asked(true).chain(asked(false));
        let told = || all().map(|fact| fact.tell(subject)).collect::<Vec<_>>().join(" and ");
        let clash = || Some(Clash { paths: paths(all()), why: format!("{} never hold together", told()) });
        if field.is_one() {
            let shared = asked(true).map(left_of).reduce(|one, other| one.intersection(&other).cloned().collect());
            if shared.is_some_and(|shared| shared.is_empty()) {
                return clash();
            }
        } else if asked(true).any(|fact| left_of(fact).is_empty()) {
            return clash();
        }
    }
    let open = || facts.iter().filter(|fact| matches!(fact.what, What::Open { .. }));
    let windows = windows(facts);
    if !windows.is_empty() && clock.meeting(&windows) == Meeting::Never {
        let told: Vec<String> = open().map(|fact| fact.tell(subject)).collect();
        return Some(Clash { paths: paths(open()), why: format!("{} never hold together", told.join(" and ")) });
    }
    None
}

/// The windows among `facts`.
pub(super) fn windows<'a>(facts: &[Fact<'a>]) -> Vec<Wanted<'a>> {
    let window = |fact: &Fact<'a>| if let What::Open { window, open } = fact.what { Some((window, open)) } else { None };
    facts.iter().filter_map(window).collect()
}

/// How a condition is read.
struct Reading<'s, 'a> {
    subject: &'s Subject<'a>,
    case: CouponCase,
}

impl<'a> Reading<'_, 'a> {
    fn ways(&self, condition: &'a Condition, holds: bool, path: &mut String) -> Option<Vec<Together<'a>>> {
        let length = path.len();
        let mut of = |part: &'a Condition, holds: bool, name: &str| {
            path.push_str(name);
            let ways = self.ways(part, holds, path);
            path.truncate(length);
            ways
        };
        match (condition, holds) {
            (Condition::Not(part), _) => of(part, !holds, ".not"),
            (Condition::All(parts), true) | (Condition::Any(parts), false) => {
                let field = if holds { "all" } else { "any" };
                let mut together: Vec<Together<'a>> = vec![Vec::new()];
                for (position, part) in parts.iter().enumerate() {
                    let more = of(part, holds, &format!(".{field}[{position}]"))?;
                    if together.len() * more.len() > MOST_WAYS {
                        return None;
                    }
                    let join = |way: &Together<'a>| more.iter().map(|other| [&way[..], other].concat()).collect::<Vec<_>>();
                    together = together.iter().flat_map(join).collect();
                }
                Some(together)
            }
            (Condition::Any(parts), true) | (Condition::All(parts), false) => {
                let field = if holds { "any" } else { "all" };
                let mut ways = Vec::new();
                for (position, part) in parts.iter().enumerate() {
                    ways.extend(of(part, holds, &format!(".{field}[{position}]"))?);
                }
                (ways.len() <= MOST_WAYS).then_some(ways)
            }
            (leaf, _) => Some(self.leaf(leaf, holds, path)),
        }
    }

    /// The ways in which a condition without parts holds, or does not.
    fn leaf(&self, condition: &'a Condition, holds: bool, path: &str) -> Vec<Together<'a>> {
        let among = |field, values: &BTreeSet<String>| {
            let values = if field == Asked::Coupons {
                values.iter().map(|code| spelled(code, self.case)).collect()
            } else {
                values.clone()
            };
            vec![What::Among { field, values: values.into(), among: holds }]
        };
        let whats = match condition {
            Condition::Spend(spend) => {
                let (over, basis) = (self.whose(&spend.over), spend.basis);
                let range = |(from, to)| What::Spent { over, basis, from, to };
                let below = spend.below.map(|below| below.minor);
                let least = spend.at_least.minor;
                if holds {
                    vec![range((least, below.map_or(i64::MAX, |below| below - 1)))]
                } else {
                    let under = (least > 0).then_some((0, least - 1));
                    under.into_iter().chain(below.map(|below| (below, i64::MAX))).map(range).collect()
                }
            }
            Condition::Quantity(quantity) => {
                let over = self.whose(&quantity.over);
                let (least, most) = (u64::from(quantity.at_least), quantity.at_most.map(u64::from));
                outside_or_in(least, most, holds).into_iter().map(|(from, to)| What::Units { over, from, to }).collect()
            }
            Condition::OrderNumber(numbers) => {
                let (least, most) = (numbers.at_least.unwrap_or(0), numbers.at_most);
                outside_or_in(least, most, holds).into_iter().map(|(from, to)| What::OrderNumber { from, to }).collect()
            }
            Condition::StockLeft(numbers) => vec![What::StockLeft { numbers, within: holds }],
            Condition::Groups(values) => among(Asked::Groups, values),
            Condition::Customers(values) => among(Asked::Customers, values),
            Condition::Coupons(values) => among(Asked::Coupons, values),
            Condition::Channels(values) => among(Asked::Channels, values),
            Condition::Regions(values) => among(Asked::Regions, values),
            Condition::PaymentMethods(values) => among(Asked::PaymentMethods, values),
            Condition::PostageMethods(values) => among(Asked::PostageMethods, values),
            Condition::Window(window) => vec![What::Open { window, open: holds }],
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => return vec![Vec::new()],
        };
        let path: Rc<str> = format!("{path}.{}", field_of(condition)).into();
        whats.into_iter().map(|what| vec![Fact { path: Rc::clone(&path), what }]).collect()
    }

    fn whose(&self, over: &'a Over) -> Whose<'a> {
        match over {
            Over::Matching => whose_items(self.subject),
            Over::Order => Whose::Order,
            Over::Items(items) if items.everything() => Whose::Order,
            Over::Items(items) => Whose::Items(items),
        }
    }
}

/// What a promotion's own items are.
fn whose_items<'a>(subject: &Subject<'_>) -> Whose<'a> {
    if subject.promotion.items.everything() && !subject.has_own_sets() { Whose::Order } else { Whose::Matching }
}

fn outside_or_in(least: u64, most: Option<u64>, inside: bool) -> Vec<(u64, u64)> {
    if inside {
        return vec![(least, most.unwrap_or(u64::MAX))];
    }
    let below = least.checked_sub(1).map(|to| (0, to));
    let above = most.and_then(|most| most.checked_add(1)).map(|from| (from, u64::MAX));
    below.into_iter().chain(above).collect()
}

/// What an effect needs.
fn of_effect<'a>(subject: &Subject<'a>) -> Vec<Fact<'a>> {
    let path: Rc<str> = subject.effect_path().into();
    let over = whose_items(subject);
    let effect = subject.promotion.effect.foreseen();
    let spent = effect.spend_needed(subject.promotion.stack_base);
    let units = What::Units { over, from: effect.units_needed().max(1), to: u64::MAX };
    let spent = spent.map(|(basis, from)| What::Spent { over, basis, from, to: i64::MAX });
    std::iter::once(units).chain(spent).map(|what| Fact { path: Rc::clone(&path), what }).collect()
}

/// Whether the least that `one` asks for is more than `other` lets through. The order is worth, and has, no less than a part of
/// it; and promotions only take away.
fn contradict(one: &What<'_>, other: &What<'_>) -> bool {
    let part = |one: &Whose<'_>, other: &Whose<'_>| one == other || *other == Whose::Order;
    match (one, other) {
        (What::Spent { over, basis, from, .. }, What::Spent { over: of, basis: at, to, .. }) => {
            let cheaper = basis == at || (*basis == Basis::Running && *at == Basis::Original);
            part(over, of) && cheaper && from > to
        }
        (What::Units { over, from, .. }, What::Units { over: of, to, .. }) => part(over, of) && from > to,
        (What::OrderNumber { from, to: most, .. }, What::OrderNumber { to, .. }) => {
            from > to || *most == 0 || *from > u64::from(u32::MAX) + 1
        }
        (What::StockLeft { numbers, within: true }, What::StockLeft { numbers: others, within }) => {
            let range = |of: &Numbers| (of.at_least.unwrap_or(0), of.at_most.unwrap_or(u64::MAX));
            let ((least, most), (others_least, others_most)) = (range(numbers), range(others));
            if *within { least > others_most } else { others_least <= least && most <= others_most }
        }
        _ => false,
    }
}

fn paths<'f, 'a: 'f>(facts: impl IntoIterator<Item = &'f Fact<'a>>) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for fact in facts {
        if !paths.iter().any(|path| **path == *fact.path) {
            paths.push(fact.path.to_string());
        }
    }
    paths
}

impl Asked {
    const ALL: [Self; 7] =
        [Self::Groups, Self::Customers, Self::Coupons, Self::Channels, Self::Regions, Self::PaymentMethods, Self::PostageMethods];

    /// Whether a basket has one of these at most.
    fn is_one(self) -> bool {
        !matches!(self, Self::Groups | Self::Coupons)
    }
}

fn field_of(condition: &Condition) -> &'static str {
    match condition {
        Condition::All(_) => "all",
        Condition::Any(_) => "any",
        Condition::Not(_) => "not",
        Condition::Spend(_) => "spend",
        Condition::Quantity(_) => "quantity",
        Condition::Groups(_) => "groups",
        Condition::Customers(_) => "customers",
        Condition::OrderNumber(_) => "order_number",
        Condition::Channels(_) => "channels",
        Condition::Regions(_) => "regions",
        Condition::PaymentMethods(_) => "payment_methods",
        Condition::PostageMethods(_) => "postage_methods",
        Condition::Coupons(_) => "coupons",
        Condition::Window(_) => "window",
        Condition::StockLeft(_) => "stock_left",
    }
}

impl Fact<'_> {
    pub(super) fn values(&self) -> impl Iterator<Item = &String> {
        let values = if let What::Among { values, .. } = &self.what { Some(values) } else { None };
        values.into_iter().flat_map(|values| values.iter())
    }

    /// In words.
    fn tell(&self, subject: &Subject<'_>) -> String {
        let of = |over: &Whose<'_>| match over {
            Whose::Matching => "its items",
            Whose::Order => "the order",
            Whose::Items(_) => "the items named",
        };
        match &self.what {
            What::Spent { over, from, to, .. } => match (*from, *to) {
                (from, i64::MAX) => format!("at least {} for {}", subject.amount(from), of(over)),
                (0, to) => format!("at most {} for {}", subject.amount(to), of(over)),
                (from, to) => format!("{} to {} for {}", subject.amount(from), subject.amount(to), of(over)),
            },
            What::Units { over, from, to } => format!("{} of {}", told_range(*from, *to, "units"), of(over)),
            What::OrderNumber { from, to } => format!("order number {}", told_range(*from, *to, "")),
            What::StockLeft { numbers, within } => {
                let range = told_range(numbers.at_least.unwrap_or(0), numbers.at_most.unwrap_or(u64::MAX), "units");
                format!("{}{range} left in stock", if *within { "" } else { "not " })
            }
            What::Among { field, values, among } => {
                let field = match field {
                    Asked::Groups => "group",
                    Asked::Customers => "customer",
                    Asked::Coupons => "code",
                    Asked::Channels => "channel",
                    Asked::Regions => "region",
                    Asked::PaymentMethods => "payment method",
                    Asked::PostageMethods => "postage method",
                };
                format!("{}{field} {}", if *among { "" } else { "not " }, told(values.iter().map(String::as_str), "or"))
            }
            What::Open { window, open } => {
                let json = serde_json::to_string(window).unwrap_or_default();
                format!("{}window {json}", if *open { "" } else { "not " })
            }
        }
    }
}

fn told_range(from: u64, to: u64, of: &str) -> String {
    let of = if of.is_empty() { String::new() } else { format!(" {of}") };
    match (from, to) {
        (from, u64::MAX) => format!("at least {from}{of}"),
        (0, to) => format!("at most {to}{of}"),
        (from, to) if from == to => format!("{from}{of}"),
        (from, to) => format!("{from} to {to}{of}"),
    }
}

/// Names that are told one by one, at most.
const MOST_NAMES: usize = 5;

/// A few of some names in words.
pub(super) fn told<'n>(names: impl Iterator<Item = &'n str>, joined_by: &str) -> String {
    let names: Vec<&str> = names.collect();
    match &names[..] {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= MOST_NAMES => format!("{} {joined_by} {last}", first.join(", ")),
        names => format!("{} {joined_by} {} others", names[..MOST_NAMES].join(", "), names.len() - MOST_NAMES),
    }
}
