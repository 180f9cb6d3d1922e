use std::error::Error;

/// Why a port did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It may work later: throttled, timed out, unreachable, disk full. Whether the effect took place is not known.
    #[error("{what} is unavailable")]
    Unavailable {
        /// Which store, bus or cache.
        what: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// What is stored cannot be read: no retry helps.
    #[error("{what} holds what cannot be read")]
    Corrupt {
        /// Which store, bus or cache.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
}

impl PortError {
    /// It may work later.
    pub fn unavailable(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable { what, source: source.into() }
    }

    /// No retry helps.
    pub fn corrupt(what: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Corrupt { what, source: source.into() }
    }
}

/// How the handling of one message ended, when it did not end well.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Leave it in the queue: it is delivered again after the visibility timeout.
    #[error("to be retried")]
    Retryable(#[source] Box<dyn Error + Send + Sync>),
    /// No retry helps: it goes to quarantine with this reason and is acknowledged, so that it holds nobody up.
    #[error("{0}")]
    Poison(String),
}

impl Failure {
    /// The same failure for another message; of its causes the text stays.
    #[must_use]
    pub fn again(&self) -> Self {
        match self {
            Self::Retryable(source) => Self::Retryable(chain(&**source).into()),
            Self::Poison(why) => Self::Poison(why.clone()),
        }
    }
}

/// An error with everything that led to it, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (**error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Unavailable { .. } => Self::Retryable(Box::new(error)),
            PortError::Corrupt { ref source, .. } => Self::Poison(format!("{error}: {source}")),
        }
    }
}
