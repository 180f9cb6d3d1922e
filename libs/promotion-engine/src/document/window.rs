//! When a promotion is on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use pricestream_documents::{Reader, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a promotion is on: from one instant until another, and in that time on some days and at some hours. Half-open: it is
/// on at its first instant and off at its last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Window {
    /// On from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Off from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// On these days of the week alone; of hours that pass midnight, the day that they begin on counts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub weekdays: BTreeSet<Day>,
    /// At these hours alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<Hours>,
    /// Where the days and the hours are; the rule set's own zone when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Zone>,
}

/// Hours of a day by the clock on the wall, such as 10:00 to 12:00; to an earlier hour, over midnight. An hour that the clock
/// strikes twice is its first; one that it skips is as much later as it is put forward (RFC 5545).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// On from here.
    #[schemars(with = "String")]
    pub from: Time,
    /// Off from here.
    #[schemars(with = "String")]
    pub until: Time,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    fn of(date: Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

/// Whether a window is open, and until when that stays so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// It is open now.
    pub open: bool,
    /// When that changes next; `None`: never again.
    pub until: Option<Timestamp>,
}

impl Window {
    /// Where it stands at `at`; `zone` is the rule set's.
    pub fn at(&self, at: Timestamp, zone: &Zone) -> Opening {
        if self.until.is_some_and(|until| at >= until) {
            return Opening { open: false, until: None };
        }
        if let Some(from) = self.from.filter(|from| at < *from) {
            let first = self.at_inside(from, zone);
            return Opening { open: false, until: if first.open { Some(from) } else { self.within(first.until) } };
        }
        let inside = self.at_inside(at, zone);
        let until = match (inside.until, self.until) {
            (Some(change), Some(end)) => Some(change.min(end)),
            (change, end) => change.or(end),
        };
        Opening { open: inside.open, until: if inside.open { until } else { self.within(inside.until) } }
    }

    /// A window that is closed opens no more once it has ended.
    fn within(&self, opens: Option<Timestamp>) -> Option<Timestamp> {
        opens.filter(|opens| self.until.is_none_or(|until| *opens < until))
    }

    /// By days and hours alone.
    fn at_inside(&self, at: Timestamp, zone: &Zone) -> Opening {
        if self.weekdays.is_empty() && self.hours.is_empty() {
            return Opening { open: true, until: None };
        }
        let zone = self.time_zone.as_ref().unwrap_or(zone);
        let today = zone.day(at);
        // Hours of yesterday may reach into today; from today on, a week holds every weekday.
        let first = today.yesterday().unwrap_or(today);
        let mut spans = Vec::new();
        for day in first.series(jiff::Span::new().days(1)).take(10) {
            self.spans_of(day, zone, &mut spans);
        }
        spans.sort_unstable();
        let mut open_until: Option<Timestamp> = None;
        for (from, until) in spans {
            match open_until {
                None if from <= at && at < until => open_until = Some(until),
                None if from > at => return Opening { open: false, until: Some(from) },
                // What follows without a gap is one opening.
                Some(end) if from <= end => open_until = Some(end.max(until)),
                Some(_) => break,
                None => {}
            }
        }
        Opening { open: open_until.is_some(), until: open_until }
    }

    fn spans_of(&self, day: Date, zone: &Zone, spans: &mut Vec<(Timestamp, Timestamp)>) {
        if !self.weekdays.is_empty() && !self.weekdays.contains(&Day::of(day)) {
            return;
        }
        let whole_day = [Hours { from: Time::midnight(), until: Time::midnight() }];
        let hours = if self.hours.is_empty() { &whole_day[..] } else { &self.hours };
        for hours in hours {
            let last_day = if hours.until <= hours.from { day.tomorrow().ok() } else { Some(day) };
            let ends = last_day.and_then(|day| zone.at(day, hours.until));
            if let (Some(from), Some(until)) = (zone.at(day, hours.from), ends)
                && from < until
            {
                spans.push((from, until));
            }
        }
    }

    pub(crate) fn check(&self, reader: &mut Reader, path: &str) {
        if *self == Self::default() {
            reader.problem(path, "is always open: leave it out");
        }
        if let (Some(from), Some(until)) = (self.from, self.until)
            && until <= from
        {
            reader.problem(&format!("{path}.until"), format!("{until} does not come after from, {from}"));
        }
        for (position, hours) in self.hours.iter().enumerate() {
            if hours.from == hours.until {
                reader.problem(&format!("{path}.hours[{position}].until"), "is the hour of from: leave hours out for all day");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(json: &str) -> Window {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_window_is_open_at_its_first_instant_and_closed_at_its_last() {
        let utc = Zone::UTC;
        let sale = r#"{"from":"2026-11-11T00:00:00Z","until":"2026-11-12T00:00:00Z"}"#;
        let happy = r#"{"hours":[{"from":"10:00","until":"12:00"}],"time_zone":"Europe/Amsterdam"}"#;
        let night = r#"{"weekdays":["friday"],"hours":[{"from":"22:00","until":"02:00"}]}"#;
        let weekend = r#"{"weekdays":["saturday","sunday"]}"#;
        let both = r#"{"from":"2026-11-11T11:00:00Z","until":"2026-11-12T11:30:00Z","hours":[{"from":"10:00","until":"12:00"}]}"#;
        for (json, now, open, until) in [
            (sale, "2026-11-10T23:59:59.999999Z", false, Some("2026-11-11T00:00:00Z")),
            (sale, "2026-11-11T00:00:00Z", true, Some("2026-11-12T00:00:00Z")),
            (sale, "2026-11-12T00:00:00Z", false, None),
            (happy, "2026-11-11T08:59:59Z", false, Some("2026-11-11T09:00:00Z")),
            (happy, "2026-11-11T09:00:00Z", true, Some("2026-11-11T11:00:00Z")),
            (happy, "2026-11-11T11:00:00Z", false, Some("2026-11-12T09:00:00Z")),
            // Clocks go forward on 29 March 2026: ten o'clock comes an hour earlier.
            (happy, "2026-03-28T12:00:00Z", false, Some("2026-03-29T08:00:00Z")),
            (night, "2026-11-13T23:00:00Z", true, Some("2026-11-14T02:00:00Z")), // a Friday
            (night, "2026-11-14T01:59:00Z", true, Some("2026-11-14T02:00:00Z")),
            (night, "2026-11-14T22:30:00Z", false, Some("2026-11-20T22:00:00Z")),
            (weekend, "2026-11-14T12:00:00Z", true, Some("2026-11-16T00:00:00Z")), // both days are one opening
            (both, "2026-11-11T10:30:00Z", false, Some("2026-11-11T11:00:00Z")),
            (both, "2026-11-12T10:30:00Z", true, Some("2026-11-12T11:30:00Z")),
            (both, "2026-11-12T11:30:00Z", false, None),
        ] {
            let expected = Opening { open, until: until.map(at) };
            assert_eq!(window(json).at(at(now), &utc), expected, "{json} at {now}");
        }
    }

    #[test]
    fn a_window_that_cannot_be_is_a_problem() {
        for (json, path) in [
            (r#"{"from":"2026-11-12T00:00:00Z","until":"2026-11-11T00:00:00Z"}"#, "when.until"),
            (r#"{"hours":[{"from":"10:00","until":"10:00"}]}"#, "when.hours[0].until"),
            ("{}", "when"),
        ] {
            let mut reader = Reader::default();
            window(json).check(&mut reader, "when");
            assert_eq!(reader.problems.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [path], "{json}");
        }
    }
}
