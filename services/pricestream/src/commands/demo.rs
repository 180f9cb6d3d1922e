use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use pricestream_domain::{Currency, Money};
use pricestream_embedded::Durability;
use pricestream_ports::{Clock, Settings};
use pricestream_price_api::Change;
use pricestream_telemetry::{FreshnessSummary, Metrics};
use serde::Serialize;

use super::{Found, Usage};
use crate::app::{App, ReplayClock};
use crate::cli::{Demo, Global};
use crate::commands::change::turn;
use crate::commands::verify::{show, spinner};
use crate::replay::price_due_until;
use crate::report::{Lines, peak_memory_mib, thousands};
use crate::sale::{Buyer, Sale, invent, stock_change};
use crate::verify::verify;

/// What the sale came to.
#[derive(Debug, Default, Serialize)]
struct Takings {
    stock_changes: u64,
    prices_moved: u64,
    alerts: u64,
    seconds: f64,
    sold: u64,
    revenue_minor: i64,
    left: u64,
    sold_at_list: u64,
    revenue_at_list_minor: i64,
    left_at_list: u64,
    /// By the rule "+5 % below 10 left".
    revenue_plus_five_minor: i64,
    left_plus_five: u64,
    /// By one who knows the demand, but no single buyer.
    revenue_clairvoyant_minor: i64,
    left_clairvoyant: u64,
}

/// A way to price that is played beside the pipeline, on the same buyers.
struct Beside {
    stock: Vec<u64>,
    sold: u64,
    revenue: i64,
}

impl Beside {
    fn new(stock: &[u64]) -> Self {
        Self { stock: stock.to_vec(), sold: 0, revenue: 0 }
    }

    /// A buyer comes; `price` is asked with so many left.
    fn offer(&mut self, buyer: &Buyer, price: impl FnOnce(u64) -> i64) {
        let left = self.stock[buyer.product];
        if left == 0 {
            return;
        }
        let price = price(left);
        if buyer.limit >= price {
            self.stock[buyer.product] -= 1;
            self.sold += 1;
            self.revenue += price;
        }
    }

    fn left(&self) -> u64 {
        self.stock.iter().sum()
    }
}

pub(crate) fn run(global: &Global, options: &Demo) -> Result<Found> {
    if global.target.is_some() || global.data.is_some() {
        return Err(Usage("demo plays on a temporary store: it takes neither --target nor --data".to_owned()).into());
    }
    let temporary = tempfile::tempdir().context("making a temporary directory")?;
    let sale = invent(options.skus, options.arrivals, options.seed);
    let clock = ReplayClock::starting_at(sale.opens);
    // A store of a minute's life need not outlive a power cut.
    let app = App::open(temporary.path(), Durability::Process, clock.clone(), None, Arc::new(Metrics::default()))?;
    app.ensure_settings(Some(&sale.strategies), None, "demo")?;
    if !global.json {
        println!(
            "A synthetic flash sale (seed {}): {} SKUs, {} buyers in two hours, ten times as many a minute in the middle.",
            options.seed,
            thousands(u64::from(options.skus)),
            thousands(u64::from(options.arrivals))
        );
    }
    let takings = play(&app, &clock, &sale)?;
    let bar = spinner("decisions taken again", app.store.counts()?.history);
    let verification = verify(&app.store, &app.settings.current(), Some(&app.cache), clock.now(), |done| bar.set_position(done))?;
    bar.finish_and_clear();
    let freshness = app.metrics.freshness.summary();
    if global.json {
        let freshness = serde_json::json!({ "p50": freshness.p50_ms, "p99": freshness.p99_ms, "max": freshness.max_ms });
        println!("{}", serde_json::json!({ "synthetic": true, "sale": takings, "freshness_ms": freshness }));
    } else {
        print(&takings, &freshness);
        println!("Verified:");
    }
    Ok(show(global, &verification))
}

fn play(app: &Arc<App<ReplayClock>>, clock: &ReplayClock, sale: &Sale) -> Result<Takings> {
    let runtime = app.runtime()?;
    turn(app, &runtime, Change::ImportCatalogue(sale.products.clone()))?;
    let mut takings = Takings::default();
    let mut seqs = vec![1; sale.products.len()];
    let mut stock = sale.stock.clone();
    let [mut at_list, mut plus_five, mut clairvoyant] = [(); 3].map(|()| Beside::new(&sale.stock));
    let began = Instant::now();
    for (product, on_hand) in sale.products.iter().zip(&stock) {
        change(app, &runtime, &stock_change(&product.sku, *on_hand, 1, sale.opens, true))?;
        takings.stock_changes += 1;
    }
    let opening_prices = app.metrics.decisions.changed.get();
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} buyers {per_sec}").expect("the template is valid");
    let bar = ProgressBar::new(sale.buyers.len() as u64).with_style(style);
    for (count, buyer) in (0_u64..).zip(&sale.buyers) {
        let at = buyer.product;
        let product = &sale.products[at];
        runtime.turn(|runtime| price_due_until(app, runtime, buyer.at))??;
        clock.advance(buyer.at);
        // The shopper reads the cache, as the shop does.
        let price = app.cache.look_up(&product.sku).and_then(|entry| entry.price).context("a SKU on sale has no price")?;
        if stock[at] > 0 && buyer.limit >= price.minor {
            stock[at] -= 1;
            seqs[at] += 1;
            takings.sold += 1;
            takings.revenue_minor += price.minor;
            takings.stock_changes += 1;
            change(app, &runtime, &stock_change(&product.sku, stock[at], seqs[at], buyer.at, false))?;
        }
        let list = product.list_price.minor;
        at_list.offer(buyer, |_| list);
        plus_five.offer(buyer, |left| if left < 10 { list + list / 20 } else { list });
        clairvoyant.offer(buyer, |left| sale.clairvoyant(at, left, buyer.at));
        if count % 256 == 0 {
            bar.set_position(count);
        }
    }
    bar.finish_and_clear();
    takings.seconds = began.elapsed().as_secs_f64();
    takings.prices_moved = app.metrics.decisions.changed.get() - opening_prices;
    takings.alerts = app.store.counts()?.alerts;
    takings.left = stock.iter().sum();
    (takings.sold_at_list, takings.revenue_at_list_minor, takings.left_at_list) = (at_list.sold, at_list.revenue, at_list.left());
    (takings.revenue_plus_five_minor, takings.left_plus_five) = (plus_five.revenue, plus_five.left());
    (takings.revenue_clairvoyant_minor, takings.left_clairvoyant) = (clairvoyant.revenue, clairvoyant.left());
    Ok(takings)
}

fn change(
    app: &App<ReplayClock>,
    runtime: &pricestream_embedded::Runtime<ReplayClock>,
    change: &pricestream_event_schema::StockChange,
) -> Result<()> {
    runtime.turn(|_| app.publish(None, None, change))?.context("a stock change of the sale was refused")?;
    Ok(())
}

fn print(takings: &Takings, freshness: &FreshnessSummary) {
    let money = |minor| Money::new(minor, Currency::EUR).to_string();
    let mut lines = Lines::default();
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is rounded anyway"
    )]
    let rate = (takings.stock_changes as f64 / takings.seconds.max(1e-9)) as u64;
    lines.add(
        "stock changes",
        format!("{} in {:.1} s, {} a second", thousands(takings.stock_changes), takings.seconds, thousands(rate)),
    );
    lines.count("prices moved", takings.prices_moved);
    lines.add(
        "freshness",
        format!(
            "p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms (stock commit to cached price)",
            freshness.p50_ms, freshness.p99_ms, freshness.max_ms
        ),
    );
    lines.count("low-stock alerts", takings.alerts);
    lines.add(
        "revenue, this sale",
        format!(
            "{} ({} sold, {} left) by what each SKU's sale teaches (template_bayes)",
            money(takings.revenue_minor),
            thousands(takings.sold),
            thousands(takings.left)
        ),
    );
    for (label, revenue, left) in [
        ("list price", takings.revenue_at_list_minor, takings.left_at_list),
        ("+5 % below 10 left", takings.revenue_plus_five_minor, takings.left_plus_five),
        ("clairvoyant", takings.revenue_clairvoyant_minor, takings.left_clairvoyant),
    ] {
        #[allow(clippy::cast_precision_loss, reason = "a percentage is rounded anyway")]
        let ours = (takings.revenue_minor as f64 / (revenue as f64).max(1.0) - 1.0) * 100.0;
        lines.add(
            format!("revenue, {label}"),
            format!("{} ({} left) from the same buyers: this sale earns {ours:+.1} %", money(revenue), thousands(left)),
        );
    }
    if let Some(memory) = peak_memory_mib() {
        lines.add("memory", format!("{memory} MiB at the peak"));
    }
    print!("{lines}");
}
