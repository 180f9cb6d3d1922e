/// Why an amount could not be shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// A non-zero amount has nobody to go to.
    #[error("nothing to share by: every weight is zero or there are none")]
    NoWeight,
}

/// Splits `total` in proportion to `weights`, exactly: the shares add up to `total`.
///
/// Largest remainder (Hamilton's method): everybody gets the quota rounded towards zero, and the units left over go,
/// one each, to the largest remainders; a tie goes to the earlier position. A zero weight gets nothing. A negative
/// total shares like its magnitude, with the sign kept.
///
/// Errors: `NoWeight` when `total` is not zero and no weight is.
pub fn shares(total: i64, weights: &[u64]) -> Result<Vec<i64>, ShareError> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if total == 0 {
        return Ok(vec![0; weights.len()]);
    }
    if sum == 0 {
        return Err(ShareError::NoWeight);
    }
    let magnitude = u128::from(total.unsigned_abs());
    let mut quotas = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (position, weight) in weights.iter().enumerate() {
        let product = magnitude * u128::from(*weight);
        quotas.push(product / sum);
        remainders.push((product % sum, position));
    }
    let left = magnitude - quotas.iter().sum::<u128>();
    remainders.sort_unstable_by(|(a, at), (b, bt)| b.cmp(a).then(at.cmp(bt)));
    for (_, position) in remainders.into_iter().take(usize::try_from(left).expect("fewer units are left than there are shares")) {
        quotas[position] += 1;
    }
    let signed = |quota: u128| {
        let quota = i128::try_from(quota).expect("a share is at most the total");
        i64::try_from(if total < 0 { -quota } else { quota }).expect("a share is at most the total")
    };
    Ok(quotas.into_iter().map(signed).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn largest_remainder_with_ties_to_the_earlier() {
        for (total, weights, expected) in [
            (100, &[1, 1, 1][..], &[34, 33, 33][..]),
            (2, &[1, 1, 1], &[1, 1, 0]),
            (-100, &[1, 1, 1], &[-34, -33, -33]),
            (10, &[0, 3, 1], &[0, 8, 2]), // 7.5 and 2.5: a tie, the earlier takes it
            (5, &[0, 7], &[0, 5]),
            (0, &[0, 0], &[0, 0]),
            (0, &[], &[]),
            (i64::MIN, &[u64::MAX], &[i64::MIN]),
        ] {
            assert_eq!(shares(total, weights).unwrap(), expected, "{total} by {weights:?}");
        }
        assert_eq!(shares(1, &[]), Err(ShareError::NoWeight));
        assert_eq!(shares(1, &[0, 0]), Err(ShareError::NoWeight));
    }

    proptest! {
        #[test]
        fn shares_are_exact_and_within_one_of_the_quota(total: i64, weights in prop::collection::vec(0..=u64::MAX, 1..40)) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = shares(total, &weights).unwrap();
            prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
            let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let quota = u128::from(total.unsigned_abs()) * u128::from(*weight) / sum;
                prop_assert!((quota..=quota + 1).contains(&u128::from(part.unsigned_abs())));
                prop_assert!(*weight > 0 || *part == 0, "a zero weight gets nothing");
            }
        }
    }
}
