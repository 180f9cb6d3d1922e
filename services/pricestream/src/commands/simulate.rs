//! Sales of which the truth is known: how much of the best possible each policy earns.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use fastrand::Rng;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::SignedDuration;
use plotters::prelude::*;
use pricestream_pricing_lab::{Document, Measured, Scenario, Shop, Truth, measure, play};
use pricestream_repricing_engine::market::Family;
use serde_json::{Value, json};

use super::{Found, Usage, read_text};
use crate::cli::{Global, Simulate as Options};
use crate::report::table;

/// A policy with its name.
struct Entrant {
    name: String,
    document: Document,
    /// Sales at list that it plans, where its document says so.
    planned: Option<f64>,
    /// It is told how demand spreads: the document is another one for each scenario.
    shape_given: Option<Value>,
}

/// A simulated sale lasts for an hour; only shares of it matter.
const LENGTH: SignedDuration = SignedDuration::from_hours(1);

pub(crate) fn run(global: &Global, options: &Options) -> Result<Found> {
    let family: Family = serde_json::from_str(&options.family)
        .map_err(|error| Usage(format!("--family is no demand family: {error}; such as {{\"kind\":\"linear\",\"choke\":2}}")))?;
    if let Some(problem) = family.problems("--family").first() {
        return Err(Usage(problem.to_string()).into());
    }
    let entrants = match &options.strategies {
        Some(file) => of_file(file)?,
        None => usual(options.buyers)?,
    };
    if let Some(file) = &options.plot {
        let scenario = options.scenarios.first().context("a scenario is needed")?;
        let entrant = entrants.iter().find(|entrant| entrant.name == options.policy).ok_or_else(|| {
            let names = entrants.iter().map(|entrant| entrant.name.as_str()).collect::<Vec<_>>().join(", ");
            Usage(format!("there is no policy {:?} to draw: {names}", options.policy))
        })?;
        let truth = truth(scenario, family, entrant.planned.unwrap_or(options.buyers));
        draw(file, &entrant.document, &truth, options.units, options.seed, &format!("{}: {}", entrant.name, scenario.name))
            .with_context(|| format!("drawing {}", file.display()))?;
        if !global.json {
            println!("{} shows a sale by {}", file.display(), entrant.name);
        }
        return Ok(Found::Nothing);
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("the template is valid");
    let bar = ProgressBar::new((entrants.len() * options.scenarios.len()) as u64).with_style(style);
    let mut rows = Vec::new();
    for entrant in &entrants {
        let mut found: Vec<Measured> = Vec::new();
        for scenario in &options.scenarios {
            bar.set_message(format!("{}, {}", entrant.name, scenario.name));
            let truth = truth(scenario, family, entrant.planned.unwrap_or(options.buyers));
            let told = entrant.shape_given.as_ref().map(|document| given(document, scenario)).transpose()?;
            let document = told.as_ref().unwrap_or(&entrant.document);
            let measured = measure(document, &truth, options.units, options.runs, options.seed);
            found.push(measured.context("the optimum of so many units and buyers is too much work: simulate fewer")?);
            bar.inc(1);
        }
        rows.push((&entrant.name, found));
    }
    bar.finish_and_clear();
    report(global, options, &rows);
    Ok(Found::Nothing)
}

fn report(global: &Global, options: &Options, rows: &[(&String, Vec<Measured>)]) {
    let fractions = |found: &[Measured]| found.iter().map(|measured| 100.0 * measured.fraction.mean).collect::<Vec<_>>();
    let worst = |found: &[Measured]| fractions(found).into_iter().fold(f64::INFINITY, f64::min);
    #[allow(clippy::cast_precision_loss, reason = "there are few scenarios")]
    let mean = |found: &[Measured]| fractions(found).iter().sum::<f64>() / found.len() as f64;
    if global.json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(name, found)| {
                let cells: Vec<Value> = options
                    .scenarios
                    .iter()
                    .zip(found)
                    .map(|(scenario, measured)| {
                        json!({ "scenario": scenario.name, "percent": 100.0 * measured.fraction.mean,
                            "plus_minus": 100.0 * measured.fraction.half, "sold": measured.sold, "price_moves": measured.moves })
                    })
                    .collect();
                json!({ "policy": name, "worst": worst(found), "mean": mean(found), "scenarios": cells })
            })
            .collect();
        println!("{}", json!({ "units": options.units, "buyers": options.buyers, "runs": options.runs, "policies": rows }));
        return;
    }
    let planned = match &options.strategies {
        Some(_) => "as many sales planned as the document says".to_owned(),
        None => format!("{} sales planned at list price", options.buyers),
    };
    println!(
        "{} units, {planned}. Percent of what one earns who knows the demand; ± where {} sales were played,\nexact \
         where the price is a function of stock and time.\n",
        options.units, options.runs
    );
    let mut heading = vec!["policy"];
    heading.extend(options.scenarios.iter().map(|scenario| scenario.name.as_str()));
    heading.extend(["worst", "mean", "moves"]);
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, found)| {
            let cell = |measured: &Measured| {
                let half = 100.0 * measured.fraction.half;
                let interval = if half > 0.0 { format!(" ±{half:.1}") } else { String::new() };
                format!("{:.1}{interval}", 100.0 * measured.fraction.mean)
            };
            let moves: Vec<f64> = found.iter().filter_map(|measured| measured.moves).collect();
            #[allow(clippy::cast_precision_loss, reason = "there are few scenarios")]
            let moves =
                if moves.is_empty() { String::new() } else { format!("{:.0}", moves.iter().sum::<f64>() / moves.len() as f64) };
            let mut row = vec![(*name).clone()];
            row.extend(found.iter().map(cell));
            row.extend([format!("{:.1}", worst(found)), format!("{:.1}", mean(found)), moves]);
            row
        })
        .collect();
    print!("{}", table(&heading, &cells));
}

fn truth(scenario: &Scenario, family: Family, planned: f64) -> Truth {
    let (times, shape) = scenario.demand();
    Truth { family, buyers: planned * times, shape }
}

/// The policies that one compares: they expect what is planned, and that demand is exponential, as most shops would.
fn usual(buyers: f64) -> Result<Vec<Entrant>> {
    let sale = json!({ "ends": { "after_full_minutes": 60 } });
    let pace = json!({ "kind": "pace_tiers", "ends": { "after_full_minutes": 60 },
        "below": [{ "ratio_bp": 5000, "change_bp": 1500 }, { "ratio_bp": 8000, "change_bp": 700 }],
        "above": [{ "ratio_bp": 12500, "change_bp": -700 }, { "ratio_bp": 20000, "change_bp": -1500 }] });
    let of = |strategy: &Value| {
        json!({ "version": 1, "strategies": { "s": strategy },
            "default": { "strategy": "s", "floor_percent_of_list": 30,
                "demand": { "per_hour": buyers, "family": { "kind": "exponential", "sensitivity": 1.0 } } } })
    };
    let policies = [
        ("list price", json!({ "kind": "fixed_list" })),
        ("+5 % below 10 left", json!({ "kind": "inventory_threshold", "below": 10, "change_bp": 500 })),
        ("pace_tiers", pace),
        ("gvr_optimal, as planned", json!({ "kind": "gvr_optimal", "sale": sale })),
        ("ce_bayes", json!({ "kind": "ce_bayes", "sale": sale })),
        ("template_bayes", json!({ "kind": "template_bayes", "sale": sale })),
    ];
    let mut entrants = Vec::new();
    for (name, strategy) in &policies {
        let document = Document::new(&of(strategy), LENGTH).map_err(|problem| anyhow!(problem))?;
        entrants.push(Entrant { name: (*name).to_owned(), document, planned: None, shape_given: None });
    }
    let template = of(&policies[5].1);
    let document = Document::new(&template, LENGTH).map_err(|problem| anyhow!(problem))?;
    entrants.push(Entrant {
        name: "template_bayes, shape given".to_owned(),
        document,
        planned: None,
        shape_given: Some(template),
    });
    Ok(entrants)
}

fn given(document: &Value, scenario: &Scenario) -> Result<Document> {
    let mut document = document.clone();
    document["profiles"] = json!({ "given": scenario.profile(200) });
    document["default"]["demand"]["profile"] = json!("given");
    Document::new(&document, LENGTH).map_err(|problem| anyhow!(problem))
}

/// Each strategy of a document, under its default entry.
fn of_file(file: &Path) -> Result<Vec<Entrant>> {
    let text = read_text(file)?;
    let document: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    let names: Vec<String> =
        document["strategies"].as_object().map(|strategies| strategies.keys().cloned().collect()).unwrap_or_default();
    let mut entrants = Vec::new();
    for name in names {
        let mut one = document.clone();
        one["default"]["strategy"] = json!(name);
        if let Some(document) = one.as_object_mut() {
            document.remove("categories");
            document.remove("skus");
        }
        // Each over the whole of its own sale, wherever in the calendar that is.
        let minutes = minutes(&one["strategies"][&name]["sale"]);
        if let Some(sale) = one["strategies"][&name]["sale"].as_object_mut() {
            sale.remove("starts");
            sale.insert("ends".to_owned(), json!({ "after_full_minutes": minutes }));
        }
        if one["strategies"][&name]["kind"] == "gvr_optimal" {
            // Within 0.3 % of the grid, which would be asked a hundred thousand times.
            one["strategies"][&name]["solve"] = json!("refit");
        }
        let length = SignedDuration::from_mins(i64::from(minutes));
        let document = Document::new(&one, length).map_err(|problem| Usage(format!("{}: {problem}", file.display())))?;
        let per_hour = document.policy().demand.as_ref().map(|demand| demand.per_hour);
        let planned = per_hour.map(|per_hour| per_hour * f64::from(minutes) / 60.0);
        entrants.push(Entrant { name, document, planned, shape_given: None });
    }
    if entrants.is_empty() {
        return Err(Usage(format!("{} has no strategies", file.display())).into());
    }
    Ok(entrants)
}

/// A line of a plot.
struct Line<'a> {
    label: &'a str,
    points: &'a [(f64, f64)],
    color: RGBColor,
}

/// How long a sale is, in minutes; sixteen hours where that depends on the day.
fn minutes(sale: &Value) -> u32 {
    let after = sale["ends"]["after_full_minutes"].as_u64().and_then(|minutes| u32::try_from(minutes).ok());
    let instant = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let between = instant(&sale["starts"]).zip(instant(&sale["ends"]["at"])).map(|(starts, ends)| ends.duration_since(starts));
    let between = between.and_then(|length| u32::try_from(length.as_mins()).ok());
    after.or(between).filter(|minutes| *minutes > 0).unwrap_or(if sale.is_null() { 60 } else { 960 })
}

/// One sale over its time: the price above, stock and demand below.
fn draw(file: &Path, document: &Document, truth: &Truth, units: u64, seed: u64, title: &str) -> Result<()> {
    let arrivals = truth.arrivals(0.3, &mut Rng::with_seed(seed));
    let mut shown: Vec<(f64, f64, u64)> = Vec::new();
    let mut shop = Shop::open(document, units);
    let sale = play(truth, &arrivals, units, &mut shop, |at, price, left| shown.push((at, price, left)));
    let last = shown.last().map_or(1.0, |(_, price, _)| *price);
    shown.push((1.0, last, units - sale.sold));
    // Prices and stock stand until they move.
    let steps = |value: &dyn Fn(&(f64, f64, u64)) -> f64| -> Vec<(f64, f64)> {
        let pairs = shown.windows(2).flat_map(|pair| [(pair[0].0, value(&pair[0])), (pair[1].0, value(&pair[0]))]);
        pairs.chain(shown.last().map(|last| (last.0, value(last)))).collect()
    };
    #[allow(clippy::cast_precision_loss, reason = "a plot has few pixels")]
    let stock = steps(&|point| point.2 as f64);
    let prices = steps(&|point| 100.0 * point.1);
    let demand: Vec<(f64, f64)> = (0..=400)
        .map(|part| f64::from(part) / 400.0)
        .map(|at| (at, truth.buyers * truth.shape.intensity(at.min(0.9999)) / 10.0))
        .collect();
    let most = |points: &[(f64, f64)]| points.iter().fold(1.0_f64, |most, point| most.max(point.1)) * 1.05;
    let error = |error: &dyn std::fmt::Display| anyhow!("{error}");
    let area = SVGBackend::new(file, (900, 640)).into_drawing_area();
    area.fill(&WHITE).map_err(|e| error(&e))?;
    let area = area.titled(title, ("sans-serif", 20)).map_err(|e| error(&e))?;
    let (above, below) = area.split_vertically(300);
    let panel = |area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>, unit: &str, lines: &[Line<'_>]| -> Result<()> {
        let top = lines.iter().map(|line| most(line.points)).fold(1.0, f64::max);
        let mut chart = ChartBuilder::on(area)
            .margin(10)
            .margin_right(28)
            .x_label_area_size(32)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..1.0, 0.0..top)
            .map_err(|e| error(&e))?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("share of the sale's time")
            .y_desc(unit)
            .y_label_formatter(&|height| format!("{height:.0}"))
            .x_label_formatter(&|at| format!("{:.0} %", 100.0 * at))
            .draw()
            .map_err(|e| error(&e))?;
        for Line { label, points, color } in lines {
            let color = *color;
            chart
                .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))
                .map_err(|e| error(&e))?
                .label(*label)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .border_style(RGBColor(200, 200, 200))
            .draw()
            .map_err(|e| error(&e))
    };
    panel(&above, "percent of list", &[Line { label: "price", points: &prices, color: RGBColor(31, 119, 180) }])?;
    panel(
        &below,
        "units",
        &[
            Line { label: "stock", points: &stock, color: RGBColor(44, 160, 44) },
            Line { label: "buyers at list price in a tenth of the sale", points: &demand, color: RGBColor(214, 39, 40) },
        ],
    )?;
    area.present().map_err(|e| error(&e))?;
    Ok(())
}
