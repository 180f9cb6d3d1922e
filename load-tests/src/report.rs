//! Outcomes as a table for the terminal, and as a page with plots.

use std::fmt::Write as _;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::outcome::{Outcome, Sample};

/// A table: columns aligned, numbers to the right.
pub fn table(outcomes: &[Outcome]) -> String {
    let head = [
        "scenario",
        "changes",
        "ack p50",
        "ack p99",
        "fresh p50",
        "fresh p99",
        "fresh max",
        "drained",
        "reads",
        "read p99",
        "events",
        "server",
        "memory",
        "checks",
    ];
    let mut rows: Vec<Vec<String>> = vec![head.map(str::to_owned).into()];
    for outcome in outcomes {
        let ms = |count: u64, ms: f64| if count == 0 { "-".to_owned() } else { format!("{ms:.1} ms") };
        let wrong = outcome.checks.iter().filter(|check| check.wrong > 0).count();
        let cores = mean(outcome, |sample| sample.server_cores).map_or("-".to_owned(), |cores| format!("{cores:.2} cores"));
        rows.push(vec![
            outcome.scenario.clone(),
            outcome.acknowledged.count.to_string(),
            ms(outcome.acknowledged.count, outcome.acknowledged.p50_ms),
            ms(outcome.acknowledged.count, outcome.acknowledged.p99_ms),
            ms(outcome.freshness.count, outcome.freshness.p50_ms),
            ms(outcome.freshness.count, outcome.freshness.p99_ms),
            ms(outcome.freshness.count, outcome.freshness.max_ms),
            format!("{:.2} s", outcome.drained_s),
            outcome.reads.count.to_string(),
            ms(outcome.reads.count, outcome.reads.p99_ms),
            outcome.events.to_string(),
            cores,
            outcome.most(|sample| sample.server_mib).map_or("-".to_owned(), |mib| format!("{mib:.0} MiB")),
            if wrong == 0 { format!("{} hold", outcome.checks.len()) } else { format!("{wrong} BROKEN") },
        ]);
    }
    let widths: Vec<usize> =
        (0..head.len()).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = if column == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.push('\n');
        if number == 0 {
            let total: usize = widths.iter().sum::<usize>() + 2 * (widths.len() - 1);
            text.push_str(&"-".repeat(total));
            text.push('\n');
        }
    }
    text
}

fn mean(outcome: &Outcome, of: impl Fn(&Sample) -> Option<f64>) -> Option<f64> {
    let during = outcome.samples.iter().filter(|sample| sample.second <= outcome.seconds);
    let (sum, count) = during.filter_map(of).fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// A page of its own: nothing in it is fetched.
pub fn page(outcomes: &[Outcome]) -> Result<String> {
    let mut html = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>pricestream under load</title><style>\
         body{font:15px/1.45 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
         table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.2rem .7rem;text-align:right;border-bottom:1px solid #d8dde3}\
         td:first-child,th:first-child{text-align:left}.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(34rem,1fr));gap:.6rem}\
         svg{width:100%;height:auto}.bad{color:#b42318;font-weight:600}section{margin:2.2rem 0}</style></head><body><h1>pricestream under load</h1>",
    );
    if let Some(first) = outcomes.first() {
        write!(html, "<p>{}, {}.</p>", escaped(&first.target), escaped(&first.machine))?;
    }
    for outcome in outcomes {
        write!(html, "<section><h2>{}</h2><p>{}</p>", escaped(&outcome.scenario), escaped(&outcome.about))?;
        html.push_str("<table><tr><th></th><th>count</th><th>p50 ms</th><th>p99 ms</th><th>p99.9 ms</th><th>max ms</th></tr>");
        for (what, summary) in [
            ("freshness: a change meant to be sent, until a shopper sees its price", &outcome.freshness),
            ("changes acknowledged", &outcome.acknowledged),
            ("reads", &outcome.reads),
            ("orders", &outcome.orders),
            ("streams opened", &outcome.streams_opened),
            ("the driver came late by", &outcome.driver_late),
        ] {
            if summary.count > 0 {
                let times =
                    [summary.p50_ms, summary.p99_ms, summary.p999_ms, summary.max_ms].map(|ms| format!("<td>{ms:.2}</td>"));
                write!(html, "<tr><td>{what}</td><td>{}</td>{}</tr>", summary.count, times.concat())?;
            }
        }
        html.push_str("</table>");
        if let Some(capacity) = outcome.capacity {
            write!(html, "<p>What the target takes, measured just before: {capacity:.0} changes a second.</p>")?;
        }
        write!(
            html,
            "<p>Limited by: {}. Everything was seen {:.2} s after the load ended.</p>",
            escaped(&outcome.limits.join("; ")),
            outcome.drained_s
        )?;
        if let Some(drift) = &outcome.memory {
            write!(html, "<p>After the first quarter: {}.</p>", drift.sentence())?;
        }
        html.push_str("<ul>");
        for check in &outcome.checks {
            if check.wrong == 0 {
                write!(html, "<li>{}</li>", escaped(&check.what))?;
            } else {
                write!(
                    html,
                    "<li class=\"bad\">NOT: {} ({} times; {})</li>",
                    escaped(&check.what),
                    check.wrong,
                    escaped(&check.detail)
                )?;
            }
        }
        html.push_str("</ul><div class=\"plots\">");
        for plot in plots(outcome)? {
            html.push_str(&plot);
        }
        html.push_str("</div></section>");
    }
    html.push_str("</body></html>");
    Ok(html)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A line of a plot.
struct Curve {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

#[allow(clippy::cast_precision_loss, reason = "counts of a load")]
fn plots(outcome: &Outcome) -> Result<Vec<String>> {
    let by_second = |seconds: &[crate::measure::Second], of: fn(&crate::measure::Second) -> f64| -> Vec<(f64, f64)> {
        seconds.iter().filter(|second| second.count > 0).map(|second| (second.from as f64 + 0.5, of(second))).collect()
    };
    let sampled = |of: &dyn Fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
        outcome.samples.iter().filter_map(|sample| Some((sample.second, of(sample)?))).collect()
    };
    let curves = &outcome.by_second;
    let mut plots = Vec::new();
    for (title, lines) in [
        (
            "freshness, ms",
            vec![
                Curve { name: "p99", points: by_second(&curves.freshness, |second| second.p99_ms) },
                Curve { name: "p50", points: by_second(&curves.freshness, |second| second.p50_ms) },
            ],
        ),
        (
            "in a second",
            vec![
                Curve { name: "changes", points: by_second(&curves.acknowledged, |second| second.count as f64) },
                Curve { name: "reads", points: by_second(&curves.reads, |second| second.count as f64) },
            ],
        ),
        ("changes that wait to be seen", vec![Curve { name: "waiting", points: sampled(&|sample| Some(sample.waiting as f64)) }]),
        (
            "cores in use",
            vec![
                Curve { name: "server", points: sampled(&|sample| sample.server_cores) },
                Curve { name: "driver", points: sampled(&|sample| sample.driver_cores) },
            ],
        ),
        ("memory of the server, MiB", vec![Curve { name: "resident", points: sampled(&|sample| sample.server_mib) }]),
    ] {
        if lines.iter().any(|line| line.points.len() > 1) {
            plots.push(plot(title, "s", &lines)?);
        }
    }
    if !outcome.freshness_bars.is_empty() {
        plots.push(bars("freshness: how many changes took so many ms", &outcome.freshness_bars)?);
    }
    Ok(plots)
}

const SIZE: (u32, u32) = (760, 320);
const COLOURS: [RGBColor; 3] = [RGBColor(0xc2, 0x41, 0x0c), RGBColor(0x1d, 0x4e, 0xd8), RGBColor(0x15, 0x80, 0x3d)];

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("drawing: {error}")
}

fn plot(title: &str, unit: &str, lines: &[Curve]) -> Result<String> {
    let mut svg = String::new();
    let all = || lines.iter().flat_map(|line| &line.points);
    let right = all().map(|(x, _)| *x).fold(1.0, f64::max);
    let top = all().map(|(_, y)| *y).fold(0.0, f64::max) * 1.08 + 1e-9;
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..right, 0.0..top)
            .map_err(failed)?;
        chart.configure_mesh().x_desc(unit).light_line_style(WHITE).draw().map_err(failed)?;
        for (line, colour) in lines.iter().zip(COLOURS) {
            if line.points.is_empty() {
                continue;
            }
            let series =
                chart.draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2))).map_err(failed)?;
            series.label(line.name).legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(RGBColor(0xd8, 0xdd, 0xe3))
            .draw()
            .map_err(failed)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}

#[allow(clippy::cast_precision_loss, reason = "counts of a load")]
fn bars(title: &str, bars: &[(f64, u64)]) -> Result<String> {
    let mut svg = String::new();
    let bars: Vec<(f64, u64)> = bars.iter().copied().skip_while(|(_, count)| *count == 0).collect();
    let left = bars.first().map_or(0.1, |(end, _)| end / 1.2).max(1e-3);
    let right = bars.last().map_or(1.0, |(end, _)| *end).max(left * 2.0);
    let top = bars.iter().map(|(_, count)| *count).max().unwrap_or(1) as f64 * 1.08;
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(60)
            .build_cartesian_2d((left..right).log_scale(), 0.0..top)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .x_desc("ms")
            .light_line_style(WHITE)
            .x_label_formatter(&|ms| format!("{ms}"))
            .draw()
            .map_err(failed)?;
        let mut begin = left;
        let drawn: Vec<_> = bars
            .iter()
            .map(|(end, count)| {
                let bar = Rectangle::new([(begin, 0.0), (*end, *count as f64)], COLOURS[1].mix(0.7).filled());
                begin = *end;
                bar
            })
            .collect();
        chart.draw_series(drawn).map_err(failed)?;
        root.present().map_err(failed)?;
    }
    Ok(svg)
}
