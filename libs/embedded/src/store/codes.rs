//! How values stand in columns. Reading never trusts a column: what is no value of its type is an error.

use jiff::Timestamp;
use jiff::civil::Date;
use pricestream_domain::{Cause, Currency, Mode, Money, Standing};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

pub(super) fn instant(micros: i64) -> Result<Timestamp> {
    // Its microsecond twin refuses the last second of the range.
    Timestamp::from_nanosecond(i128::from(micros) * 1_000).map_err(|error| unreadable(error.to_string()))
}

pub(super) fn maybe_instant(micros: Option<i64>) -> Result<Option<Timestamp>> {
    micros.map(instant).transpose()
}

pub(super) fn currency_code(currency: Currency) -> i64 {
    currency.code().bytes().fold(0, |code, letter| code << 8 | i64::from(letter))
}

pub(super) fn currency(code: i64) -> Result<Currency> {
    let [.., a, b, c] = code.to_be_bytes();
    let known = std::str::from_utf8(&[a, b, c]).ok().and_then(|text| text.parse().ok());
    known.ok_or_else(|| unreadable(format!("{code} is no currency")))
}

pub(super) fn maybe_money(code: Option<i64>, minor: Option<i64>) -> Result<Option<Money>> {
    match (code, minor) {
        (Some(code), Some(minor)) => Ok(Some(Money::new(minor, currency(code)?))),
        _ => Ok(None),
    }
}

fn day_code(day: Date) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

fn day(code: i64) -> Result<Date> {
    let parts = (i16::try_from(code / 10_000), i8::try_from(code / 100 % 100), i8::try_from(code % 100));
    match parts {
        (Ok(year), Ok(month), Ok(day)) => Date::new(year, month, day).map_err(|error| unreadable(error.to_string())),
        _ => Err(unreadable(format!("{code} is no day"))),
    }
}

/// Seven columns: currency, price, since, step_from, step_since, day, changes.
pub(super) type StandingColumns = [Option<i64>; 7];

pub(super) fn standing_columns(standing: Option<&Standing>) -> StandingColumns {
    standing.map_or([None; 7], |standing| {
        [
            Some(currency_code(standing.price.currency)),
            Some(standing.price.minor),
            Some(standing.since.as_microsecond()),
            Some(standing.step_from.minor),
            Some(standing.step_since.as_microsecond()),
            Some(day_code(standing.day)),
            Some(i64::from(standing.changes)),
        ]
    })
}

/// Reads seven columns from `first` on.
pub(super) fn standing(row: &Row<'_>, first: usize) -> Result<Option<Standing>> {
    let Some(code) = row.get::<_, Option<i64>>(first)? else {
        return Ok(None);
    };
    let currency = currency(code)?;
    Ok(Some(Standing {
        price: Money::new(row.get(first + 1)?, currency),
        since: instant(row.get(first + 2)?)?,
        step_from: Money::new(row.get(first + 3)?, currency),
        step_since: instant(row.get(first + 4)?)?,
        day: day(row.get(first + 5)?)?,
        changes: row.get(first + 6)?,
    }))
}

const MODES: [Mode; 4] = [Mode::Run, Mode::Freeze, Mode::ListPrice, Mode::Shadow];
/// By their codes: a new one comes last.
const CAUSES: [Cause; 8] = [
    Cause::Stock,
    Cause::Product,
    Cause::Strategies,
    Cause::Mode,
    Cause::Override,
    Cause::Due,
    Cause::Reconcile,
    Cause::Promotions,
];

/// Stands for a rule set that could not be read.
pub(super) const UNREADABLE_RULES: i64 = -1;

pub(super) fn mode_code(mode: Mode) -> i64 {
    code_of(&MODES, &mode)
}

pub(super) fn mode(code: i64) -> Result<Mode> {
    value_of(&MODES, code)
}

pub(super) fn cause_code(cause: Cause) -> i64 {
    code_of(&CAUSES, &cause)
}

pub(super) fn cause(code: i64) -> Result<Cause> {
    value_of(&CAUSES, code)
}

pub(super) fn code_of<T: PartialEq>(values: &[T], value: &T) -> i64 {
    let position = values.iter().position(|candidate| candidate == value).expect("the list holds every value");
    i64::try_from(position).expect("the list is short")
}

pub(super) fn value_of<T: Copy>(values: &[T], code: i64) -> Result<T> {
    usize::try_from(code)
        .ok()
        .and_then(|position| values.get(position))
        .copied()
        .ok_or_else(|| unreadable(format!("{code} is no code")))
}

pub(super) fn unreadable(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::FromSqlConversionFailure(0, Type::Integer, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_as_they_were_written() {
        for value in MODES {
            assert_eq!(mode(mode_code(value)).unwrap(), value);
        }
        for value in CAUSES {
            assert_eq!(cause(cause_code(value)).unwrap(), value);
        }
        for value in [Currency::USD, Currency::JPY, Currency::KWD] {
            assert_eq!(currency(currency_code(value)).unwrap(), value);
        }
        let date = Date::new(2026, 11, 22).unwrap();
        assert_eq!(day(day_code(date)).unwrap(), date);
    }

    #[test]
    fn what_is_no_value_is_an_error_and_no_panic() {
        assert!(mode(9).is_err() && cause(-1).is_err() && currency(0).is_err() && day(-5).is_err() && instant(i64::MAX).is_err());
    }
}
