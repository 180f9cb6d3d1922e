use crate::quote::Quote;

/// What is paid back for units that come back, in minor units of the quote's currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refund {
    /// What the units cost after promotions.
    pub payable: i64,
    /// The tax in it, or on top of it.
    pub tax: i64,
}

impl Quote {
    /// What is paid back for `quantity` more units of the line in this place, after `returned` of them came back before: the
    /// dearest first. All refunds of a line add up to what was paid for it, in whatever parts it comes back. `None`: there is no
    /// such line, or it has not so many units.
    pub fn refund(&self, line: usize, returned: u32, quantity: u32) -> Option<Refund> {
        let of_line = self.lines.get(line)?;
        let last = returned.checked_add(quantity).filter(|last| *last <= of_line.quantity)?;
        let (before, after) = (self.paid_for(line, returned), self.paid_for(line, last));
        // Of what has come back in all, so that no part of the tax is lost between parts.
        let tax = |paid: i64| {
            let exact = i128::from(of_line.tax) * i128::from(paid);
            i64::try_from(exact / i128::from(of_line.payable.max(1))).expect("a share of the tax is at most the tax")
        };
        Some(Refund { payable: after - before, tax: tax(after) - tax(before) })
    }

    /// What the first so many units of a line cost together, the dearest first.
    fn paid_for(&self, line: usize, units: u32) -> i64 {
        let mut left = units;
        let mut paid = 0;
        for price in self.units(line) {
            let of_these = price.quantity.min(left);
            paid += price.payable * i64::from(of_these);
            left -= of_these;
        }
        paid
    }
}
