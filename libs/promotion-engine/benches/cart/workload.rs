//! Carts and promotions, the same on every machine: 200 carts of 20 lines, promotions of ten kinds. The first 50 promotions are
//! drawn half from what the carts hold, so that about 19 concern a cart; the others from a whole catalogue, of which about one
//! in a hundred does.

use std::sync::Arc;

use pricestream_domain::{Currency, Money, Product};
use pricestream_promotion_engine::{Basket, Context, Customer, Line, Postage};
use serde_json::{Value, json};

/// A generator that other languages have too: mulberry32.
struct Random(u32);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x6d2b_79f5);
        let mut t = (self.0 ^ (self.0 >> 15)).wrapping_mul(1 | self.0);
        t = t.wrapping_add((t ^ (t >> 7)).wrapping_mul(0x3d | t)) ^ t;
        f64::from(t ^ (t >> 14)) / 4_294_967_296.0
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is below n")]
    fn below(&mut self, n: u32) -> u32 {
        (self.unit() * f64::from(n)) as u32
    }
}

/// What a promotion does; amounts in minor units, shares in basis points.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    CategoryPercent { category: String, bp: i64 },
    SkuFixed { sku: String, off: i64 },
    Tiers { group: Option<String>, tiers: [(i64, i64); 3] },
    BuyTwoGetOne { category: String },
    ThreeForPrice { category: String, price: i64 },
    OrderPercent { group: String, bp: i64 },
    FreePostage { group: Option<String>, min: i64 },
    BrandPercent { group: String, brand: String, bp: i64 },
    CategoryFixed { category: String, off: i64 },
    CouponPercent { code: String, min: i64, bp: i64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Promotion {
    pub(crate) id: String,
    pub(crate) kind: Kind,
}

pub(crate) struct CartLine {
    pub(crate) sku: String,
    pub(crate) category: String,
    pub(crate) brand: String,
    pub(crate) quantity: u32,
    pub(crate) price: i64,
}

pub(crate) struct Cart {
    pub(crate) lines: Vec<CartLine>,
    pub(crate) coupons: Vec<String>,
    pub(crate) groups: Vec<String>,
}

pub(crate) const POSTAGE: i64 = 799;

const CATEGORIES: u32 = 2_000;
const BRANDS: u32 = 500;
const SKUS: u32 = 100_000;
const GROUPS: u32 = 200;

/// So many promotions, of which a prefix may be used, and 200 carts, which depend on how many there are.
pub(crate) fn invent(promotions: u32) -> (Vec<Promotion>, Vec<Cart>) {
    let mut random = Random(0x9e37_79b9);
    let hot: Vec<u32> = (0..24).map(|_| random.below(CATEGORIES)).collect();
    let hot_skus: Vec<u32> = (0..80).map(|_| random.below(SKUS)).collect();
    let promotions = (0..promotions).map(|number| promotion(number, &mut random, &hot, &hot_skus)).collect();
    let cart = |cart: usize, random: &mut Random| {
        let line = |line: usize, random: &mut Random| CartLine {
            sku: format!("s{}", hot_skus[(cart * 20 + line) % 80]),
            category: format!("c{}", hot[random.below(24) as usize]),
            brand: format!("b{}", random.below(BRANDS)),
            quantity: 1 + random.below(4),
            price: i64::from(299 + random.below(9_000)),
        };
        let bad = (0..8).map(|number| format!("BAD{cart}_{number}"));
        Cart {
            lines: (0..20).map(|number| line(number, random)).collect(),
            coupons: ["CODE9", "CODE19"].map(str::to_owned).into_iter().chain(bad).collect(),
            groups: vec!["g1".to_owned(), "g2".to_owned()],
        }
    };
    let carts = (0..200).map(|number| cart(number, &mut random)).collect();
    (promotions, carts)
}

fn promotion(number: u32, random: &mut Random, hot: &[u32], hot_skus: &[u32]) -> Promotion {
    let _priority = random.below(100);
    let mut draw = Draw { early: number < 50, random, hot, hot_skus };
    let kind = match number % 10 {
        0 => Kind::CategoryPercent { category: draw.category(), bp: 500 + 100 * draw.below(20) },
        1 => Kind::SkuFixed { sku: draw.sku(), off: 50 + draw.below(300) },
        2 => {
            let group = (number >= 10).then(|| draw.group());
            Kind::Tiers { group, tiers: [(10_000, 200), (25_000, 400), (50_000, 600)] }
        }
        3 => Kind::BuyTwoGetOne { category: draw.category() },
        4 => Kind::ThreeForPrice { category: draw.category(), price: 2_499 },
        5 => Kind::OrderPercent { group: draw.group(), bp: 100 + 50 * draw.below(6) },
        6 => {
            let group = (number >= 10).then(|| draw.group());
            Kind::FreePostage { group, min: 5_000 + 1_000 * draw.below(10) }
        }
        7 => {
            let group = draw.group();
            Kind::BrandPercent { group, brand: format!("b{}", draw.below(BRANDS)), bp: 500 + 100 * draw.below(15) }
        }
        8 => Kind::CategoryFixed { category: draw.category(), off: 100 + draw.below(900) },
        _ => Kind::CouponPercent { code: format!("CODE{number}"), min: 2_000, bp: 200 + 100 * draw.below(5) },
    };
    Promotion { id: format!("p{number}"), kind }
}

struct Draw<'a> {
    early: bool,
    random: &'a mut Random,
    hot: &'a [u32],
    hot_skus: &'a [u32],
}

impl Draw<'_> {
    fn below(&mut self, n: u32) -> i64 {
        self.random.below(n).into()
    }

    fn is_hot(&mut self) -> bool {
        self.early && self.random.unit() < 0.5
    }

    fn category(&mut self) -> String {
        let category = if self.is_hot() { self.hot[self.random.below(24) as usize] } else { self.random.below(CATEGORIES) };
        format!("c{category}")
    }

    fn sku(&mut self) -> String {
        let sku = if self.is_hot() { self.hot_skus[self.random.below(80) as usize] } else { self.random.below(SKUS) };
        format!("s{sku}")
    }

    fn group(&mut self) -> String {
        let group = if self.is_hot() { 1 + self.random.below(2) } else { self.random.below(GROUPS) };
        format!("g{group}")
    }
}

/// The promotions as a rule set: all stack, each worked out from the original prices, shares rounded down.
pub(crate) fn rule_set(promotions: &[Promotion]) -> String {
    let promotions: Vec<Value> = promotions.iter().map(|promotion| written(&promotion.id, &promotion.kind)).collect();
    json!({ "version": 1, "policies": { "basket_rounding": { "mode": "down" }, "unit_reuse": "free" }, "promotions": promotions })
        .to_string()
}

fn written(id: &str, kind: &Kind) -> Value {
    let money = |minor: i64| json!({ "minor": minor, "currency": "EUR" });
    let category = |category: &str| json!({ "include": [{ "categories": [category] }] });
    let groups = |group: &Option<String>| group.iter().map(|group| json!({ "groups": [group] })).collect::<Vec<_>>();
    let spend = |min: i64| json!({ "spend": { "over": "order", "basis": "original", "at_least": money(min) } });
    let whole = json!({ "level": "order", "mode": "down" });
    let mut promotion = match kind {
        Kind::CategoryPercent { category: of, bp } => {
            json!({ "effect": { "percent_off": { "off_bp": bp } }, "items": category(of) })
        }
        Kind::SkuFixed { sku, off } => json!({
            "effect": { "amount_off": { "amount": money(*off), "per": "unit" } }, "items": { "include": [{ "skus": [sku] }] }
        }),
        Kind::Tiers { group, tiers } => {
            let tiers: Vec<Value> =
                tiers.iter().map(|(from, bp)| json!({ "from": money(*from), "off": { "percent_bp": bp } })).collect();
            let conditions = groups(group);
            let mut promotion = json!({ "effect": { "spend_and_save": { "basis": "original", "steps": { "tiers": tiers } } } });
            if !conditions.is_empty() {
                promotion["when"] = json!({ "all": conditions });
            }
            promotion
        }
        Kind::BuyTwoGetOne { category: of } => json!({
            "effect": { "buy_x_get_y": { "buy": 2, "get": 1, "off": "free", "valued": "cheapest" } }, "items": category(of)
        }),
        Kind::ThreeForPrice { category: of, price } => json!({
            "effect": { "n_for_price": { "units": 3, "price": money(*price), "valued": "cheapest", "max_times": 1 } },
            "items": category(of)
        }),
        Kind::OrderPercent { group, bp } => json!({
            "effect": { "percent_off": { "off_bp": bp } }, "rounding": whole, "when": { "groups": [group] }
        }),
        Kind::FreePostage { group, min } => {
            let mut conditions = groups(group);
            conditions.push(spend(*min));
            json!({ "effect": { "postage": { "off": "free" } }, "when": { "all": conditions } })
        }
        Kind::BrandPercent { group, brand, bp } => json!({
            "effect": { "percent_off": { "off_bp": bp } }, "items": { "include": [{ "attributes": { "brand": [brand] } }] },
            "when": { "groups": [group] }
        }),
        Kind::CategoryFixed { category: of, off } => json!({
            "effect": { "amount_off": { "amount": money(*off), "per": "matching" } }, "items": category(of)
        }),
        Kind::CouponPercent { code, min, bp } => json!({
            "effect": { "percent_off": { "off_bp": bp } }, "rounding": whole, "when": { "all": [{ "coupons": [code] }, spend(*min)] }
        }),
    };
    promotion["id"] = id.into();
    promotion["stack_base"] = "original".into();
    promotion
}

/// A cart as the engine takes it.
pub(crate) fn basket(cart: &Cart) -> (Basket, Context) {
    let eur = |minor| Money::new(minor, Currency::EUR);
    let line = |(number, line): (usize, &CartLine)| {
        let product = json!({
            "sku": line.sku, "category": line.category, "attributes": { "brand": line.brand },
            "list_price": { "minor": line.price, "currency": "EUR" }
        });
        let product: Product = serde_json::from_value(product).expect("a sample is legal");
        Line {
            id: format!("l{number:02}").into(),
            product: Arc::new(product),
            quantity: line.quantity,
            unit_price: eur(line.price),
            stock_left: None,
            last_price: None,
            delivery: None,
        }
    };
    let lines = cart.lines.iter().enumerate().map(line).collect();
    let postage = Some(Postage { amount: eur(POSTAGE), method: None });
    let customer = Customer { groups: cart.groups.iter().cloned().collect(), ..Customer::default() };
    let context = Context { customer, coupons: cart.coupons.clone(), ..Context::default() };
    (Basket { currency: Currency::EUR, lines, postage }, context)
}
