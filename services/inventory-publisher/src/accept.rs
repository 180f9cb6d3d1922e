use jiff::Timestamp;
use pricestream_domain::{FullLevel, StockVersion};
use pricestream_event_schema::StockChange;
use pricestream_ports::Inventory;

use crate::Refused;

/// What to do with a stock change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance<'a> {
    /// Write `inventory` if the stored version is `seen`.
    Apply {
        /// The record to write.
        inventory: Inventory,
        /// The version that it follows.
        seen: StockVersion,
        /// Numbers that the source left out since the last accepted change.
        skipped: u64,
    },
    /// It is the last accepted change once more.
    Repeated(&'a Inventory),
    /// A newer one was accepted already.
    Stale {
        /// The version that stands.
        stored: StockVersion,
    },
}

/// Decides about `change` from the stored record alone: by the source's number, never by time (R1, R15).
pub fn accept<'a>(
    stored: Option<&'a Inventory>,
    change: &StockChange,
    committed_at: Timestamp,
) -> Result<Acceptance<'a>, Refused> {
    let origin = change.origin();
    let fingerprint = change.fingerprint();
    let mut skipped = 0;
    if let Some(stored) = stored {
        if stored.origin != origin {
            let (sku, owner) = (change.sku.clone(), stored.origin.clone());
            return Err(Refused::OtherOrigin { sku, owner, origin: origin.to_owned() });
        }
        if change.source_seq < stored.source_seq {
            return Ok(Acceptance::Stale { stored: stored.stock_version });
        }
        if change.source_seq == stored.source_seq {
            if fingerprint != stored.fingerprint {
                return Err(Refused::Contradiction { sku: change.sku.clone(), source_seq: change.source_seq });
            }
            return Ok(Acceptance::Repeated(stored));
        }
        skipped = change.source_seq.0 - stored.source_seq.0 - 1;
    }
    let seen = stored.map_or(StockVersion(0), |stored| stored.stock_version);
    let inventory = Inventory {
        sku: change.sku.clone(),
        on_hand: change.on_hand,
        stock_version: seen.next(),
        full: full_level(stored, change),
        sold: stored.map_or(0, |stored| stored.sold.saturating_add(sold(stored, change))),
        origin: origin.to_owned(),
        source_seq: change.source_seq,
        fingerprint,
        occurred_at: change.occurred_at,
        committed_at,
    };
    Ok(Acceptance::Apply { inventory, seen, skipped })
}

/// A replenishment sets the level that shares of stock are taken of. A rise below the present level that is not called
/// `restock` (a customer's return, a correction) does not.
fn full_level(stored: Option<&Inventory>, change: &StockChange) -> FullLevel {
    match stored {
        Some(stored)
            if change.on_hand <= stored.on_hand
                || (change.on_hand <= stored.full.on_hand && change.cause.as_deref() != Some("restock")) =>
        {
            stored.full
        }
        _ => FullLevel { on_hand: change.on_hand, at: change.occurred_at },
    }
}

/// What the change took away, if it was a sale: said to be one, or not said to be anything. Damage, theft and a count of the shelves teach
/// nothing of demand.
fn sold(stored: &Inventory, change: &StockChange) -> u64 {
    match change.cause.as_deref() {
        None | Some("sale" | "order") => stored.on_hand.saturating_sub(change.on_hand),
        Some(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use pricestream_event_schema::parse_stock_change;

    use super::*;

    fn change(seq: u64, on_hand: u64, extra: &str) -> StockChange {
        let at = Timestamp::from_second(i64::try_from(seq).unwrap()).unwrap();
        let line = format!(r#"{{"sku":"A","on_hand":{on_hand},"source_seq":{seq},"occurred_at":"{at}"{extra}}}"#);
        parse_stock_change(line.as_bytes()).unwrap()
    }

    fn stored(changes: &[StockChange]) -> Inventory {
        changes
            .iter()
            .fold(None::<Inventory>, |stored, change| match accept(stored.as_ref(), change, Timestamp::UNIX_EPOCH) {
                Ok(Acceptance::Apply { inventory, .. }) => Some(inventory),
                other => panic!("{other:?}"),
            })
            .unwrap()
    }

    #[test]
    fn r15_versions_count_accepted_changes_and_gaps_are_counted() {
        let first = stored(&[change(5, 10, "")]);
        assert_eq!((first.stock_version, first.source_seq.0), (StockVersion(1), 5), "a source may begin anywhere");
        match accept(Some(&first), &change(9, 8, ""), Timestamp::UNIX_EPOCH).unwrap() {
            Acceptance::Apply { inventory, seen, skipped } => {
                assert_eq!((inventory.stock_version, seen, skipped), (StockVersion(2), StockVersion(1), 3));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn r15_the_same_number_is_the_same_change_or_a_contradiction() {
        let last = stored(&[change(1, 10, ""), change(2, 9, "")]);
        assert_eq!(accept(Some(&last), &change(2, 9, ""), Timestamp::MAX), Ok(Acceptance::Repeated(&last)));
        assert!(matches!(accept(Some(&last), &change(2, 8, ""), Timestamp::MAX), Err(Refused::Contradiction { .. })));
        assert_eq!(accept(Some(&last), &change(1, 10, ""), Timestamp::MAX), Ok(Acceptance::Stale { stored: StockVersion(2) }));
    }

    #[test]
    fn one_sku_has_one_source() {
        let last = stored(&[change(1, 10, r#","origin":"north""#)]);
        assert!(matches!(accept(Some(&last), &change(2, 9, ""), Timestamp::MAX), Err(Refused::OtherOrigin { .. })));
        assert!(accept(Some(&last), &change(2, 9, r#","origin":"north""#), Timestamp::MAX).is_ok());
    }

    #[test]
    fn what_is_sold_is_counted_and_nothing_else() {
        for (history, sold, why) in [
            (vec![change(1, 10, "")], 0, "what was sold before the record began is not known"),
            (vec![change(1, 10, ""), change(2, 7, ""), change(5, 6, r#","cause":"sale""#)], 4, "sales, with a gap between them"),
            (vec![change(1, 10, ""), change(2, 4, r#","cause":"order""#), change(3, 6, r#","cause":"return""#)], 6, "a return"),
            (vec![change(1, 10, ""), change(2, 4, r#","cause":"damage""#)], 0, "damage"),
        ] {
            assert_eq!(stored(&history).sold, sold, "{why}");
        }
    }

    #[test]
    fn only_a_replenishment_sets_the_full_level() {
        let restock = r#","cause":"restock""#;
        for (history, full, why) in [
            (vec![change(1, 10, ""), change(2, 4, "")], (10, 1), "a sale does not"),
            (vec![change(1, 10, ""), change(2, 4, ""), change(3, 5, "")], (10, 1), "a return does not"),
            (vec![change(1, 10, ""), change(2, 4, ""), change(3, 8, restock)], (8, 3), "a restock does, below the old level too"),
            (
                vec![change(1, 10, ""), change(2, 4, ""), change(3, 12, "")],
                (12, 3),
                "a rise above it does, whatever it is called",
            ),
            (vec![change(1, 10, ""), change(2, 4, restock)], (10, 1), "a restock that brings nothing does not"),
        ] {
            let level = stored(&history).full;
            assert_eq!((level.on_hand, level.at.as_second()), full, "{why}");
        }
    }
}
