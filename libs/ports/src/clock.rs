use jiff::Timestamp;

/// Where the time comes from. Handlers read no other clock.
pub trait Clock: Send + Sync {
    /// The time that prices are a function of. A replay drives it from the recorded changes.
    fn now(&self) -> Timestamp;

    /// The time that freshness and lag are measured by: the machine's own, also in a replay.
    fn measured(&self) -> Timestamp;
}

/// The machine's clock, in whole microseconds, as records hold them.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        micros(Timestamp::now())
    }

    fn measured(&self) -> Timestamp {
        micros(Timestamp::now())
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
    fn measured(&self) -> Timestamp {
        (**self).measured()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
    fn measured(&self) -> Timestamp {
        (**self).measured()
    }
}

/// `time` cut to whole microseconds: what a record holds is what was decided on, to the last digit.
pub fn micros(time: Timestamp) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time.as_microsecond()) * 1_000).expect("a timestamp cut to microseconds is in range")
}
