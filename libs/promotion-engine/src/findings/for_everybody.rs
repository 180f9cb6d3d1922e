//! Promotions of a kind that is meant for some, and given to all.

use super::facts::{Asked, What, ways};
use super::report::Report;
use super::survey::{Subject, Survey};
use super::{Code, Finding, Severity};
use crate::components::Audience;

/// Says which promotions ask for nobody although their kind is meant for somebody.
pub(super) fn look(survey: &Survey<'_>, report: &mut Report) {
    for subject in survey.live() {
        let (wanted, of): (&[Asked], _) = match subject.promotion.effect.foreseen().audience() {
            Audience::Everybody => continue,
            Audience::CodeHolders => (&[Asked::Coupons], "who has a code, and asks for none: add a condition `coupons`"),
            Audience::Members => (
                &[Asked::Groups, Asked::Customers],
                "members, and does not ask who they are: add a condition `groups` or `customers`",
            ),
        };
        if asks(survey, subject, wanted) {
            continue;
        }
        let (id, component) = (&subject.promotion.id, subject.promotion.effect.component());
        // Who is asked for by name some other way is not everybody.
        let (severity, whom) = if asks(survey, subject, &[Asked::Groups, Asked::Customers, Asked::Coupons]) {
            (Severity::Note, "whoever else its condition lets through")
        } else {
            (Severity::Warning, "everybody")
        };
        let message = format!("{id} applies to {whom}: it is a {component}, which is for {of}, or let it be of another kind");
        report.add(Finding::about(Code::ForEverybody, severity, &[subject], message));
    }
}

/// Whether its condition asks for one of these, in some way in which it may hold.
fn asks(survey: &Survey<'_>, subject: &Subject<'_>, wanted: &[Asked]) -> bool {
    let asked = |what: &What<'_>| matches!(what, What::Among { field, among: true, .. } if wanted.contains(field));
    // Of a condition with too many ways nothing is said.
    ways(subject, survey.document.policies.coupon_case).is_none_or(|ways| ways.iter().flatten().any(|fact| asked(&fact.what)))
}
