use serde::Serialize;

use crate::near_miss::near_misses;
use crate::quote::{Quote, QuotedLine, SharesByLine};
use crate::record::{Decision, Outcome, Reason};

impl Quote {
    /// Appends [`Quote::answer`] as serde writes it as JSON, byte for byte. Lines and promotions, which are most of it, by hand: a
    /// basket is answered on each change of it, and to write the answer so costs a fraction.
    pub fn write_answer(&self, out: &mut Vec<u8>) {
        let shares = self.shares_by_line();
        // About what it takes: to grow on the way would copy everything.
        out.reserve(1_024 + self.lines.len() * 256 + self.shares.len() * 128 + self.decisions.len() * 192);
        let promotions = self.decisions.iter().map(|decision| {
            let mut head = Vec::new();
            text("{\"promotion\":", &decision.promotion, &mut head);
            head
        });
        let mut json = Writer { out, quote: self, promotions: promotions.collect() };
        json.field("{\"rule_set\":", &self.rule_set);
        json.field(",\"at\":", &self.at);
        json.money(",\"payable\":", self.totals.payable);
        json.money(",\"goods\":", self.totals.goods);
        json.money(",\"goods_off\":", self.totals.goods_off);
        json.field(",\"postage\":", &self.answered_postage(self.postage.as_ref()));
        json.field(",\"taxes\":", &self.answered_taxes(&self.taxes));
        json.raw(",\"lines\":[");
        json.each(self.lines.iter().enumerate(), |json, (place, line)| json.line(place, line, &shares));
        json.field("],\"funding\":", &self.answered_funding(&self.funding));
        json.raw(",\"promotions\":[");
        json.each(self.decisions.iter().enumerate(), |json, (place, decision)| json.decision(place, decision));
        json.field("],\"red_packets\":", &self.answered_packets());
        json.number(",\"points\":", self.points);
        json.field_if_any(",\"coupons\":", &self.answered_coupons());
        json.field_if_any(",\"gifts\":", &self.answered_gifts());
        json.field_if_any(",\"gift_offers\":", &self.answered_offers());
        json.field(",\"near_misses\":", &near_misses(&self.decisions, self.currency));
        json.field_if_any(",\"groups\":", &self.answered_groups());
        json.field(",\"degraded\":", &self.degraded);
        json.field(",\"risks\":", &self.answered_risks());
        json.field(",\"scenario\":", &self.scenario);
        json.field(",\"sellable\":", &self.sellable);
        json.raw("}");
    }
}

/// Appends to a document. What each call is given first stands there as it is.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    quote: &'a Quote,
    /// How what is said of each promotion begins, in the order of the decisions: they stand with each of their shares.
    promotions: Vec<Vec<u8>>,
}

fn text(before: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(before.as_bytes());
    // All that JSON wants escaped; most text has none of it. Counted, without an early end: so many bytes are looked at at once.
    let escaped: usize = text.bytes().map(|byte| usize::from(byte < b' ' || byte == b'"' || byte == b'\\')).sum();
    if escaped > 0 {
        serde_json::to_writer(out, text).expect("memory takes every write");
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

impl Writer<'_> {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn field(&mut self, before: &str, value: &impl Serialize) {
        self.raw(before);
        serde_json::to_writer(&mut *self.out, value).expect("an answer has text for keys, and memory takes every write");
    }

    fn field_if_any<T: Serialize>(&mut self, before: &str, values: &[T]) {
        if !values.is_empty() {
            self.field(before, &values);
        }
    }

    fn number(&mut self, before: &str, number: impl itoa::Integer) {
        self.raw(before);
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    fn money(&mut self, before: &str, minor: i64) {
        self.raw(before);
        pricestream_domain::Money::new(minor, self.quote.currency).write_json(self.out);
    }

    fn text(&mut self, before: &str, of: &str) {
        text(before, of, self.out);
    }

    /// A name that has nothing to escape.
    fn name(&mut self, before: &str, name: &str) {
        self.raw(before);
        self.raw(name);
        self.raw("\"");
    }

    /// The beginning of what is said of the promotion of the decision in this place.
    fn promotion(&mut self, decision: usize) {
        self.out.extend_from_slice(&self.promotions[decision]);
    }

    fn each<T>(&mut self, of: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        for (place, one) in of.into_iter().enumerate() {
            if place > 0 {
                self.raw(",");
            }
            write(self, one);
        }
    }

    fn line(&mut self, place: usize, line: &QuotedLine, shares: &SharesByLine) {
        let quote = self.quote;
        self.text("{\"id\":", &line.id);
        self.name(",\"sku\":\"", line.sku.as_str());
        self.number(",\"quantity\":", line.quantity);
        self.money(",\"original\":", line.original);
        self.money(",\"payable\":", line.payable);
        self.raw(",\"units\":[");
        self.each(quote.units(place), |json, units| {
            json.number("{\"quantity\":", units.quantity);
            json.money(",\"payable\":", units.payable);
            json.raw("}");
        });
        self.raw("],\"off\":[");
        self.each(shares.of(quote, place), |json, share| {
            json.promotion(share.decision as usize);
            json.money(",\"off\":", share.off);
            if !quote.is_alike(share, line.quantity) {
                json.raw(",\"units\":[");
                json.each(quote.unit_runs(share), |json, run| {
                    json.number("{\"first\":", run.first);
                    json.number(",\"quantity\":", run.quantity);
                    json.money(",\"off\":", run.off);
                    json.raw("}");
                });
                json.raw("]");
            }
            json.raw("}");
        });
        self.money("],\"tax\":", line.tax);
        self.raw("}");
    }

    fn decision(&mut self, place: usize, decision: &Decision) {
        let currency = self.quote.currency;
        self.promotion(place);
        self.name(",\"component\":\"", decision.component);
        match &decision.outcome {
            Outcome::Applied { off, unfit, .. } => {
                self.money(",\"off\":", *off);
                if *unfit > 0 {
                    self.money(",\"unfit\":", *unfit);
                }
            }
            Outcome::Declined(reason) => {
                self.money(",\"off\":", 0);
                self.name(",\"declined\":\"", Reason::code(reason));
                self.field(",\"because\":", &reason.because(currency));
            }
        }
        self.text(",\"why\":", &decision.outcome.sentence(currency));
        self.raw("}");
    }
}
