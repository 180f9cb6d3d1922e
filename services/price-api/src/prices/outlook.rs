use pricestream_ports::HistoryRow;
use schemars::JsonSchema;
use serde::Serialize;

/// How much of the best possible the rest of a sale is expected to earn, under what is believed of its demand now.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Outlook {
    /// In percent of what one would earn who knew the demand and were bound by no guardrail.
    pub percent_of_best: f64,
    /// Half of its 95 % confidence interval, in points.
    pub plus_minus: f64,
    /// Units that are expected to be sold until the sale ends.
    pub expected_units: f64,
    /// Sales at list price that are still expected, if stock never ran out.
    pub expected_buyers: f64,
    /// Units sold in an hour, at the pace of late: half of it from the last tenth of the sale. Absent where the strategy learns nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub velocity_per_hour: Option<f64>,
    /// The same in a sentence.
    pub sentence: String,
}

/// Sales that are played: half a point of confidence, in some tenths of a second.
#[cfg(feature = "outlook")]
const RUNS: u32 = 120;

impl Outlook {
    /// Of the sale in which `row` decided; `None` where none was on or nothing was left, and in a build without the feature `outlook`.
    /// Tenths of a second of computing.
    #[cfg(feature = "outlook")]
    pub fn of(row: &HistoryRow) -> Option<Self> {
        use pricestream_pricing_lab::{Present, outlook};
        let inputs = &row.inputs;
        // Who sets the price by hand, or freezes it, is asked in vain.
        let by_hand = inputs.override_.as_ref().is_some_and(|override_| inputs.decided_at < override_.expires_at);
        if by_hand || inputs.mode != pricestream_domain::Mode::Run {
            return None;
        }
        let decision = inputs.decide();
        let policy = &inputs.policy.as_ref().ok()?.policy;
        let by_candidate = decision.reason.other_side.is_some_and(|other| other.is_in_force());
        let policy = if by_candidate { policy.in_charge() } else { policy };
        let present = Present {
            now: inputs.decided_at,
            product: &inputs.product.product,
            policy,
            stock: inputs.stock.as_ref()?,
            standing: decision.standing.as_ref(),
            belief: decision.belief.as_ref(),
        };
        let outlook = outlook(&present, RUNS, row.record_rev.0)?;
        let tenth = |number: f64| (number * 10.0).round() / 10.0;
        let percent = tenth(100.0 * outlook.efficiency.mean);
        let plus_minus = tenth(100.0 * outlook.efficiency.half);
        let units = tenth(outlook.units);
        let sentence = format!(
            "this policy is expected to earn {percent:.1} % (± {plus_minus:.1}) of the best possible under the current belief, and to sell \
             {units:.0} of {} units",
            inputs.stock.as_ref()?.on_hand
        );
        let velocity_per_hour = decision.belief.as_ref().map(|belief| tenth(belief.velocity_per_hour()));
        Some(Self {
            velocity_per_hour,
            percent_of_best: percent,
            plus_minus,
            expected_units: units,
            expected_buyers: tenth(outlook.buyers),
            sentence,
        })
    }

    /// This build does not work it out.
    #[cfg(not(feature = "outlook"))]
    pub fn of(_row: &HistoryRow) -> Option<Self> {
        None
    }
}
