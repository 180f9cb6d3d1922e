use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! version {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }

            /// Twenty digits with leading zeros: text in this form sorts as the numbers do, in every language and in
            /// Lua, whose own numbers are exact to 2^53 only.
            pub fn padded(self) -> String {
                format!("{:020}", self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

version! {
    /// Place of a stock change in its SKU's history: 1, 2, 3, ... Counts accepted inputs; 0 is before the first.
    StockVersion
}
version! {
    /// Place of a price in its SKU's history: moves only when the content of the cache entry moves, whatever the
    /// cause, and alone orders the cache. 0 is before the first.
    PriceVersion
}
version! {
    /// Counts every write of a price record, kept prices too; each write is conditional on the one it saw.
    RecordRev
}
version! {
    /// Number that the source gives a stock change: 1, 2, 3, ... within a SKU, gaps allowed.
    SourceSeq
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn padded_text_sorts_as_the_numbers_do(a: u64, b: u64) {
            prop_assert_eq!(PriceVersion(a).padded().cmp(&PriceVersion(b).padded()), a.cmp(&b));
        }
    }
}
