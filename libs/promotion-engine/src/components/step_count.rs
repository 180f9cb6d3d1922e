/// The work of a component, counted: a step is a unit that is looked at, each time that it is. So much is the work of a kind that
/// goes over its units once; a kind that searches counts as it goes, and stops when it has no steps left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepCount {
    pub(crate) taken: u64,
    /// The budget.
    pub(crate) most: u64,
}

impl Default for StepCount {
    fn default() -> Self {
        Self { taken: 0, most: u64::MAX }
    }
}

impl StepCount {
    /// Counts some more. `false`: the budget is passed, and what the component makes of it will be thrown away.
    pub(crate) fn count(&mut self, steps: usize) -> bool {
        self.taken = self.taken.saturating_add(steps as u64);
        !self.passed()
    }

    pub(crate) fn passed(&self) -> bool {
        self.taken > self.most
    }
}
