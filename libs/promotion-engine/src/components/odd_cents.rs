use super::draft::Share;
use crate::document::policies::OddCents;
use crate::rounding::Mode;

/// Gives `part` to the shares that are open, in proportion to their weights, which are `weights` together; the whole cents of
/// each fit its cap. Gives what it gave: less than `part` where the odd cents of one passed its cap.
pub(super) fn give(shares: &mut [Share], odd: OddCents, part: i64, weights: i64) -> i64 {
    let open: Vec<usize> = (0..shares.len()).filter(|at| shares[*at].is_open()).collect();
    let of: Vec<i64> = open.iter().map(|at| shares[*at].weight).collect();
    let mut given = 0;
    for (at, wanted) in open.into_iter().zip(divided(&of, odd, part, weights)) {
        let fit = wanted.min(shares[at].cap - shares[at].quota);
        shares[at].quota += fit;
        given += fit;
    }
    given
}

/// `part` in proportion to `of`, which add up to `weights` and are above zero.
fn divided(of: &[i64], odd: OddCents, part: i64, weights: i64) -> Vec<i64> {
    let rounded = |mode: Mode, weight: i64| mode.ratio(i128::from(part) * i128::from(weight), i128::from(weights));
    match odd {
        // Given where it is decided, without this list.
        OddCents::LargestRemainder => of.iter().map(|weight| rounded(Mode::Down, *weight)).collect(),
        OddCents::First => {
            let mut parts: Vec<i64> = of.iter().map(|weight| rounded(Mode::HalfDown, *weight)).collect();
            let mut missing = part - parts.iter().sum::<i64>();
            for part in &mut parts {
                let step = missing.signum().max(-*part);
                *part += step;
                missing -= step;
            }
            parts
        }
        OddCents::Last => all_but_last(of, part, |weight| rounded(Mode::HalfDown, weight)),
        OddCents::LastRoundedDown => all_but_last(of, part, |weight| rounded(Mode::Down, weight)),
        OddCents::Carried => {
            let (mut weight, mut before) = (0, 0);
            let upto = |next: &i64| {
                weight += next;
                let (now, last) = (rounded(Mode::HalfUp, weight), before);
                before = now;
                now - last
            };
            of.iter().map(upto).collect()
        }
        OddCents::CarriedFromLast => {
            let (mut left, mut weights) = (part, weights);
            let of_rest = |weight: &i64| {
                let part = Mode::Down.ratio(i128::from(left) * i128::from(*weight), i128::from(weights));
                left -= part;
                weights -= weight;
                part
            };
            let mut parts: Vec<i64> = of.iter().rev().map(of_rest).collect();
            parts.reverse();
            parts
        }
    }
}

fn all_but_last(of: &[i64], part: i64, rounded: impl Fn(i64) -> i64) -> Vec<i64> {
    let mut left = part;
    let mut parts: Vec<i64> = Vec::with_capacity(of.len());
    for (place, weight) in of.iter().enumerate() {
        let part = if place + 1 == of.len() { left } else { rounded(*weight).min(left) };
        parts.push(part);
        left -= part;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odd_cents_go_where_the_policy_says() {
        for (odd, part, of, expected) in [
            (OddCents::First, 1_000, &[1, 1, 1][..], &[334, 333, 333][..]),
            (OddCents::First, 300, &[4_300, 1_400, 2_300], &[162, 52, 86]), // 161.25, 52.5, 86.25
            (OddCents::First, 299, &[4_300, 1_400, 2_300], &[161, 52, 86]), // 160.71, 52.33, 85.96
            (OddCents::First, 8, &[1, 1, 1], &[2, 3, 3]),                   // 2.67 each rounds up three times
            (OddCents::First, 2, &[1, 1, 1], &[0, 1, 1]),
            (OddCents::First, 1, &[9, 9, 1], &[1, 0, 0]),
            (OddCents::Last, 1_000, &[1, 1, 1], &[333, 333, 334]),
            (OddCents::Last, 2_000, &[1, 1, 1], &[667, 667, 666]),
            (OddCents::Last, 2, &[3, 3, 3, 1], &[1, 1, 0, 0]), // 0.6 each, until nothing is left
            (OddCents::LastRoundedDown, 2_000, &[1, 1, 1], &[666, 666, 668]),
            (OddCents::Carried, 1_000, &[1, 1, 1], &[333, 334, 333]),
            (OddCents::Carried, 201, &[1, 1], &[101, 100]), // 100.5 each
            (OddCents::CarriedFromLast, 1_000, &[1, 1, 1], &[334, 333, 333]),
            (OddCents::CarriedFromLast, 299, &[4_300, 1_400, 2_300], &[162, 52, 85]), // 85.96, 52.56 of the 214 left, 162
            (OddCents::Last, i64::MAX, &[i64::MAX / 2, i64::MAX / 2], &[i64::MAX / 2, i64::MAX / 2 + 1]),
        ] {
            let parts = divided(of, odd, part, of.iter().sum());
            assert_eq!(parts, expected, "{odd:?}: {part} by {of:?}");
            assert_eq!(parts.iter().sum::<i64>(), part);
        }
    }
}
