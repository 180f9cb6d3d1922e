use std::fmt;

use pricestream_domain::Cause;
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer};

/// Reads a cause; a name that a later release added reads as `Reconcile`.
///
/// A cause explains and never decides: prices come from records. So a reader of yesterday still handles an event of
/// today, instead of putting it into quarantine for the sake of a word.
pub(crate) fn known_or_reconcile<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cause, D::Error> {
    struct Name;
    impl de::Visitor<'_> for Name {
        type Value = Cause;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the name of a cause")
        }
        fn visit_str<E: de::Error>(self, name: &str) -> Result<Cause, E> {
            let known: Result<Cause, de::value::Error> = Cause::deserialize(name.into_deserializer());
            Ok(known.unwrap_or(Cause::Reconcile))
        }
    }
    deserializer.deserialize_str(Name)
}
