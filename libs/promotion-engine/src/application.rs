use std::ops::Range;

use crate::components::{Draft, Gifts, Unit};

/// What a promotion takes off. What it takes off single units is kept in [`Made`], one list for all of them.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) promotion: u32,
    /// Everything that it takes off.
    pub(crate) total: i64,
    /// What it would have taken off and did not: prices were at their floors.
    pub(crate) unfit: i64,
    pub(crate) postage: i64,
    /// Out of which red packet how much.
    pub(crate) packets: Vec<(u16, i64)>,
    /// Points that it spends.
    pub(crate) points: u64,
    /// What it gives for nothing, and what it leaves to choose.
    pub(crate) gifts: Option<Box<Gifts>>,
    off: Range<u32>,
    used: Range<u32>,
    lines: Range<u32>,
}

impl Application {
    /// Whether it gives nothing as long as nobody chooses.
    pub(crate) fn is_open(&self) -> bool {
        self.gifts.as_ref().is_some_and(|gifts| gifts.given.is_empty())
    }
}

/// What the applications of a quote are made of.
#[derive(Debug, Default)]
pub(crate) struct Made {
    off: Vec<(u32, i64)>,
    used: Vec<u32>,
    lines: Vec<u16>,
    /// Of each of the lines, what is taken off it, and off how many units.
    of_lines: Vec<(i64, u32)>,
}

impl Made {
    /// With room for what a basket of so many units and lines is likely to need.
    pub(crate) fn with_room(units: usize, lines: usize) -> Self {
        Self {
            off: Vec::with_capacity(units * 8),
            used: Vec::new(),
            lines: Vec::with_capacity(lines * 8),
            of_lines: Vec::with_capacity(lines * 8),
        }
    }

    /// By unit, in rising order; none of them zero.
    pub(crate) fn off(&self, application: &Application) -> &[(u32, i64)] {
        &self.off[places(&application.off)]
    }

    /// Where those begin among all of them, which [`Self::into_off`] gives.
    pub(crate) fn first_off(application: &Application) -> u32 {
        application.off.start
    }

    /// What is taken off single units, by all applications.
    pub(crate) fn into_off(self) -> Vec<(u32, i64)> {
        self.off
    }

    /// Units that it uses up.
    pub(crate) fn used(&self, application: &Application) -> &[u32] {
        &self.used[places(&application.used)]
    }

    /// Lines that it touches, in rising order.
    pub(crate) fn lines(&self, application: &Application) -> &[u16] {
        &self.lines[places(&application.lines)]
    }

    /// The same lines, with what it takes off each of them, and off how many of its units.
    pub(crate) fn shares(&self, application: &Application) -> impl ExactSizeIterator<Item = (u16, i64, u32)> {
        let range = places(&application.lines);
        self.lines[range.clone()].iter().zip(&self.of_lines[range]).map(|(line, (off, units))| (*line, *off, *units))
    }

    /// Keeps what `draft` takes off `units`.
    pub(crate) fn add(&mut self, promotion: u32, units: &[Unit], draft: &Draft) -> Application {
        let (off, used, lines) = (length(&self.off), length(&self.used), length(&self.lines));
        let mut last = None;
        for (unit, taken) in units.iter().zip(&draft.off) {
            if *taken > 0 {
                self.off.push((unit.number, *taken));
                if last != Some(unit.line) {
                    last = Some(unit.line);
                    self.lines.push(unit.line);
                    self.of_lines.push((0, 0));
                }
                if let Some((off, units)) = self.of_lines.last_mut() {
                    *off += taken;
                    *units += 1;
                }
            }
        }
        if !draft.used.is_empty() {
            self.used.extend(draft.used.iter().map(|place| units[*place as usize].number));
            self.touch(lines as usize, draft.used.iter().map(|place| units[*place as usize].line));
        }
        Application {
            promotion,
            total: self.of_lines[lines as usize..].iter().map(|(off, _)| off).sum::<i64>() + draft.postage,
            unfit: draft.unfit,
            postage: draft.postage,
            packets: draft.packets.clone(),
            points: draft.points,
            gifts: draft.gifts.clone(),
            off: off..length(&self.off),
            used: used..length(&self.used),
            lines: lines..length(&self.lines),
        }
    }

    /// Adds to the lines from `first` on, of which there are some already, those that are touched and nothing is taken off.
    fn touch(&mut self, first: usize, lines: impl Iterator<Item = u16>) {
        let mut touched: Vec<(u16, (i64, u32))> =
            self.lines.drain(first..).zip(self.of_lines.drain(first..)).chain(lines.map(|line| (line, (0, 0)))).collect();
        // Of the same line the one that something is taken off comes first, and stays.
        touched.sort_by_key(|(line, (_, units))| (*line, std::cmp::Reverse(*units)));
        touched.dedup_by_key(|(line, _)| *line);
        for (line, of_line) in touched {
            self.lines.push(line);
            self.of_lines.push(of_line);
        }
    }

    /// The same without the lines that are not `kept`; `units_of` gives the units of a line.
    pub(crate) fn keep(
        &mut self,
        application: &Application,
        units_of: impl Fn(u16) -> Range<usize>,
        kept: impl Fn(u16) -> bool,
    ) -> Application {
        let (first_off, first_used, first_line) = (length(&self.off), length(&self.used), length(&self.lines));
        let lines: Vec<(u16, i64, u32)> = self.shares(application).filter(|(line, ..)| kept(*line)).collect();
        let within = |unit: u32| lines.iter().any(|(line, ..)| units_of(*line).contains(&(unit as usize)));
        let off: Vec<(u32, i64)> = self.off(application).iter().copied().filter(|(unit, _)| within(*unit)).collect();
        let used: Vec<u32> = self.used(application).iter().copied().filter(|unit| within(*unit)).collect();
        let total = off.iter().map(|(_, off)| off).sum::<i64>() + application.postage;
        self.off.extend(off);
        self.used.extend(used);
        for (line, off, units) in lines {
            self.lines.push(line);
            self.of_lines.push((off, units));
        }
        Application {
            total,
            off: first_off..length(&self.off),
            used: first_used..length(&self.used),
            lines: first_line..length(&self.lines),
            ..application.clone()
        }
    }
}

fn places(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn length<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).expect("a quote is small")
}
