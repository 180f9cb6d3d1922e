use crate::compile::Set;
use crate::state::Sheet;

/// A promotion that the basket, the customer or a coupon concerns, with the lines that are for it.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) promotion: u32,
    /// Where its lines are in [`Candidates::lines`].
    first: u32,
    last: u32,
}

/// All of them, in the order in which they run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) all: Vec<Candidate>,
    /// A line, and the sets of items of the promotion that it belongs to.
    lines: Vec<(u16, u16)>,
}

impl Candidates {
    /// Found by what the basket holds, so that it costs what they cost, however many promotions there are.
    pub(crate) fn of(sheet: &Sheet<'_>) -> Self {
        let rules = sheet.rules;
        let mut hits: Vec<Hit> = Vec::with_capacity(sheet.lines.len() * 8);
        for line in sheet.line_numbers() {
            let keys = sheet.keys_of(line);
            for key in keys {
                for posting in &rules.postings[*key as usize] {
                    let set = match posting.set {
                        Set::Certain(set) => set,
                        Set::Possible(set) if rules.promotions[posting.promotion as usize].sets[usize::from(set)].holds(keys) => {
                            set
                        }
                        Set::Possible(_) | Set::Context => continue,
                    };
                    hits.push(Hit::of(posting.promotion, line, 1 << set));
                }
            }
        }
        let concerned = sheet.context_keys.iter().flat_map(|key| &rules.postings[*key as usize]).map(|posting| posting.promotion);
        hits.extend(concerned.chain(rules.always.iter().copied()).map(|promotion| Hit::of(promotion, WHOLE, 0)));
        hits.sort_unstable();
        let mut candidates = Self { all: Vec::with_capacity(hits.len() / 2), lines: Vec::with_capacity(hits.len()) };
        for of_one in hits.chunk_by(|one, other| one.promotion() == other.promotion()) {
            let promotion = of_one[0].promotion();
            let first = candidates.length();
            if of_one[0].line() == WHOLE {
                candidates.scan(sheet, promotion);
            } else {
                // A coupon may concern it too.
                for hit in of_one.iter().filter(|hit| hit.line() != WHOLE) {
                    candidates.hold(first, hit.line(), hit.sets());
                }
            }
            let last = candidates.length();
            candidates.all.push(Candidate { promotion, first, last });
        }
        candidates
    }

    /// Every promotion of the rule set.
    pub(crate) fn every(sheet: &Sheet<'_>) -> Self {
        let mut candidates = Self::default();
        for promotion in (0..).take(sheet.rules.promotions.len()) {
            let first = candidates.length();
            candidates.scan(sheet, promotion);
            let last = candidates.length();
            candidates.all.push(Candidate { promotion, first, last });
        }
        candidates
    }

    /// The lines of a candidate, in rising order.
    pub(crate) fn lines(&self, candidate: &Candidate) -> &[(u16, u16)] {
        &self.lines[candidate.first as usize..candidate.last as usize]
    }

    fn scan(&mut self, sheet: &Sheet<'_>, promotion: u32) {
        let compiled = &sheet.rules.promotions[promotion as usize];
        let first = self.length();
        for (set, items) in (0..).zip(&compiled.sets) {
            let everything = items.everything();
            for line in sheet.line_numbers() {
                if everything || items.holds(sheet.keys_of(line)) {
                    self.lines.push((line, 1 << set));
                }
            }
        }
        if compiled.sets.len() > 1 {
            let mut found = self.lines.split_off(first as usize);
            found.sort_unstable();
            for (line, sets) in found {
                self.hold(first, line, sets);
            }
        }
    }

    /// Adds a line, or a set to the line added last.
    fn hold(&mut self, first: u32, line: u16, sets: u16) {
        let of_this = &mut self.lines[first as usize..];
        match of_this.last_mut() {
            Some((last, known)) if *last == line => *known |= sets,
            _ => self.lines.push((line, sets)),
        }
    }

    fn length(&self) -> u32 {
        u32::try_from(self.lines.len()).expect("candidates are few")
    }
}

/// A promotion that concerns a line: promotion, line and sets in one number, so that they sort fast.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Hit(u64);

impl Hit {
    fn of(promotion: u32, line: u16, sets: u16) -> Self {
        Self((u64::from(promotion) << 32) | (u64::from(line) << 16) | u64::from(sets))
    }

    fn promotion(self) -> u32 {
        u32::try_from(self.0 >> 32).expect("it is the upper half")
    }

    fn line(self) -> u16 {
        u16::try_from((self.0 >> 16) & 0xffff).expect("it is a quarter")
    }

    fn sets(self) -> u16 {
        u16::try_from(self.0 & 0xffff).expect("it is a quarter")
    }
}

/// The line of what concerns whole baskets: after all others.
const WHOLE: u16 = u16::MAX;
