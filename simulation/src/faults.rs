use std::fmt;
use std::str::FromStr;

/// What can go wrong. Each strikes on occasions of its own, as often as the mix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A call fails, and had no effect.
    RefusedCall,
    /// A call took effect, and its answer is lost.
    LostAnswer,
    /// The bus answers with success and did not take an entry (`FailedEntryCount`).
    RefusedEntry,
    /// A handler dies at an await, or before its messages are acknowledged.
    Crash,
    /// A process starts anew and knows no settings yet.
    Restart,
    /// A message comes twice.
    Duplicate,
    /// An old message, handled long ago, comes again: an archive replay, a redrive.
    Replay,
    /// A published event does not reach a queue, or an image of the stream is given up.
    LostMessage,
    /// A message that cannot be read.
    Poison,
    /// The cache is empty all at once.
    Wipe,
    /// The cache is what it was some time ago: a failover lost acknowledged writes.
    Rollback,
    /// The clocks of the processes differ.
    Skew,
}

impl Fault {
    /// Every fault, in the order of [`FaultCounts`].
    pub const ALL: [Self; 12] = [
        Self::RefusedCall,
        Self::LostAnswer,
        Self::RefusedEntry,
        Self::Crash,
        Self::Restart,
        Self::Duplicate,
        Self::Replay,
        Self::LostMessage,
        Self::Poison,
        Self::Wipe,
        Self::Rollback,
        Self::Skew,
    ];

    /// Its name in summaries and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefusedCall => "refused call",
            Self::LostAnswer => "lost answer",
            Self::RefusedEntry => "refused entry",
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Duplicate => "duplicate",
            Self::Replay => "replay",
            Self::LostMessage => "lost message",
            Self::Poison => "poison",
            Self::Wipe => "wipe",
            Self::Rollback => "rollback",
            Self::Skew => "skew",
        }
    }
}

/// Which faults a run meets. Messages are reordered in all of them, and handlers run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Concurrency alone.
    Calm,
    /// Duplicates, replays, poison and clocks that differ.
    Duplicates,
    /// Crashes, restarts, refused calls and lost answers.
    Crashes,
    /// Events lost on their way.
    Loss,
    /// The cache wiped or rolled back, and old messages replayed.
    Failover,
    /// Everything.
    All,
}

impl Mix {
    /// Every mix.
    pub const ALL: [Self; 6] = [Self::Calm, Self::Duplicates, Self::Crashes, Self::Loss, Self::Failover, Self::All];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Duplicates => "duplicates",
            Self::Crashes => "crashes",
            Self::Loss => "loss",
            Self::Failover => "failover",
            Self::All => "all",
        }
    }

    /// How often `fault` strikes on its occasions, in 10 000.
    pub const fn share(self, fault: Fault) -> u16 {
        let (duplicates, crashes, loss, failover) = match self {
            Self::Calm => (false, false, false, false),
            Self::Duplicates => (true, false, false, false),
            Self::Crashes => (false, true, false, false),
            Self::Loss => (false, false, true, false),
            Self::Failover => (false, false, false, true),
            Self::All => (true, true, true, true),
        };
        match fault {
            Fault::Duplicate if duplicates => 1_000,
            Fault::Replay if duplicates || failover => 150,
            Fault::Poison if duplicates => 30,
            Fault::Skew if duplicates => 5_000,
            Fault::Crash if crashes => 200,
            Fault::Restart if crashes => 30,
            Fault::RefusedCall | Fault::LostAnswer | Fault::RefusedEntry if crashes => 150,
            Fault::LostMessage if loss => 500,
            Fault::Wipe | Fault::Rollback if failover => 60,
            _ => 0,
        }
    }
}

/// No such mix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mix of faults: calm, duplicates, crashes, loss, failover or all")]
pub struct UnknownMix(String);

impl FromStr for Mix {
    type Err = UnknownMix;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mix| mix.name() == text).ok_or_else(|| UnknownMix(text.to_owned()))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often each fault struck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl FaultCounts {
    /// How often `fault` struck.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    pub(crate) fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_counts_under_its_own_name() {
        for (position, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(position, fault as usize, "{}", fault.name());
        }
    }

    #[test]
    fn every_fault_strikes_in_some_mix_and_all_strike_in_all() {
        for fault in Fault::ALL {
            assert_eq!(Mix::Calm.share(fault), 0, "{}", fault.name());
            assert!(Mix::All.share(fault) > 0, "{}", fault.name());
        }
    }
}
