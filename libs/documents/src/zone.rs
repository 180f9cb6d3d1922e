use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time zone by its IANA name, such as `Europe/Amsterdam`. The rules come with the program, so every machine agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of that name.
    pub fn named(name: &str) -> Option<Self> {
        TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some()).map(Self)
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The calendar day of `now` here.
    pub fn day(&self, now: Timestamp) -> Date {
        self.0.to_datetime(now).date()
    }

    /// What calendar and clock show at `now` here.
    pub fn clock(&self, now: Timestamp) -> DateTime {
        self.0.to_datetime(now)
    }

    /// The instant at which `time` strikes on `day` here: the first, where a clock strikes it twice; as much later as the
    /// clock was put forward, where it skips it (RFC 5545).
    pub fn at(&self, day: Date, time: Time) -> Option<Timestamp> {
        day.to_datetime(time).to_zoned(self.0.clone()).ok().map(|zoned| zoned.timestamp())
    }

    /// The first instant of the day after `day` that is still ahead of `now`: a clock that is put back over midnight
    /// strikes it twice.
    pub fn midnight_after(&self, day: Date, now: Timestamp) -> Option<Timestamp> {
        let midnight = day.tomorrow().ok()?.to_datetime(Time::midnight());
        let ahead = |at: &Timestamp| *at > now;
        let second = || self.0.to_ambiguous_timestamp(midnight).later().ok().filter(ahead);
        self.0.to_timestamp(midnight).ok().filter(ahead).or_else(second)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name)
            .ok_or_else(|| de::Error::custom(format!("{name:?} is no IANA time zone, such as \"Europe/Amsterdam\"")))
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "IANA time zone, such as Europe/Amsterdam" })
    }
}
