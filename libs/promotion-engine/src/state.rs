use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use pricestream_domain::Sku;

use crate::application::{Application, Made};
use crate::basket::{Basket, BasketError, Context, Line};
use crate::compile::{Compiled, RuleSet};
use crate::components::{Unit, WorksOn};
use crate::condition::{Situation, StockLeft, Whose};
use crate::document::condition::{Basis, Numbers};
use crate::document::promotion::Scope;
use crate::keys::Codes;

/// A basket under calculation: its lines in the order of their ids, its units one by one.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    pub(crate) basket: &'a Basket,
    pub(crate) context: &'a Context,
    /// The instant that is priced.
    pub(crate) at: Timestamp,
    pub(crate) rules: &'a RuleSet,
    /// Places of the lines in the basket, in the order of their ids.
    pub(crate) lines: Vec<u32>,
    /// Of each line, its first unit; then the number of units.
    pub(crate) first_unit: Vec<u32>,
    /// Keys of each line, in rising order.
    keys: Vec<u32>,
    /// Of each line, where its keys begin; then their number.
    first_key: Vec<u32>,
    pub(crate) codes: Codes,
    pub(crate) context_keys: Vec<u32>,
    /// Of each unit, in minor units: what the merchant set, ...
    pub(crate) list: Vec<i64>,
    /// ... what it costs before promotions, ...
    pub(crate) original: Vec<i64>,
    /// ... and what no promotion goes below.
    pub(crate) floor: Vec<i64>,
}

/// What changes while promotions are applied.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// What each unit costs now.
    pub(crate) running: Vec<i64>,
    /// What all units cost now.
    pub(crate) total: i64,
    /// What postage costs now.
    pub(crate) postage: Option<i64>,
    /// What is left in each red packet.
    pub(crate) packets: Vec<i64>,
    /// Points that are left.
    pub(crate) points: u64,
    /// Units that were given for nothing.
    pub(crate) given: Vec<(Sku, u64)>,
    /// Of each unit, by which promotion it was used up: that one's place and one more; 0: by none.
    used: Vec<u32>,
    /// Exclusion classes of what was applied: on each line, ...
    on_line: Vec<u64>,
    /// ... on each unit, if any exclusion is about units, ...
    on_unit: Vec<u64>,
    /// ... anywhere, ...
    anywhere: Vec<u64>,
    /// ... and on the order as a whole.
    on_order: Vec<u64>,
    /// Promotions applied so far, with the lines that they touched.
    applied: Vec<(u32, Vec<u16>)>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn of(rules: &'a RuleSet, basket: &'a Basket, context: &'a Context) -> Result<Self, BasketError> {
        let lines = by_id(&basket.lines)?;
        let units: usize = basket.lines.iter().map(|line| line.quantity as usize).sum();
        let codes = rules.keys.codes(context);
        let mut sheet = Self {
            basket,
            context,
            at: context.at,
            rules,
            first_unit: Vec::with_capacity(lines.len() + 1),
            keys: Vec::with_capacity(lines.len() * 4),
            first_key: Vec::with_capacity(lines.len() + 1),
            context_keys: rules.keys.of_context(context, &codes),
            codes,
            list: Vec::with_capacity(units),
            original: Vec::with_capacity(units),
            floor: Vec::with_capacity(units),
            lines: Vec::new(),
        };
        for place in &lines {
            let line = &basket.lines[*place as usize];
            sheet.first_unit.push(number(sheet.original.len()));
            sheet.first_key.push(number(sheet.keys.len()));
            rules.keys.of_product(&line.product, &mut sheet.keys);
            let length = sheet.original.len() + line.quantity as usize;
            let floor = line.product.promotion_floor.map_or(0, |floor| floor.minor);
            sheet.list.resize(length, line.product.list_price.minor);
            sheet.original.resize(length, line.unit_price.minor);
            sheet.floor.resize(length, floor.min(line.unit_price.minor));
        }
        sheet.first_unit.push(number(sheet.original.len()));
        sheet.first_key.push(number(sheet.keys.len()));
        sheet.lines = lines;
        Ok(sheet)
    }

    pub(crate) fn keys_of(&self, line: u16) -> &[u32] {
        let line = usize::from(line);
        &self.keys[self.first_key[line] as usize..self.first_key[line + 1] as usize]
    }

    pub(crate) fn units_of(&self, line: u16) -> Range<usize> {
        let line = usize::from(line);
        self.first_unit[line] as usize..self.first_unit[line + 1] as usize
    }

    /// Of each line of the basket, in its order, which place its id has.
    pub(crate) fn numbers(&self) -> Vec<u16> {
        let mut numbers = vec![0; self.lines.len()];
        for (number, place) in (0..).zip(&self.lines) {
            numbers[*place as usize] = number;
        }
        numbers
    }

    pub(crate) fn line_numbers(&self) -> Range<u16> {
        0..u16::try_from(self.lines.len()).expect("the basket was checked")
    }
}

impl State {
    pub(crate) fn of(sheet: &Sheet<'_>) -> Self {
        let words = sheet.rules.words;
        let units = sheet.original.len();
        Self {
            running: sheet.original.clone(),
            total: sheet.original.iter().sum(),
            postage: sheet.basket.postage.as_ref().map(|postage| postage.amount.minor),
            packets: sheet.context.red_packets.iter().map(|packet| packet.amount.minor).collect(),
            points: sheet.context.points,
            given: Vec::new(),
            used: vec![0; units],
            on_line: vec![0; words * sheet.lines.len()],
            on_unit: vec![0; if sheet.rules.excludes_on_units { words * units } else { 0 }],
            anywhere: vec![0; words],
            on_order: vec![0; words],
            applied: Vec::new(),
        }
    }

    /// Who stands against `promotion` in the order as a whole.
    pub(crate) fn excluded(&self, sheet: &Sheet<'_>, promotion: &Compiled) -> Option<u32> {
        if sheet.rules.words == 0 {
            return None;
        }
        let [_, on_line, on_order] = &promotion.excludes;
        let against = |mine: &[u64], theirs: &[u64]| mine.iter().zip(theirs).any(|(mine, theirs)| mine & theirs != 0);
        let order = against(on_order, &self.anywhere)
            || against(on_line, &self.on_order)
            || (promotion.works_on == WorksOn::Order && against(on_line, &self.anywhere));
        order.then(|| self.who(sheet, promotion, None)).flatten()
    }

    /// Who stands against `promotion` on a line.
    pub(crate) fn excluded_on(&self, sheet: &Sheet<'_>, promotion: &Compiled, line: u16) -> Option<u32> {
        let words = sheet.rules.words;
        if words == 0 {
            return None;
        }
        let theirs = &self.on_line[usize::from(line) * words..][..words];
        let against = promotion.excludes[Scope::Line as usize].iter().zip(theirs).any(|(mine, theirs)| mine & theirs != 0);
        against.then(|| self.who(sheet, promotion, Some(line))).flatten()
    }

    fn who(&self, sheet: &Sheet<'_>, promotion: &Compiled, line: Option<u16>) -> Option<u32> {
        let stands_against = |other: &Compiled| {
            promotion.excludes.iter().any(|mine| mine.iter().zip(&other.classes).any(|(mine, theirs)| mine & theirs != 0))
        };
        let here = |lines: &[u16]| line.is_none_or(|line| lines.contains(&line));
        self.applied
            .iter()
            .find(|(other, lines)| here(lines) && stands_against(&sheet.rules.promotions[*other as usize]))
            .map(|(other, _)| *other)
    }

    /// The units of `lines` that `promotion` may work on.
    pub(crate) fn units(&self, sheet: &Sheet<'_>, promotion: &Compiled, lines: &[(u16, u16)], to: &mut Vec<Unit>) {
        to.clear();
        let words = sheet.rules.words;
        let base = match promotion.document.stack_base {
            Basis::Running => &self.running,
            Basis::Original => &sheet.original,
            Basis::List => &sheet.list,
        };
        let is_free = |unit: usize| {
            let excluded = || {
                let theirs = &self.on_unit[unit * words..][..words];
                promotion.excludes[Scope::Unit as usize].iter().zip(theirs).any(|(mine, theirs)| mine & theirs != 0)
            };
            !(promotion.uses_up && self.used[unit] > 0) && (self.on_unit.is_empty() || !excluded())
        };
        let all_are_free = !promotion.uses_up && self.on_unit.is_empty();
        for (line, sets) in lines {
            let units = sheet.units_of(*line);
            let prices = base[units.clone()].iter().zip(&self.running[units.clone()]).zip(&sheet.floor[units.clone()]);
            let of_line = (number(units.start)..).zip(prices).map(|(number, ((price, running), floor))| Unit {
                number,
                line: *line,
                sets: *sets,
                price: *price,
                room: (running - floor).max(0),
            });
            if all_are_free {
                to.extend(of_line);
            } else {
                to.extend(of_line.filter(|unit| is_free(unit.number as usize)));
            }
        }
    }

    /// Which promotion has used up units of `lines` that `promotion` could use.
    pub(crate) fn taken_by(&self, sheet: &Sheet<'_>, promotion: &Compiled, lines: &[(u16, u16)]) -> Option<u32> {
        if !promotion.uses_up {
            return None;
        }
        let used = lines.iter().flat_map(|(line, _)| &self.used[sheet.units_of(*line)]);
        used.copied().find(|by| *by > 0).map(|by| by - 1)
    }

    /// Who stands against `promotion` on a unit of `lines`.
    pub(crate) fn excluded_on_units(&self, sheet: &Sheet<'_>, promotion: &Compiled, lines: &[(u16, u16)]) -> Option<u32> {
        if self.on_unit.is_empty() {
            return None;
        }
        let words = sheet.rules.words;
        let mine = &promotion.excludes[Scope::Unit as usize];
        let against = |line: u16| {
            let units = sheet.units_of(line);
            let theirs = self.on_unit[units.start * words..units.end * words].chunks_exact(words);
            theirs.into_iter().any(|theirs| mine.iter().zip(theirs).any(|(mine, theirs)| mine & theirs != 0))
        };
        let line = lines.iter().map(|(line, _)| *line).find(|line| against(*line))?;
        self.who(sheet, promotion, Some(line))
    }

    /// Takes off what `application` does.
    pub(crate) fn commit(&mut self, sheet: &Sheet<'_>, application: &Application, made: &Made) {
        let promotion = &sheet.rules.promotions[application.promotion as usize];
        for (unit, amount) in made.off(application) {
            self.running[*unit as usize] -= amount;
            self.total -= amount;
        }
        if let Some(postage) = &mut self.postage {
            *postage -= application.postage;
        }
        for (packet, used) in &application.packets {
            self.packets[usize::from(*packet)] -= used;
        }
        self.points -= application.points;
        if let Some(gifts) = &application.gifts {
            self.given.extend(gifts.given.iter().map(|gift| (gift.sku.clone(), gift.quantity)));
        }
        if promotion.uses_up {
            for unit in made.used(application) {
                self.used[*unit as usize] = application.promotion + 1;
            }
        }
        let words = sheet.rules.words;
        if words == 0 {
            return;
        }
        let mark = |bits: &mut [u64]| bits.iter_mut().zip(&promotion.classes).for_each(|(bits, class)| *bits |= class);
        for line in made.lines(application) {
            mark(&mut self.on_line[usize::from(*line) * words..][..words]);
        }
        mark(&mut self.anywhere);
        if promotion.works_on == WorksOn::Order {
            mark(&mut self.on_order);
        }
        if !self.on_unit.is_empty() {
            for (unit, _) in made.off(application) {
                mark(&mut self.on_unit[*unit as usize * words..][..words]);
            }
        }
        self.applied.push((application.promotion, made.lines(application).to_vec()));
    }
}

/// What a promotion's condition is tested on.
pub(crate) struct Now<'a> {
    pub(crate) sheet: &'a Sheet<'a>,
    pub(crate) state: &'a State,
    /// The promotion's own lines.
    pub(crate) lines: &'a [(u16, u16)],
}

impl Now<'_> {
    fn lines_of(&self, over: &Whose) -> impl Iterator<Item = u16> {
        let (matching, order) = match over {
            Whose::Matching => (self.lines, 0..0),
            Whose::Order | Whose::Items(_) => (&[][..], self.sheet.line_numbers()),
        };
        let items = if let Whose::Items(items) = over { Some(items) } else { None };
        let all = matching.iter().map(|(line, _)| *line).chain(order);
        all.filter(move |line| items.is_none_or(|items| items.holds(self.sheet.keys_of(*line))))
    }
}

impl Situation for Now<'_> {
    fn context(&self) -> &Context {
        self.sheet.context
    }

    fn at(&self) -> Timestamp {
        self.sheet.at
    }

    fn context_keys(&self) -> &[u32] {
        &self.sheet.context_keys
    }

    fn postage_method(&self) -> Option<&str> {
        self.sheet.basket.postage.as_ref()?.method.as_deref()
    }

    fn zone(&self) -> &pricestream_documents::Zone {
        &self.sheet.rules.zone
    }

    fn spent(&self, over: &Whose, basis: Basis) -> i64 {
        if let (Whose::Order, Basis::Running) = (over, basis) {
            return self.state.total;
        }
        // Before promotions the units of a line cost the same.
        let alike = |prices: &[i64], units: Range<usize>| prices[units.start] * i64::from(number(units.len()));
        let of_line = |line: u16| {
            let units = self.sheet.units_of(line);
            match basis {
                Basis::Running => self.state.running[units].iter().sum(),
                Basis::Original => alike(&self.sheet.original, units),
                Basis::List => alike(&self.sheet.list, units),
            }
        };
        self.lines_of(over).map(of_line).sum()
    }

    fn units(&self, over: &Whose) -> u64 {
        self.lines_of(over).map(|line| self.sheet.units_of(line).len() as u64).sum()
    }

    fn cheapest(&self, over: &Whose) -> Option<i64> {
        self.lines_of(over).filter_map(|line| self.sheet.original[self.sheet.units_of(line)].first().copied()).min()
    }

    fn stock_outside(&self, numbers: &Numbers) -> Option<StockLeft> {
        let stock = self.lines.iter().map(|(line, _)| {
            let place = self.sheet.lines[usize::from(*line)];
            self.sheet.basket.lines[place as usize].stock_left
        });
        stock.into_iter().find(|left| left.is_none_or(|left| !numbers.contain(left)))
    }
}

/// Places of the lines in the order of their ids.
fn by_id(lines: &[Line]) -> Result<Vec<u32>, BasketError> {
    let id = |place: u32| &lines[place as usize].id;
    // What ids begin with mostly decides, and is compared without looking them up.
    let beginning = |id: &str| {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(id.bytes()).for_each(|(to, byte)| *to = byte);
        u64::from_be_bytes(bytes)
    };
    let mut sorted: Vec<(u64, u32)> = (0..).zip(lines).map(|(place, line)| (beginning(&line.id), place)).collect();
    sorted.sort_unstable_by(|(one, at), (other, bt)| one.cmp(other).then_with(|| id(*at).cmp(id(*bt)).then(at.cmp(bt))));
    let twice = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0 && id(pair[0].1) == id(pair[1].1));
    match twice {
        Some(pair) => Err(BasketError::TwiceTheSameId(Arc::clone(id(pair[0].1)))),
        None => Ok(sorted.into_iter().map(|(_, place)| place).collect()),
    }
}

fn number(of: usize) -> u32 {
    u32::try_from(of).expect("the basket was checked")
}
