use pricestream_domain::{LowStock, Sku, StockVersion};
use pricestream_ports::{AlertState, Sighting};

/// The state after `sightings`, stock as it was at one version each, oldest first; those not newer than the state change
/// nothing. `rev` is left as it was. Two sightings after a state with nothing pending leave one crossing to tell at most.
pub fn after(stored: Option<&AlertState>, sku: &Sku, band: LowStock, sightings: &[Sighting]) -> AlertState {
    let mut state = stored.cloned().unwrap_or_else(|| AlertState {
        sku: sku.clone(),
        rev: 0,
        episode: 0,
        low: false,
        pending: None,
        stock_version: StockVersion(0),
    });
    for seen in sightings {
        if seen.stock_version <= state.stock_version {
            continue;
        }
        state.stock_version = seen.stock_version;
        if !state.low && seen.on_hand <= band.at {
            state = AlertState { low: true, pending: Some(*seen), episode: state.episode + 1, ..state };
        } else if state.low && seen.on_hand >= band.rearm {
            state.low = false;
        }
    }
    state
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const BAND: LowStock = LowStock { at: 5, rearm: 10 };

    fn seen(version: u64, on_hand: u64) -> Sighting {
        Sighting { stock_version: StockVersion(version), on_hand, occurred_at: Timestamp::UNIX_EPOCH }
    }

    /// Runs through stock levels in order, each told at once; gives the versions that fired.
    fn fired(levels: &[u64]) -> Vec<u64> {
        let sku = Sku::new("A").unwrap();
        let (mut state, mut fired) = (None, Vec::new());
        for (version, on_hand) in (1..).zip(levels) {
            let mut next = after(state.as_ref(), &sku, BAND, &[seen(version, *on_hand)]);
            fired.extend(next.pending.take().map(|crossing| crossing.stock_version.0));
            state = Some(next);
        }
        fired
    }

    #[test]
    fn i7_one_alert_per_downward_crossing_with_hysteresis() {
        for (levels, expected, why) in [
            (&[20, 6, 5, 4, 3][..], &[3][..], "once, at the edge"),
            (&[5], &[1], "the first sighting may be low already"),
            (&[20, 5, 6, 5, 9, 4], &[2], "within the band it does not fire again"),
            (&[20, 5, 10, 5], &[2, 4], "armed again at the upper edge"),
            (&[20, 0, 100, 0], &[2, 4], "through the whole band"),
            (&[20, 6, 20], &[], "never low"),
        ] {
            assert_eq!(fired(levels), expected, "{why}");
        }
    }

    #[test]
    fn an_older_sighting_changes_nothing() {
        let sku = Sku::new("A").unwrap();
        let state = after(None, &sku, BAND, &[seen(2, 20)]);
        assert_eq!(after(Some(&state), &sku, BAND, &[seen(1, 0), seen(2, 0)]), state);
        let dipped = after(Some(&state), &sku, BAND, &[seen(3, 4), seen(4, 50)]);
        assert_eq!(dipped.pending, Some(seen(3, 4)), "a dip between two sightings is told, as what it was");
    }
}
