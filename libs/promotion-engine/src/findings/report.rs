use std::collections::{BTreeMap, BTreeSet};

use super::survey::{Subject, Survey};
use super::{Code, Finding, Findings, Severity, Witness};

/// Findings of one code, at most.
const MOST_OF_A_CODE: usize = 200;

/// Findings as they are made.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    cut: BTreeSet<String>,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Says what was not looked at.
    pub(super) fn cut(&mut self, what: impl Into<String>) {
        self.cut.insert(what.into());
    }

    /// In order, and not too many.
    pub(super) fn close(mut self, survey: &Survey<'_>) -> Findings {
        if survey.clock.is_exhausted() {
            self.cut("windows: there are too many openings to hold all of them against each other");
        }
        let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
        self.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.code));
        let mut findings = self.findings;
        findings.retain(|finding| {
            let count = counts.entry(finding.code).or_default();
            *count += 1;
            *count <= MOST_OF_A_CODE
        });
        for (code, count) in counts.iter().filter(|(_, count)| **count > MOST_OF_A_CODE) {
            self.cut.insert(format!("{}: {} more are not told", code.name(), count - MOST_OF_A_CODE));
        }
        Findings { findings, cut: self.cut.into_iter().collect() }
    }
}

impl Finding {
    /// About some promotions.
    pub(super) fn about(code: Code, severity: Severity, subjects: &[&Subject<'_>], message: String) -> Self {
        Self {
            code,
            severity,
            paths: subjects.iter().map(|subject| subject.path.clone()).collect(),
            promotions: subjects.iter().map(|subject| subject.promotion.id.clone()).collect(),
            message,
            witness: None,
        }
    }

    /// About a place that is no promotion.
    pub(super) fn at(code: Code, severity: Severity, paths: Vec<String>, message: String) -> Self {
        Self { code, severity, paths, promotions: Vec::new(), message, witness: None }
    }

    /// At these places within its promotions.
    pub(super) fn in_places(mut self, paths: Vec<String>) -> Self {
        self.paths = paths;
        self
    }

    pub(super) fn shown_by(mut self, witness: Option<Witness>) -> Self {
        self.witness = witness;
        self
    }
}
