/// The one source of chance: everything that a run does follows from its seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A number below `end`, which is above 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.usize(..end)
    }

    /// A number of `range`.
    pub(crate) fn within(&mut self, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.0.u64(range)
    }

    /// Happens in `share` of 10 000 cases.
    pub(crate) fn happens(&mut self, share: u16) -> bool {
        share > 0 && self.0.u16(..10_000) < share
    }

    /// The position of one of `weights`, which are not all 0.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.0.u32(..weights.iter().sum::<u32>());
        for (position, weight) in weights.iter().enumerate() {
            if left < *weight {
                return position;
            }
            left -= weight;
        }
        unreachable!("what is left is below the sum of the weights")
    }
}
