//! What must hold in the end.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use hyper::Method;

use crate::counted::Counted;
use crate::outcome::Check;
use crate::scenario::Scenario;
use crate::setup::{Shop, lock, mismatches};
use crate::stream::Held;
use crate::target::Target;

/// Nothing lost, nothing stale, no oversell.
pub(crate) async fn check(
    scenario: &Scenario,
    target: &Target,
    shop: &Shop,
    counted: &Counted,
    held: &[Held],
) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let mut check = |what: &str, wrong: u64, detail: String| checks.push(Check { what: what.to_owned(), wrong, detail });
    let wrong = mismatches(target, shop, 20).await?;
    check("every price is that of the last change", wrong.len() as u64, wrong.first().cloned().unwrap_or_default());
    check("every change was seen", shop.unseen() as u64, String::new());
    for (what, requests) in [("changes", &counted.changes), ("reads", &counted.reads), ("orders", &counted.orders)] {
        let bad = requests.bad.load(Ordering::Relaxed);
        check(&format!("no {what} failed"), bad, requests.trouble().unwrap_or_default());
    }
    let seen = &counted.seen;
    check("no client was shown an older price", seen.older.load(Ordering::Relaxed), String::new());
    check("no stream was lost", seen.lost.load(Ordering::Relaxed), String::new());
    let stale = held.iter().flat_map(|held| held.skus().map(move |sku| (held, sku))).filter(|(held, sku)| {
        let expected = shop.places.get(*sku).and_then(|place| lock(&shop.shelves[*place]).expected());
        held.price(sku) != expected
    });
    check("every client holds the last price", stale.count() as u64, String::new());
    if scenario.promotions.is_some() {
        check("promotions began on time", counted.wrong_payables.load(Ordering::Relaxed), String::new());
    }
    if let Some(orders) = &scenario.orders {
        let sold = counted.half_price.load(Ordering::Relaxed);
        let wanted = orders.units.min(counted.orders.good.load(Ordering::Relaxed));
        check("what is limited is sold so often and no more", sold.abs_diff(wanted), format!("{sold} sold, {wanted} there were"));
    }
    if target.is_own() {
        let mut findings = 0;
        let mut after = String::new();
        loop {
            let path = format!("/v1/admin/verify{after}");
            let answer = target.client.done(Method::POST, &path, "").await.context("verifying")?;
            findings += answer["findings"].as_u64().unwrap_or(0);
            match answer["next"].as_str() {
                Some(next) => after = format!("?after={next}"),
                None => break,
            }
        }
        check("record, cache and history agree", findings, String::new());
        let dead = target.client.done(Method::GET, "/v1/admin/dead-letters?limit=500", "").await?;
        check("no message was given up", dead["dead_letters"].as_array().map_or(0, Vec::len) as u64, String::new());
    }
    Ok(checks)
}
