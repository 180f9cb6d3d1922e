use std::{fmt, io};

use pricestream_domain::Currency;

/// The longest piece, in bytes: three numbers of 64 bits, and what stands around them.
const LONGEST: usize = 160;

/// A document while it is written. Most of a large answer is a few hundred short pieces, each of which is put together where it stays:
/// to copy them, or to ask before each word whether there is room, costs more than to find out what they say.
pub(crate) struct JsonText {
    /// What is written, and room for more.
    text: Vec<u8>,
    end: usize,
    /// How every amount ends.
    money_end: [u8; 18],
}

impl JsonText {
    /// An empty one with room for `length` bytes, whose amounts are in `currency`.
    pub(crate) fn with_room(length: usize, currency: Currency) -> Self {
        let mut money_end = *b",\"currency\":\"...\"}";
        money_end[13..16].copy_from_slice(currency.code().as_bytes());
        Self { text: vec![0; length], end: 0, money_end }
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.text.truncate(self.end);
        self.text
    }

    /// Bytes that are written.
    pub(crate) const fn length(&self) -> usize {
        self.end
    }

    /// Appends text as it is.
    pub(crate) fn raw(&mut self, text: &[u8]) {
        self.make_room(text.len());
        self.text[self.end..self.end + text.len()].copy_from_slice(text);
        self.end += text.len();
    }

    /// Appends text in quotes, with what JSON wants escaped.
    pub(crate) fn quoted(&mut self, text: &str) {
        self.raw(b"\"");
        let begin = self.end;
        self.raw(text.as_bytes());
        self.end_quote(begin);
    }

    /// Appends what `write` writes in quotes, with what JSON wants escaped.
    pub(crate) fn quoted_by(&mut self, write: impl FnOnce(&mut Self) -> fmt::Result) {
        self.raw(b"\"");
        let begin = self.end;
        write(self).expect("memory takes every write");
        self.end_quote(begin);
    }

    /// Ends the text whose quote stands before `begin`.
    fn end_quote(&mut self, begin: usize) {
        // Most text has nothing to escape. Without an early end many bytes are looked at at once.
        let written = &self.text[begin..self.end];
        let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        if !written.iter().fold(false, |any, byte| any | is_escaped(*byte)) {
            self.raw(b"\"");
            return;
        }
        let text = std::str::from_utf8(written).expect("only text is written").to_owned();
        self.end = begin - 1;
        serde_json::to_writer(self, &text).expect("memory takes every write");
    }

    /// A piece of at most [`LONGEST`] bytes.
    pub(crate) fn piece(&mut self) -> Piece<'_> {
        self.make_room(LONGEST);
        let text = self.text[self.end..].first_chunk_mut().expect("there is room");
        Piece { text, length: 0, end: &mut self.end, money_end: &self.money_end }
    }

    fn make_room(&mut self, length: usize) {
        if self.text.len() - self.end < length {
            self.text.resize(2 * self.text.len() + length, 0);
        }
    }
}

impl fmt::Write for JsonText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.raw(text.as_bytes());
        Ok(())
    }
}

impl io::Write for JsonText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.raw(bytes);
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.raw(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A piece of a document, which belongs to it once it is done.
pub(crate) struct Piece<'a> {
    text: &'a mut [u8; LONGEST],
    length: usize,
    end: &'a mut usize,
    money_end: &'a [u8; 18],
}

impl Piece<'_> {
    pub(crate) fn raw<const LENGTH: usize>(mut self, text: &[u8; LENGTH]) -> Self {
        self.text[self.length..self.length + LENGTH].copy_from_slice(text);
        self.length += LENGTH;
        self
    }

    pub(crate) fn number(mut self, number: u32) -> Self {
        self.digits(number.into());
        self
    }

    /// What of an amount is behind its `{"minor":`.
    pub(crate) fn minor(mut self, minor: i64) -> Self {
        if minor < 0 {
            self = self.raw(b"-");
        }
        self.digits(minor.unsigned_abs());
        let money_end = self.money_end;
        self.raw(money_end)
    }

    pub(crate) fn done(self) {
        *self.end += self.length;
    }

    fn digits(&mut self, mut number: u64) {
        let length = number.checked_ilog10().unwrap_or(0) as usize + 1;
        for digit in self.text[self.length..self.length + length].iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).expect("it is a digit");
            number /= 10;
        }
        self.length += length;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_is_written_as_its_digits(minor in any::<i64>(), places in 0..64_u32, number in any::<u32>()) {
            let minor = minor >> places;
            let mut text = JsonText::with_room(0, Currency::EUR);
            text.piece().number(number).raw(b",{\"minor\":").minor(minor).done();
            let expected = format!("{number},{{\"minor\":{minor},\"currency\":\"EUR\"}}");
            prop_assert_eq!(String::from_utf8(text.into_bytes()).unwrap(), expected);
        }

        #[test]
        fn every_text_is_quoted_as_serde_quotes_it(one in any::<String>(), other in any::<String>()) {
            let mut text = JsonText::with_room(0, Currency::EUR);
            text.quoted(&one);
            text.quoted_by(|text| fmt::Write::write_str(text, &one).and_then(|()| fmt::Write::write_str(text, &other)));
            let expected = format!("{}{}", serde_json::to_string(&one).unwrap(), serde_json::to_string(&format!("{one}{other}")).unwrap());
            prop_assert_eq!(String::from_utf8(text.into_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn numbers_around_each_power_of_ten_are_exact() {
        for power in (0..=19).map(|exponent| 10_u64.pow(exponent)) {
            for number in [power - 1, power, power + 1, power / 2 * 3, power.saturating_mul(9)] {
                let mut text = JsonText::with_room(0, Currency::EUR);
                let mut piece = text.piece();
                piece.digits(number);
                piece.done();
                assert_eq!(String::from_utf8(text.into_bytes()).unwrap(), number.to_string());
            }
        }
    }
}
