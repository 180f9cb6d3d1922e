use std::fmt;
use std::str::FromStr;

use pricestream_ports::memory::Defences;

use crate::Mix;

/// A defence that a run goes without, to show that the simulation finds what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weaken {
    /// The cache takes whatever comes last (R5).
    CacheCompare,
    /// A record takes whatever comes last (R1).
    ConditionalWrites,
    /// A price that stands is not announced again (R2).
    ReEmit,
    /// The inputs are read before the record that they are written to.
    RecordFirst,
    /// Nobody looks for what the events missed.
    Reconciler,
    /// An emptied cache takes what a message says, without a look at the record (R6).
    AbsentRead,
}

impl Weaken {
    /// Every defence.
    pub const ALL: [Self; 6] =
        [Self::CacheCompare, Self::ConditionalWrites, Self::ReEmit, Self::RecordFirst, Self::Reconciler, Self::AbsentRead];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CacheCompare => "cache-compare",
            Self::ConditionalWrites => "conditional-writes",
            Self::ReEmit => "re-emit",
            Self::RecordFirst => "record-first",
            Self::Reconciler => "reconciler",
            Self::AbsentRead => "absent-read",
        }
    }
}

/// No such defence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no defence: cache-compare, conditional-writes, re-emit, record-first, reconciler or absent-read")]
pub struct UnknownDefence(String);

impl FromStr for Weaken {
    type Err = UnknownDefence;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|defence| defence.name() == text).ok_or_else(|| UnknownDefence(text.to_owned()))
    }
}

/// What a run is made of, apart from its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Which faults it meets.
    pub mix: Mix,
    /// The cache hears of prices by events alone: no stream, and a reconciler that leaves the cache be. What only the
    /// events are to guarantee is hidden otherwise.
    pub events_only: bool,
    /// Only inputs that an event announces: stock and catalogue, under one strategy that no time moves. Whoever hears
    /// every event needs no reconciler then.
    pub announced_only: bool,
    /// The defence that it goes without.
    pub weaken: Option<Weaken>,
}

impl Plan {
    /// Everything as it ships, with the faults of `mix`.
    pub const fn of(mix: Mix) -> Self {
        Self { mix, events_only: false, announced_only: false, weaken: None }
    }

    /// The faults that `weaken` is a defence against, with it or without it.
    pub const fn against(weaken: Weaken) -> Self {
        let mix = match weaken {
            Weaken::CacheCompare | Weaken::ConditionalWrites => Mix::Calm,
            Weaken::RecordFirst => Mix::Duplicates,
            Weaken::ReEmit => Mix::Crashes,
            Weaken::Reconciler => Mix::Loss,
            Weaken::AbsentRead => Mix::Failover,
        };
        let events_only = matches!(weaken, Weaken::ReEmit);
        let announced_only = matches!(weaken, Weaken::ReEmit | Weaken::Reconciler);
        Self { mix, events_only, announced_only, weaken: None }
    }

    /// The same without the defence.
    #[must_use]
    pub const fn without(self, weaken: Weaken) -> Self {
        Self { weaken: Some(weaken), ..self }
    }

    pub(crate) fn lacks(self, defence: Weaken) -> bool {
        self.weaken == Some(defence)
    }

    pub(crate) fn defences(self) -> Defences {
        Defences { conditional_writes: !self.lacks(Weaken::ConditionalWrites), cache_compare: !self.lacks(Weaken::CacheCompare) }
    }
}

/// As options of the command line.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--mix {}", self.mix)?;
        if self.events_only {
            f.write_str(" --events-only")?;
        }
        if self.announced_only {
            f.write_str(" --announced-only")?;
        }
        match self.weaken {
            Some(weaken) => write!(f, " --weaken {}", weaken.name()),
            None => Ok(()),
        }
    }
}
