use crate::compile::RuleSet;

/// Where the engine calls a component. The engine catches nothing and counts no failures; a caller who must not fall with a
/// component does so here, mostly with `catch_unwind(AssertUnwindSafe(work)).ok()`.
pub trait Edge {
    /// Does `work`, which is what `component` makes of `promotion`, and gives what came of it. `None`: it failed, or was not
    /// tried. Then whatever it left half done is thrown away, and the quote does without the component.
    fn call<T>(&self, component: &'static str, promotion: &str, work: impl FnOnce() -> T) -> Option<T>;
}

/// Does the work, and nothing else: a component that fails takes the quote with it.
pub(crate) struct Bare;

impl Edge for Bare {
    #[inline]
    fn call<T>(&self, _component: &'static str, _promotion: &str, work: impl FnOnce() -> T) -> Option<T> {
        Some(work())
    }
}

/// A rule set whose components are called at an edge. It prices as the rule set does.
#[derive(Debug)]
pub struct AtEdge<'a, E> {
    pub(crate) rules: &'a RuleSet,
    pub(crate) edge: &'a E,
}

impl<E> Clone for AtEdge<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for AtEdge<'_, E> {}

impl RuleSet {
    /// The same rules, with every component called at `edge`.
    pub fn at_edge<'a, E: Edge>(&'a self, edge: &'a E) -> AtEdge<'a, E> {
        AtEdge { rules: self, edge }
    }

    /// With nothing between the engine and its components.
    pub(crate) fn bare(&self) -> AtEdge<'_, Bare> {
        self.at_edge(&Bare)
    }
}
