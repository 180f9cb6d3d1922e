//! Baskets and rule sets that are well-formed and otherwise arbitrary: every kind, pipeline and policy.
#![no_main]

use std::fmt::Write;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use pricestream_domain::{Currency, Money};
use pricestream_fuzz::price;
use pricestream_promotion_engine::{Basket, Context, Customer, Effect, Left, Line, Postage, RedPacket, RuleSet};

const WORDS: [&str; 3] = ["tea", "toy", "book"];

fn word(u: &mut Unstructured<'_>) -> Result<&'static str> {
    u.choose(&WORDS).copied()
}

/// Small mostly, and now and then as large as can be.
fn cents(u: &mut Unstructured<'_>) -> Result<i64> {
    Ok(match u.int_in_range(0..=9)? {
        0 => 0,
        1 => i64::MAX,
        2 => u.int_in_range(1..=i64::MAX)?,
        _ => u.int_in_range(1..=5_000)?,
    })
}

fn money(u: &mut Unstructured<'_>) -> Result<String> {
    let currency = if u.ratio(1, 30)? { "USD" } else { "EUR" };
    Ok(format!(r#"{{"minor":{},"currency":"{currency}"}}"#, cents(u)?))
}

fn bp(u: &mut Unstructured<'_>) -> Result<u16> {
    u.int_in_range(1..=10_000)
}

fn count(u: &mut Unstructured<'_>) -> Result<u32> {
    if u.ratio(1, 20)? { u.int_in_range(1..=u32::MAX) } else { u.int_in_range(1..=5) }
}

fn off(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=3)? {
        0 => format!(r#"{{"percent_bp":{}}}"#, bp(u)?),
        1 => format!(r#"{{"amount":{}}}"#, money(u)?),
        2 => format!(r#"{{"price":{}}}"#, money(u)?),
        _ => r#""free""#.to_owned(),
    })
}

fn items(u: &mut Unstructured<'_>) -> Result<String> {
    let of = |u: &mut Unstructured<'_>| -> Result<String> {
        let by = if u.arbitrary()? { "categories" } else { "tags" };
        Ok(format!(r#"[{{"{by}":["{}"]}}]"#, word(u)?))
    };
    let include = if u.ratio(2, 3)? { format!(r#""include":{}"#, of(u)?) } else { String::new() };
    let exclude = if u.ratio(1, 4)? { format!(r#""exclude":{}"#, of(u)?) } else { String::new() };
    let comma = if include.is_empty() || exclude.is_empty() { "" } else { "," };
    Ok(format!("{{{include}{comma}{exclude}}}"))
}

fn effect(u: &mut Unstructured<'_>) -> Result<String> {
    let kind = *u.choose(Effect::NAMES)?;
    let times = if u.arbitrary()? { format!(r#","max_times":{}"#, count(u)?) } else { String::new() };
    let basis = *u.choose(&["running", "original", "list"])?;
    let fields = match kind {
        "special_price" | "order_fixed_price" => format!(r#""price":{}"#, money(u)?),
        "member_price" => format!(r#""off_bp":{}"#, bp(u)?),
        "flash_sale" => format!(r#""off":{},"units_per_order":{}"#, off(u)?, count(u)?),
        "quantity_tiers" => {
            let (off_1, off_2, per) = (off(u)?, off(u)?, u.choose(&["line", "matching"])?);
            format!(r#""tiers":[{{"from":2,"off":{off_1}}},{{"from":4,"off":{off_2}}}],"per":"{per}""#)
        }
        "percent_off" => format!(r#""off_bp":{},"cap":{}"#, bp(u)?, money(u)?),
        "amount_off" => format!(r#""amount":{},"per":"{}""#, money(u)?, u.choose(&["unit", "line", "matching", "order"])?),
        "n_for_price" => {
            format!(r#""units":{},"price":{},"valued":"{}"{times}"#, count(u)?, money(u)?, u.choose(&["own", "cheapest"])?)
        }
        "bundle" => {
            let slot = |u: &mut Unstructured<'_>, name| -> Result<String> {
                Ok(format!(r#"{{"name":"{name}","items":{},"quantity":{}}}"#, items(u)?, count(u)?))
            };
            format!(r#""slots":[{},{}],"off":{}{times}"#, slot(u, "a")?, slot(u, "b")?, off(u)?)
        }
        "buy_x_get_y" => {
            let get_items = if u.arbitrary()? { format!(r#","get_items":{}"#, items(u)?) } else { String::new() };
            format!(
                r#""buy":{},"get":{},"off":{},"pick":"{}","per":"{}","partly":{}{get_items}{times}"#,
                count(u)?,
                count(u)?,
                off(u)?,
                u.choose(&["cheapest", "dearest", "dearest_left"])?,
                u.choose(&["line", "matching"])?,
                u.arbitrary::<bool>()?
            )
        }
        "quantity_groups" => {
            format!(r#""units":{},"off":{},"filled":"{}"{times}"#, count(u)?, off(u)?, u.choose(&["dearest", "by_line"])?)
        }
        "nth_unit" => format!(r#""nth":{},"off":{}{times}"#, count(u)?.max(2), off(u)?),
        "cheapest_free_in_group" => format!(r#""units":{}{times}"#, count(u)?.max(2)),
        "cheapest_units" => format!(r#""units":{},"off":{}"#, count(u)?, off(u)?),
        "first_and_additional" => format!(r#""first":{},"additional":{},"max_units":{}"#, off(u)?, off(u)?, count(u)?),
        "spend_and_save" if u.arbitrary()? => {
            format!(r#""basis":"{basis}","steps":{{"every_full":{{"spend":{},"off":{}}}}}"#, money(u)?, money(u)?)
        }
        "spend_and_save" => format!(r#""basis":"{basis}","steps":{{"tiers":[{{"from":{},"off":{}}}]}}"#, money(u)?, off(u)?),
        "coupon" => format!(r#""off":{{"percent_bp":{}}},"cap":{}"#, bp(u)?, money(u)?),
        "points" => format!(r#""points":{},"worth":{},"max_share_bp":{}"#, count(u)?, money(u)?, bp(u)?),
        "gift" => {
            let every = match u.int_in_range(0..=2)? {
                0 => String::new(),
                1 => format!(r#","every":{{"units":{}}}"#, count(u)?),
                _ => format!(r#","every":{{"spend":{}}}"#, money(u)?),
            };
            let choose = u.choose(&["automatic", "choice"])?;
            format!(r#""gifts":[{{"sku":"L0","quantity":{}}},{{"sku":"G"}}],"choose":"{choose}"{every}{times}"#, count(u)?)
        }
        "red_packet" => format!(r#""max_share_bp":{}"#, bp(u)?),
        _ => format!(r#""off":{}"#, off(u)?),
    };
    Ok(format!(r#"{{"{kind}":{{{fields}}}}}"#))
}

fn condition(u: &mut Unstructured<'_>, depth: u32) -> Result<String> {
    let over = if u.arbitrary()? { r#""order""#.to_owned() } else { format!(r#"{{"items":{}}}"#, items(u)?) };
    Ok(match u.int_in_range(0..=if depth > 2 { 5 } else { 8 })? {
        0 => format!(r#"{{"spend":{{"over":{over},"at_least":{}}}}}"#, money(u)?),
        1 => format!(r#"{{"quantity":{{"over":{over},"at_least":{}}}}}"#, count(u)?),
        2 => format!(r#"{{"groups":["{}"]}}"#, word(u)?),
        3 => format!(r#"{{"coupons":["{}"]}}"#, word(u)?),
        4 => format!(r#"{{"stock_left":{{"at_least":{}}}}}"#, count(u)?),
        5 => format!(
            r#"{{"window":{{"hours":[{{"from":"{:02}:00","until":"{:02}:30"}}]}}}}"#,
            u.int_in_range(0..=23)?,
            u.int_in_range(0..=23)?
        ),
        6 => format!(r#"{{"all":[{},{}]}}"#, condition(u, depth + 1)?, condition(u, depth + 1)?),
        7 => format!(r#"{{"any":[{},{}]}}"#, condition(u, depth + 1)?, condition(u, depth + 1)?),
        _ => format!(r#"{{"not":{}}}"#, condition(u, depth + 1)?),
    })
}

fn rules(u: &mut Unstructured<'_>) -> Result<String> {
    let mut promotions = Vec::new();
    for number in 0..u.int_in_range(1..=6)? {
        let mut promotion = format!(r#"{{"id":"p{number}","effect":{},"items":{}"#, effect(u)?, items(u)?);
        let mut add = |field: String| write!(promotion, ",{field}").expect("text grows");
        add(format!(r#""priority":{}"#, u.int_in_range(-2..=2)?));
        add(format!(r#""stack_base":"{}""#, u.choose(&["running", "original", "list"])?));
        if u.ratio(1, 3)? {
            add(format!(r#""when":{}"#, condition(u, 0)?));
        }
        if u.ratio(1, 5)? {
            add(format!(r#""exclusive":"{}""#, u.choose(&["unit", "line", "order"])?));
        }
        if u.ratio(1, 4)? {
            add(format!(r#""labels":["{}"]"#, word(u)?));
        }
        if u.ratio(1, 4)? {
            add(r#""funding":[{"party":"brand","share_bp":3333},{"party":"shop","share_bp":6667}]"#.to_owned());
        }
        if u.ratio(1, 4)? {
            let beyond = u.choose(&["drop", "partial"])?;
            add(format!(r#""limit":{{"units":5,"budget":{},"beyond_budget":"{beyond}"}}"#, money(u)?));
        }
        promotions.push(format!("{promotion}}}"));
    }
    let mut nodes = Vec::new();
    let mut names = Effect::NAMES.to_vec();
    while !names.is_empty() {
        let some = names.split_off(names.len() - u.int_in_range(1..=names.len())?);
        let mut units = Vec::new();
        for name in some {
            let (take, priority) = (u.choose(&["best", "stack"])?, u.int_in_range(-1..=1)?);
            let conflicts =
                if u.ratio(1, 8)? { format!(r#","conflicts":["{}"]"#, u.choose(Effect::NAMES)?) } else { String::new() };
            units.push(format!(r#"{{"component":"{name}","take":"{take}","priority":{priority}{conflicts}}}"#));
        }
        let (keep, stage) = (u.choose(&["best", "stack"])?, u.choose(&["basket", "catalogue"])?);
        nodes.push(format!(r#"{{"keep":"{keep}","stage":"{stage}","units":[{}]}}"#, units.join(",")));
    }
    let rounding = format!(
        r#"{{"of":"{}","level":"{}","mode":"{}"}}"#,
        u.choose(&["discount", "price"])?,
        u.choose(&["unit", "line", "order"])?,
        u.choose(&["half_up", "half_down", "half_even", "up", "down"])?
    );
    let policies = format!(
        r#"{{"basket_rounding":{rounding},"odd_cents":"{}","exclusive_by":"{}","unit_reuse":"{}","tax":{{"prices":"{}","default_rate":{}}}}}"#,
        u.choose(&["largest_remainder", "first", "last", "last_rounded_down", "carried", "carried_from_last"])?,
        u.choose(&["turn", "first", "priority", "value"])?,
        u.choose(&["never", "free"])?,
        u.choose(&["inclusive", "exclusive"])?,
        bp(u)?
    );
    let exclusions = if u.arbitrary()? {
        format!(
            r#"{{"of":{{"promotion":"p0"}},"with":{{"component":"{}"}},"scope":"{}"}}"#,
            u.choose(Effect::NAMES)?,
            u.choose(&["unit", "line", "order"])?
        )
    } else {
        String::new()
    };
    Ok(format!(
        r#"{{"version":1,"policies":{policies},"pipeline":[{}],"promotions":[{}],"exclusions":[{exclusions}]}}"#,
        nodes.join(","),
        promotions.join(",")
    ))
}

fn basket(u: &mut Unstructured<'_>) -> Result<Basket> {
    let eur = |minor| Money::new(minor, Currency::EUR);
    let mut lines = Vec::new();
    for number in 0..u.int_in_range(1..=5)? {
        let list = cents(u)?.max(1);
        let floor = if u.ratio(1, 3)? { list / 2 } else { 0 };
        let product = format!(
            r#"{{"sku":"L{number}","category":"{}","tags":["{}"],"list_price":{{"minor":{list},"currency":"EUR"}},"promotion_floor":{{"minor":{floor},"currency":"EUR"}}}}"#,
            word(u)?,
            word(u)?
        );
        let product = Arc::new(serde_json::from_str(&product).expect("a product"));
        let stock_left = u.arbitrary()?;
        lines.push(Line {
            id: format!("L{number}").into(),
            product,
            quantity: u.int_in_range(1..=6)?,
            last_price: None,
            delivery: None,
            unit_price: eur(if u.ratio(1, 6)? { cents(u)? } else { list }),
            stock_left,
        });
    }
    let postage = if u.arbitrary()? { Some(Postage { amount: eur(cents(u)?), method: None }) } else { None };
    Ok(Basket { currency: Currency::EUR, lines, postage })
}

fn context(u: &mut Unstructured<'_>) -> Result<Context> {
    let mut context =
        Context { at: Timestamp::from_second(u.int_in_range(0..=4_000_000_000)?).expect("in range"), ..Context::default() };
    context.customer = Customer { groups: [word(u)?.to_owned()].into(), ..Customer::default() };
    context.coupons.push(word(u)?.to_owned());
    context.points = u.arbitrary()?;
    if u.arbitrary()? {
        context.red_packets.push(RedPacket { id: "p".to_owned(), amount: Money::new(cents(u)?, Currency::EUR) });
    }
    if u.ratio(1, 3)? {
        let left = Left { uses: u.arbitrary()?, units: u.arbitrary()?, coupons: u.arbitrary()?, budget: u.arbitrary()? };
        context.left.insert("p0".to_owned(), left);
    }
    if u.ratio(1, 4)? {
        context.gift_stock.insert("G".parse().expect("a SKU"), u.arbitrary()?);
        context.gift_choices.insert("p0".to_owned(), vec!["G".parse().expect("a SKU"); u.int_in_range(0..=3)?]);
    }
    if u.ratio(1, 8)? {
        context.switched_off.insert((*u.choose(Effect::NAMES)?).to_owned());
    }
    Ok(context)
}

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    let (Ok(json), Ok(basket), Ok(context)) = (rules(&mut u), basket(&mut u), context(&mut u)) else { return };
    // An amount of zero and the like is a problem of its own.
    if let Ok(rules) = RuleSet::from_json(&json) {
        price(&rules, &basket, &context);
    }
});
