use std::sync::Mutex;

use serde::{Deserialize, Serialize};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is answered that there were too many; nothing comes of it.
    Throttle,
    /// Of the events that it publishes every second one is refused, the first of them too; the others get through.
    RefuseEveryOtherEvent,
    /// It is passed on after so many milliseconds.
    Delay(u64),
    /// Its connection breaks before it is passed on.
    CutBefore,
    /// It has its effect, and the connection breaks before the answer.
    CutAfter,
}

/// Which calls a fault befalls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Operations by their names, such as `PutEvents` or `TransactWriteItems`.
    pub operations: Vec<String>,
    /// Only calls that hold this text.
    #[serde(default)]
    pub containing: String,
    /// So many calls; without a number, every one until the rule is taken away.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens to them.
    pub fault: Fault,
}

/// A rule in force, and how many calls it has met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its number.
    pub id: u64,
    /// What it says.
    pub rule: Rule,
    /// Calls that it has befallen.
    pub met: u32,
}

/// The rules in force, in the order in which they came; the first that fits a call decides.
#[derive(Debug, Default)]
pub struct Rules {
    standing: Mutex<(u64, Vec<Standing>)>,
}

impl Rules {
    /// Puts a rule in force and returns its number.
    pub fn add(&self, rule: Rule) -> u64 {
        let (last, standing) = &mut *self.standing.lock().expect("nobody panics while holding it");
        *last += 1;
        standing.push(Standing { id: *last, rule, met: 0 });
        *last
    }

    /// Takes a rule away; `None` takes all.
    pub fn remove(&self, id: Option<u64>) {
        let (_, standing) = &mut *self.standing.lock().expect("nobody panics while holding it");
        standing.retain(|rule| id.is_some_and(|id| id != rule.id));
    }

    /// The rules in force, those that have met all their calls included.
    pub fn list(&self) -> Vec<Standing> {
        self.standing.lock().expect("nobody panics while holding it").1.clone()
    }

    /// What befalls a call; it is counted.
    pub fn befall(&self, operation: &str, body: &[u8]) -> Option<Fault> {
        let (_, standing) = &mut *self.standing.lock().expect("nobody panics while holding it");
        let fits = |Standing { rule, met, .. }: &&mut Standing| {
            rule.operations.iter().any(|name| name == operation)
                && rule.times.is_none_or(|times| *met < times)
                && holds(body, rule.containing.as_bytes())
        };
        let found = standing.iter_mut().find(fits)?;
        found.met += 1;
        Some(found.rule.fault)
    }
}

fn holds(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|part| part == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(operation: &str, containing: &str, times: Option<u32>, fault: Fault) -> Rule {
        Rule { operations: vec![operation.to_owned()], containing: containing.to_owned(), times, fault }
    }

    #[test]
    fn the_first_rule_that_fits_decides_and_a_used_up_one_does_not_fit() {
        let rules = Rules::default();
        let throttling = rules.add(rule("PutItem", "apple", Some(2), Fault::Throttle));
        rules.add(rule("PutItem", "", None, Fault::Delay(1)));
        for (operation, body, expected) in [
            ("PutItem", "an apple", Some(Fault::Throttle)),
            ("PutItem", "a pear", Some(Fault::Delay(1))),
            ("GetItem", "an apple", None),
            ("PutItem", "an apple", Some(Fault::Throttle)),
            ("PutItem", "an apple", Some(Fault::Delay(1))), // the first has met its two
        ] {
            assert_eq!(rules.befall(operation, body.as_bytes()), expected, "{operation} {body}");
        }
        assert_eq!(rules.list().iter().map(|standing| standing.met).collect::<Vec<_>>(), [2, 2]);
        rules.remove(Some(throttling));
        assert_eq!(rules.list().len(), 1);
        rules.remove(None);
        assert_eq!(rules.list(), []);
    }
}
