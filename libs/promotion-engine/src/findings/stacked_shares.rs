//! Shares of a price that stack, and take all of it together. With a catalogue baskets show as much and more.

use super::facts::told;
use super::kin::Kin;
use super::overlapping_caps::{share_items, together};
use super::report::Report;
use super::survey::{Subject, Survey};
use super::{Code, Finding, Severity, Witness};
use crate::document::condition::Basis;

/// Pairs that are held against each other, at most.
const MOST_PAIRS: usize = 1_000_000;

/// Promotions of which it is tried whether they stack, at most.
const MOST_TOGETHER: usize = 10;

/// What is left of a price of this is looked at.
const WHOLE: i64 = 1_000_000_000;

/// Says, of each promotion that takes the rest of a price after others before it in the document, after which.
pub(super) fn look<'s>(survey: &'s Survey<'_>, kin: &Kin<'s>, report: &mut Report) {
    if survey.products.is_some() {
        return;
    }
    // What takes everything off by itself is told of by itself.
    let shares = survey.live().filter(|subject| (1..10_000).contains(&share(subject)));
    let shares: Vec<&Subject<'_>> = shares.collect();
    let mut pairs = 0;
    for (place, subject) in shares.iter().enumerate() {
        pairs += place;
        if pairs > MOST_PAIRS {
            report.cut("price_reaches_zero: there are too many shares to hold all against each other");
            return;
        }
        let stacking = |other: &&&Subject<'_>| survey.stack(other, subject) && survey.stack(subject, other);
        let others: Vec<&Subject<'_>> =
            shares[..place].iter().filter(stacking).filter(|other| share_items(kin, other, subject)).copied().collect();
        if let Some(finding) = reach_zero(survey, kin, subject, &others) {
            report.add(finding);
        }
    }
}

fn reach_zero<'s>(survey: &Survey<'_>, kin: &Kin<'s>, subject: &'s Subject<'_>, others: &[&'s Subject<'_>]) -> Option<Finding> {
    if !takes_all(survey, &[others, &[subject]].concat()) {
        return None;
    }
    let mut tried: Vec<Vec<&Subject<'_>>> = others.iter().map(|other| vec![*other, subject]).collect();
    // Those that go together with all that was taken before.
    let mut several = vec![subject];
    for other in others {
        let fits = |one: &&Subject<'_>| survey.stack(one, other) && survey.stack(other, one) && share_items(kin, one, other);
        if several.len() < MOST_TOGETHER
            && several.iter().all(fits)
            && together(survey, &[&several[..], &[other]].concat()).is_some()
        {
            several.push(other);
        }
    }
    while let Some(needless) = (1..several.len()).find(|place| takes_all(survey, &without(&several, *place))) {
        several.remove(needless);
    }
    several.rotate_left(1);
    tried.push(several);
    let mut all = tried.into_iter().filter(|subjects| takes_all(survey, subjects));
    let (subjects, (from, until)) = all.find_map(|subjects| together(survey, &subjects).map(|when| (subjects, when)))?;
    let when = from.map_or_else(|| "at all times".to_owned(), |from| survey.clock.tell_span(from, until));
    let message = format!(
        "{} can take everything off what all of them are for ({when}): they apply one upon the other, and not each takes its share of \
         what the others left; set stack_base to running, let them take less off, exclude them, or give the products a promotion_floor",
        told(subjects.iter().map(|subject| subject.promotion.id.as_str()), "and")
    );
    let finding = Finding::about(Code::PriceReachesZero, Severity::Danger, &subjects, message);
    Some(finding.shown_by(from.map(|from| Witness::Time { from, until })))
}

fn without<'s, 'a>(subjects: &[&'s Subject<'a>], place: usize) -> Vec<&'s Subject<'a>> {
    [&subjects[..place], &subjects[place + 1..]].concat()
}

/// Whether nothing is left of a price when each has taken its share, of what is left or of the whole.
fn takes_all(survey: &Survey<'_>, subjects: &[&Subject<'_>]) -> bool {
    let mut in_turn = subjects.to_vec();
    in_turn.sort_by_key(|subject| survey.turn(subject));
    let mut left = WHOLE;
    for subject in in_turn {
        let of = if subject.promotion.stack_base == Basis::Running { left } else { WHOLE };
        left -= of * i64::from(share(subject)) / 10_000;
    }
    left <= 0
}

fn share(subject: &Subject<'_>) -> u16 {
    subject.promotion.effect.foreseen().greatest_share()
}
