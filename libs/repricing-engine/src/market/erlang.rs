//! The optimal price when demand falls exponentially with the price and all of it is known.
//!
//! Buyers come with intensity `A e^(-a p)`, `n` units are left, and what is left at the end is worth its salvage value. All that matters of
//! the time left and of the shape of demand over it is `x`, the sales still to be expected at the price `1/a` above salvage. Source of the
//! model: Gallego and van Ryzin, Management Science 40(8), 1994. Their sums overflow beyond some hundred units; by the Erlang-B formula
//! `B(k, x)`, the share of calls that `k` lines lose under load `x`, the same price is `(1 + ln(1 + x B(n-1, x) / n)) / a`, and nothing
//! overflows. Everything here is in units of `1/a` above salvage.

/// Beyond so many standard deviations of a Poisson number the rest is below what a float can tell.
const FAR: f64 = 9.0;

/// Beyond so many units chance is nothing: the fluid price is within 4e-4 of the best.
const MANY: u64 = 10_000_000;

/// Erlang-B: the share of calls that `lines` lines lose under `load`. Relative error below 1e-12 for `lines` and `load` up to 1e6; no more
/// steps than some ten times the square root of `lines` where it matters.
pub fn blocking(lines: u64, load: f64) -> f64 {
    let lines = lines as f64;
    if load <= 0.0 {
        return if lines == 0.0 { 1.0 } else { 0.0 };
    }
    if lines > load + FAR * load.sqrt() + 40.0 {
        return 0.0;
    }
    // 1/B = sum over i of lines! / (lines-i)! / load^i: all terms are positive, and they only fall once lines - i < load.
    let (mut term, mut sum, mut left) = (1.0_f64, 1.0_f64, lines);
    while left > 0.0 {
        term *= left / load;
        sum += term;
        left -= 1.0;
        if left < load && term < sum * 1e-17 {
            break;
        }
    }
    1.0 / sum
}

/// `ln(1 + x B(n-1, x) / n)`: what the `n`-th unit is worth. For `n` = 0 what a first unit would be.
pub fn worth_of_last(units: u64, market: f64) -> f64 {
    let units = units.max(1);
    let market = sane(market);
    if units > MANY {
        return (market / units as f64).ln().max(0.0);
    }
    (market * blocking(units - 1, market) / units as f64).ln_1p()
}

/// The same of the logarithm of the market: a market that no float holds is as good as any other, since its price grows with the logarithm.
pub fn worth_of_last_ln(units: u64, ln_market: f64) -> f64 {
    if ln_market < LARGE_LN {
        return worth_of_last(units, ln_market.exp());
    }
    // Nearly every call is lost: B is 1 to the last digit.
    (ln_market.min(1e12) - (units.max(1) as f64).ln()).max(0.0)
}

/// [`value`] of the logarithm of the market.
pub fn value_ln(units: u64, ln_market: f64) -> f64 {
    if ln_market < LARGE_LN {
        return value(units, ln_market.exp());
    }
    (1..=units).map(|k| (ln_market.min(1e12) - (k as f64).ln()).max(0.0)).sum()
}

/// Above this logarithm of the market more buyers change nothing but the logarithm: 1e15 buyers, and fewer units.
const LARGE_LN: f64 = 34.5;

/// The optimal price with `units` left and `market` sales to be expected at the price 1. With nothing left, the price at which one unit
/// would be asked for.
pub fn price(units: u64, market: f64) -> f64 {
    1.0 + worth_of_last(units, market)
}

/// What the sale is still worth: `value(n) = sum of ln(1 + x B(k-1) / k)` over k up to n. One step for each unit, until more units are worth
/// nothing.
pub fn value(units: u64, market: f64) -> f64 {
    let market = sane(market);
    let (mut blocking, mut value) = (1.0_f64, 0.0);
    for k in 1..=units {
        let carried = market * blocking;
        let gain = (carried / k as f64).ln_1p();
        value += gain;
        if gain < value * 1e-18 {
            break;
        }
        blocking = carried / (k as f64 + carried);
    }
    value
}

/// No market at all for what is no number, and no more than can be multiplied.
fn sane(market: f64) -> f64 {
    if market > 0.0 { market.min(1e15) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Erlang-B by its recursion.
    fn recursion(lines: u64, load: f64) -> f64 {
        (1..=lines).fold(1.0, |blocking, k| load * blocking / (k as f64 + load * blocking))
    }

    #[test]
    fn the_series_is_the_recursion() {
        for lines in [0, 1, 2, 5, 20, 99, 400, 1_000, 20_000] {
            for load in [1e-6, 0.1, 1.0, 5.0, 20.0, 80.0, 99.5, 300.0, 1_000.0, 19_000.0, 1e6] {
                let (series, expected) = (blocking(lines, load), recursion(lines, load));
                let close = (series - expected).abs() <= 1e-11 * expected + 1e-17;
                assert!(close, "B({lines}, {load}) = {series}, by recursion {expected}");
            }
        }
    }

    /// Values computed by an independent dynamic programme, to three digits.
    #[test]
    fn values_and_opening_prices_are_those_of_the_dynamic_programme() {
        for (units, market, worth, opening) in [
            (5, 5.0, 4.515, 1.335),
            (10, 40.0, 22.062, 2.418),
            (20, 20.0, 19.419, 1.173),
            (50, 200.0, 116.724, 2.393),
            (100, 100.0, 99.359, 1.079),
            (500, 1_000.0, 843.238, 1.695),
        ] {
            assert!((value(units, market) - worth).abs() < 6e-4, "value({units}, {market}) = {}", value(units, market));
            assert!((price(units, market) - opening).abs() < 6e-4, "price({units}, {market}) = {}", price(units, market));
        }
    }

    #[test]
    fn a_market_beyond_any_float_still_has_a_price_that_rises_with_it() {
        let worth = |ln_market| worth_of_last_ln(20, ln_market);
        assert!((worth(34.4) - (34.4 - 20_f64.ln())).abs() < 1e-9 && (worth(34.6) - worth(34.4) - 0.2).abs() < 1e-9, "no step");
        assert!(worth(5_000.0) > worth(1_000.0) && worth(f64::INFINITY).is_finite());
        assert!((value_ln(3, 40.0) - (120.0 - 6_f64.ln())).abs() < 1e-9);
    }

    #[test]
    fn its_limits_are_the_known_ones() {
        assert!((price(1, 7.0) - (1.0 + 8.0_f64.ln())).abs() < 1e-15, "one unit");
        assert!((price(10, 1e6) - (1.0 + 1e5_f64.ln())).abs() < 1e-4, "far more buyers than units: the fluid price");
        assert!((price(1_000_000, 1_000.0) - 1.0).abs() < 1e-15, "far more units than buyers: stock does not matter");
        assert!((price(1_000_000, 1e6) - 1.0008).abs() < 1e-4, "large and tight");
        for market in [f64::NAN, -1.0, 0.0, f64::INFINITY] {
            assert!(price(3, market).is_finite(), "{market}");
        }
    }

    proptest! {
        /// Theorem 1 of the source.
        #[test]
        fn the_price_falls_with_units_and_rises_with_the_market(units in 1_u64..2_000, market in 0.0_f64..3_000.0, more in 0.0_f64..100.0) {
            prop_assert!(price(units + 1, market) <= price(units, market) + 1e-12);
            prop_assert!(price(units, market + more) >= price(units, market) - 1e-12);
        }

        #[test]
        fn value_is_the_sum_of_what_each_unit_is_worth(units in 1_u64..200, market in 0.0_f64..500.0) {
            let sum: f64 = (1..=units).map(|k| worth_of_last(k, market)).sum();
            prop_assert!((value(units, market) - sum).abs() <= 1e-9 * (1.0 + sum));
        }
    }
}
