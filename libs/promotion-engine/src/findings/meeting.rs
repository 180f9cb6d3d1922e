use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use pricestream_documents::Zone;

use crate::document::window::Window;

/// Looks for instants at which windows are open together, in a bounded number of steps.
pub(super) struct Clock<'a> {
    zone: &'a Zone,
    steps: Cell<u32>,
}

/// Whether windows are ever open together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meeting {
    /// They are at this instant.
    At(Timestamp),
    /// They never are.
    Never,
    /// It would take too long to find out.
    Unknown,
}

/// A window, and whether it must be open or closed.
pub(super) type Wanted<'a> = (&'a Window, bool);

/// Steps of all searches together, each of which looks at some days of some windows.
const MOST_STEPS: u32 = 100_000;

/// Where to begin when no window says: any year is like any other, since hours and weekdays recur.
pub(super) const SOME_INSTANT: Timestamp = Timestamp::constant(1_767_225_600, 0); // 2026-01-01T00:00:00Z

/// Between two bounds windows recur week by week; in more than a year clocks have been put forward and back, wherever they are.
const A_YEAR: SignedDuration = SignedDuration::from_hours(60 * 7 * 24);

const A_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

impl<'a> Clock<'a> {
    pub(super) fn new(zone: &'a Zone) -> Self {
        Self { zone, steps: Cell::new(MOST_STEPS) }
    }

    pub(super) fn is_exhausted(&self) -> bool {
        self.steps.get() == 0
    }

    /// The first instant at which each window is as wanted; of what has no beginning, one of the last year of it.
    pub(super) fn meeting(&self, windows: &[Wanted<'_>]) -> Meeting {
        let mut bounds: Vec<Timestamp> = windows.iter().flat_map(|(window, _)| [window.from, window.until]).flatten().collect();
        bounds.sort_unstable();
        bounds.dedup();
        let Some(first) = bounds.first().copied() else {
            return self.within(windows, SOME_INSTANT, None);
        };
        let before = first.checked_sub(A_YEAR).unwrap_or(Timestamp::MIN);
        let starts = std::iter::once(before).chain(bounds.iter().copied());
        let ends = bounds.iter().copied().map(Some).chain([None]);
        for (start, end) in starts.zip(ends) {
            match self.within(windows, start, end) {
                Meeting::Never => {}
                found => return found,
            }
        }
        Meeting::Never
    }

    /// Until when windows stay as wanted that are so at `from`; `None`: for more than a year.
    pub(super) fn lasts(&self, windows: &[Wanted<'_>], from: Timestamp) -> Option<Timestamp> {
        let end = from.checked_add(A_YEAR).unwrap_or(Timestamp::MAX);
        let mut now = from;
        while now < end {
            let openings = || windows.iter().map(|(window, open)| (window.at(now, self.zone), *open));
            if openings().any(|(opening, open)| opening.open != open) {
                return Some(now);
            }
            now = openings().filter_map(|(opening, _)| opening.until).min()?;
        }
        None
    }

    /// By the clock on the wall of the rule set's zone.
    pub(super) fn tell(&self, at: Timestamp) -> String {
        format!("{} {}", self.zone.clock(at), self.zone.name())
    }

    /// A time in words.
    pub(super) fn tell_span(&self, from: Timestamp, until: Option<Timestamp>) -> String {
        match until {
            Some(until) => format!("from {} until {} {}", self.zone.clock(from), self.zone.clock(until), self.zone.name()),
            None => format!("from {} on", self.tell(from)),
        }
    }

    /// Between two instants among which no window begins or ends; what recurs, does so within a year.
    fn within(&self, windows: &[Wanted<'_>], start: Timestamp, end: Option<Timestamp>) -> Meeting {
        let year = start.checked_add(A_YEAR).unwrap_or(Timestamp::MAX);
        let stop = end.map_or(year, |end| end.min(year));
        let mut now = start;
        while now < stop {
            let Some(steps) = self.steps.get().checked_sub(1) else { return Meeting::Unknown };
            self.steps.set(steps);
            // What is not as wanted stays so until it changes; look at the latest of these again.
            let mut next = now;
            for (window, wanted) in windows {
                let opening = window.at(now, self.zone);
                if opening.open != *wanted {
                    let week = now.checked_add(A_WEEK).unwrap_or(Timestamp::MAX);
                    next = next.max(opening.until.unwrap_or(week));
                }
            }
            if next == now {
                return Meeting::At(now);
            }
            now = next;
        }
        Meeting::Never
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_meet_at_the_first_instant_at_which_all_are_as_wanted() {
        let eleven = r#"{"from":"2026-11-11T00:00:00Z","until":"2026-11-12T00:00:00Z"}"#; // a Wednesday
        let twelve = r#"{"from":"2026-11-12T00:00:00Z","until":"2026-11-13T00:00:00Z"}"#;
        let happy = r#"{"hours":[{"from":"10:00","until":"12:00"}]}"#;
        let late = r#"{"hours":[{"from":"12:00","until":"13:00"}]}"#;
        let mondays = r#"{"weekdays":["monday"]}"#;
        let overseas = r#"{"weekdays":["monday"],"time_zone":"America/New_York"}"#;
        let (monday_night, tuesdays) =
            (r#"{"weekdays":["monday"],"hours":[{"from":"23:00","until":"01:00"}]}"#, r#"{"weekdays":["tuesday"]}"#);
        let after = r#"{"from":"2031-01-01T00:00:00Z"}"#;
        let at = |text: &str| Meeting::At(text.parse().unwrap());
        for (windows, expected) in [
            (&[(eleven, true)][..], at("2026-11-11T00:00:00Z")),
            (&[(eleven, true), (twelve, true)], Meeting::Never), // it is off at its last instant
            (&[(eleven, true), (happy, true)], at("2026-11-11T10:00:00Z")),
            (&[(eleven, true), (mondays, true)], Meeting::Never),
            (&[(eleven, true), (eleven, false)], Meeting::Never),
            (&[(happy, true), (late, true)], Meeting::Never),
            (&[(mondays, true), (tuesdays, true)], Meeting::Never),
            (&[(monday_night, true), (tuesdays, true)], at("2026-01-06T00:00:00Z")),
            (&[(overseas, true), (tuesdays, true)], at("2026-01-06T00:00:00Z")), // there it is Monday still
            (&[(after, false), (mondays, true)], at("2029-11-12T00:00:00Z")),
            (&[(after, true), (mondays, true)], at("2031-01-06T00:00:00Z")),
            // What opens in years to come is not overlooked.
            (&[(r#"{"until":"2031-01-01T00:00:00Z"}"#, false), (happy, true)], at("2031-01-01T10:00:00Z")),
        ] {
            let read: Vec<(Window, bool)> =
                windows.iter().map(|(json, open)| (serde_json::from_str(json).unwrap(), *open)).collect();
            let wanted: Vec<Wanted<'_>> = read.iter().map(|(window, open)| (window, *open)).collect();
            assert_eq!(Clock::new(&Zone::UTC).meeting(&wanted), expected, "{windows:?}");
        }
    }

    #[test]
    fn a_search_that_takes_too_long_finds_nothing_out() {
        let clock = Clock { zone: &Zone::UTC, steps: Cell::new(3) };
        let window = |json: &str| serde_json::from_str::<Window>(json).unwrap();
        let (mondays, tuesdays) = (window(r#"{"weekdays":["monday"]}"#), window(r#"{"weekdays":["tuesday"]}"#));
        assert_eq!(clock.meeting(&[(&mondays, true), (&tuesdays, true)]), Meeting::Unknown);
        assert!(clock.is_exhausted());
    }

    #[test]
    fn a_meeting_lasts_until_one_of_them_closes() {
        let window = |json: &str| serde_json::from_str::<Window>(json).unwrap();
        let all_week = window(r#"{"weekdays":["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]}"#);
        let until = window(r#"{"until":"2026-12-01T00:00:00Z"}"#);
        let zone = Zone::UTC;
        let clock = Clock::new(&zone);
        let from = "2026-11-11T00:00:00Z".parse().unwrap();
        assert_eq!(clock.lasts(&[(&all_week, true), (&until, true)], from), until.until);
        assert_eq!(clock.lasts(&[(&all_week, true)], from), None);
    }
}
