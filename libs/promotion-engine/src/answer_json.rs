use serde::Serialize;

use crate::json_text::JsonText;
use crate::near_miss::near_misses;
use crate::quote::{Quote, QuotedLine, SharesByLine};
use crate::record::{Decision, Outcome, Reason};

impl Quote {
    /// [`Quote::answer`] as serde writes it as JSON, byte for byte. Lines and promotions, which are most of it, by hand: a basket is
    /// answered on each change of it, and to write the answer so costs a fraction.
    pub fn answer_json(&self) -> Vec<u8> {
        let shares = self.shares_by_line();
        // About what it takes: to grow on the way would copy everything.
        let room = 2_048 + self.lines.len() * 320 + self.shares.len() * 192 + self.decisions.len() * 256;
        let text = JsonText::with_room(room, self.currency);
        let mut json = Writer { text, quote: self, heads: Heads::of(self) };
        json.field("{\"rule_set\":", &self.rule_set);
        json.field(",\"at\":", &self.at);
        json.money(b",\"payable\":{\"minor\":", self.totals.payable);
        json.money(b",\"goods\":{\"minor\":", self.totals.goods);
        json.money(b",\"goods_off\":{\"minor\":", self.totals.goods_off);
        json.field(",\"postage\":", &self.answered_postage(self.postage.as_ref()));
        json.field(",\"taxes\":", &self.answered_taxes(&self.taxes));
        json.raw(",\"lines\":[");
        json.each(self.lines.iter().enumerate(), |json, (place, line)| json.line(place, line, &shares));
        json.field("],\"funding\":", &self.answered_funding(&self.funding));
        json.raw(",\"promotions\":[");
        json.each(self.decisions.iter().enumerate(), |json, (place, decision)| json.decision(place, decision));
        json.field("],\"red_packets\":", &self.answered_packets());
        json.field(",\"points\":", &self.points);
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
        json.text.into_bytes()
    }
}

/// How what is said of each promotion begins, in the order of the decisions: they stand with each of their shares.
struct Heads {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Heads {
    /// What stands between the promotion and what it takes off.
    const OFF: &[u8] = b",\"off\":{\"minor\":";

    fn of(quote: &Quote) -> Self {
        let mut text = JsonText::with_room(quote.decisions.len() * 64, quote.currency);
        let head = |decision: &Decision| {
            text.raw(b"{\"promotion\":");
            text.quoted(&decision.promotion);
            text.raw(Self::OFF);
            text.length()
        };
        let ends = quote.decisions.iter().map(head).collect();
        Self { text: text.into_bytes(), ends }
    }

    /// Of the decision in this place, up to the number of what it takes off.
    fn of_share(&self, decision: usize) -> &[u8] {
        let begin = if decision == 0 { 0 } else { self.ends[decision - 1] };
        &self.text[begin..self.ends[decision]]
    }

    /// Of the decision in this place, up to its promotion.
    fn of_decision(&self, decision: usize) -> &[u8] {
        let head = self.of_share(decision);
        &head[..head.len() - Self::OFF.len()]
    }
}

/// Writes a document. What each call is given first stands there as it is.
struct Writer<'a> {
    text: JsonText,
    quote: &'a Quote,
    heads: Heads,
}

impl Writer<'_> {
    fn raw(&mut self, text: &str) {
        self.text.raw(text.as_bytes());
    }

    fn field(&mut self, before: &str, value: &impl Serialize) {
        self.raw(before);
        serde_json::to_writer(&mut self.text, value).expect("an answer has text for keys, and memory takes every write");
    }

    fn field_if_any<T: Serialize>(&mut self, before: &str, values: &[T]) {
        if !values.is_empty() {
            self.field(before, &values);
        }
    }

    /// `before` ends with `{"minor":`.
    fn money<const LENGTH: usize>(&mut self, before: &[u8; LENGTH], minor: i64) {
        self.text.piece().raw(before).minor(minor).done();
    }

    fn quoted(&mut self, before: &str, text: &str) {
        self.raw(before);
        self.text.quoted(text);
    }

    /// A name that has nothing to escape.
    fn name(&mut self, before: &str, name: &str) {
        self.raw(before);
        self.raw(name);
        self.raw("\"");
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
        self.quoted("{\"id\":", &line.id);
        self.name(",\"sku\":\"", line.sku.as_str());
        let piece = self.text.piece().raw(b",\"quantity\":").number(line.quantity);
        let piece = piece.raw(b",\"original\":{\"minor\":").minor(line.original);
        piece.raw(b",\"payable\":{\"minor\":").minor(line.payable).raw(b",\"units\":[").done();
        self.each(quote.units(place), |json, units| {
            let piece = json.text.piece().raw(b"{\"quantity\":").number(units.quantity);
            piece.raw(b",\"payable\":{\"minor\":").minor(units.payable).raw(b"}").done();
        });
        self.raw("],\"off\":[");
        self.each(shares.of(quote, place), |json, share| {
            json.text.raw(json.heads.of_share(share.decision as usize));
            if quote.is_alike(share, line.quantity) {
                json.text.piece().minor(share.off).raw(b"}").done();
                return;
            }
            json.text.piece().minor(share.off).raw(b",\"units\":[").done();
            json.each(quote.unit_runs(share), |json, run| {
                let piece = json.text.piece().raw(b"{\"first\":").number(run.first).raw(b",\"quantity\":").number(run.quantity);
                piece.raw(b",\"off\":{\"minor\":").minor(run.off).raw(b"}").done();
            });
            json.raw("]}");
        });
        self.text.piece().raw(b"],\"tax\":{\"minor\":").minor(line.tax).raw(b"}").done();
    }

    fn decision(&mut self, place: usize, decision: &Decision) {
        let currency = self.quote.currency;
        self.text.raw(self.heads.of_decision(place));
        self.name(",\"component\":\"", decision.component);
        match &decision.outcome {
            Outcome::Applied { off, unfit, .. } => {
                self.money(b",\"off\":{\"minor\":", *off);
                if *unfit > 0 {
                    self.money(b",\"unfit\":{\"minor\":", *unfit);
                }
            }
            Outcome::Declined(reason) => {
                self.money(b",\"off\":{\"minor\":", 0);
                self.name(",\"declined\":\"", Reason::code(reason));
                self.field(",\"because\":", &reason.because(currency));
            }
        }
        self.raw(",\"why\":");
        self.text.quoted_by(|text| decision.outcome.write_sentence(currency, text));
        self.raw("}");
    }
}
