//! CloudWatch's embedded metric format: what was counted since the last time, as lines of the log.
//!
//! A function is frozen between its events, so that nobody can ask it for its metrics; it tells them after each. Format: CloudWatch
//! User Guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::Metrics;
use crate::names::NAMESPACE;

/// Remembers what was told.
#[derive(Debug, Default)]
pub struct Emf {
    told: BTreeMap<String, f64>,
}

/// What was counted of one set of labels.
type Counted = BTreeMap<String, Value>;

/// A histogram's buckets since the last time: upper bound in seconds, and how many are at or below it.
#[derive(Debug, Default)]
struct Buckets {
    upto: Vec<(f64, f64)>,
    sum: f64,
}

impl Emf {
    /// Writes a line for each set of labels that something was counted of since the last time. Counters come as their increase,
    /// gauges as they stand unless they stay at 0, histograms as counts at the upper bounds of their buckets.
    pub fn write(&mut self, metrics: &Metrics, service: &str, now: Timestamp, to: &mut impl Write) -> io::Result<()> {
        let mut lines: BTreeMap<Vec<(String, String)>, Counted> = BTreeMap::new();
        let mut histograms: BTreeMap<(String, Vec<(String, String)>), Buckets> = BTreeMap::new();
        let text = metrics.render();
        let mut gauges = Vec::new();
        for line in text.lines() {
            if let Some(of) = line.strip_prefix("# TYPE ") {
                if let Some(name) = of.strip_suffix(" gauge") {
                    gauges.push(name.to_owned());
                }
                continue;
            }
            let Some(Sample { name, mut labels, value }) = sample(line) else { continue };
            // It is a dimension of every line anyway.
            labels.retain(|(label, _)| label != "service");
            let more = value - self.told.insert(series(line).to_owned(), value).unwrap_or(0.0);
            let gauge = gauges.contains(&name);
            // A gauge that stays up is told each time: an alarm waits for it to stay.
            if more == 0.0 && !(gauge && value != 0.0) {
                continue;
            }
            if gauge {
                lines.entry(labels).or_default().insert(name, json!(value));
            } else if let Some(name) = name.strip_suffix("_total") {
                lines.entry(labels).or_default().insert(name.to_owned(), json!(more));
            } else if let Some(name) = name.strip_suffix("_sum") {
                histograms.entry((name.to_owned(), labels)).or_default().sum += more;
            } else if let Some(name) = name.strip_suffix("_bucket") {
                let place = labels.iter().position(|(label, _)| label == "le");
                let Some(bound) = place.map(|place| labels.remove(place).1) else { continue };
                let bound = bound.parse().unwrap_or(f64::INFINITY);
                histograms.entry((name.to_owned(), labels)).or_default().upto.push((bound, more));
            }
        }
        for ((name, labels), buckets) in histograms {
            if let Some(value) = buckets.value() {
                lines.entry(labels).or_default().insert(name, value);
            }
        }
        for (labels, counted) in lines {
            writeln!(to, "{}", line(service, &labels, counted, now))?;
        }
        Ok(())
    }
}

impl Buckets {
    /// As CloudWatch takes a distribution; what is above every bound counts at the last.
    fn value(mut self) -> Option<Value> {
        self.upto.sort_by(|one, other| one.0.total_cmp(&other.0));
        let last = self.upto.iter().map(|(bound, _)| *bound).rfind(|bound| bound.is_finite())?;
        let (mut values, mut counts, mut before) = (Vec::new(), Vec::new(), 0.0);
        for (bound, upto) in self.upto {
            if upto > before {
                values.push(bound.min(last));
                counts.push(upto - before);
                before = upto;
            }
        }
        let (min, max) = (*values.first()?, *values.last()?);
        Some(json!({ "Values": values, "Counts": counts, "Min": min, "Max": max, "Count": before, "Sum": self.sum }))
    }
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// A series by its name and labels, as rendered.
fn series(line: &str) -> &str {
    line.rsplit_once(' ').map_or(line, |(series, _)| series)
}

/// A line of our own rendering: no label of ours holds a quote, a comma or a brace.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    let label = |label: &str| {
        let (name, value) = label.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    let labels = labels.split(',').filter(|label| !label.is_empty()).map(label).collect::<Option<_>>()?;
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

fn line(service: &str, labels: &[(String, String)], counted: Counted, now: Timestamp) -> Value {
    // Alarms look at a metric of a service, dashboards at its parts too.
    let mut dimensions = vec![vec!["service"]];
    if !labels.is_empty() {
        dimensions.push(std::iter::once("service").chain(labels.iter().map(|(label, _)| label.as_str())).collect());
    }
    let told: Vec<Value> = counted
        .keys()
        .map(|name| json!({ "Name": name, "Unit": if name.ends_with("_seconds") { "Seconds" } else { "Count" } }))
        .collect();
    let mut line = Map::new();
    let metrics = json!([{ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": told }]);
    line.insert("_aws".to_owned(), json!({ "Timestamp": now.as_millisecond(), "CloudWatchMetrics": metrics }));
    for (label, value) in labels {
        line.insert(label.clone(), json!(value));
    }
    line.insert("service".to_owned(), json!(service));
    line.extend(counted);
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(emf: &mut Emf, metrics: &Metrics) -> Vec<Value> {
        let mut out = Vec::new();
        emf.write(metrics, "cache-writer", Timestamp::UNIX_EPOCH, &mut out).unwrap();
        let lines = String::from_utf8(out).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn what_was_counted_since_the_last_time_is_told_once() {
        let (mut emf, metrics) = (Emf::default(), Metrics::default());
        assert_eq!(told(&mut emf, &metrics), Vec::<Value>::new(), "nothing was counted");
        metrics.cache_write("event", "applied");
        metrics.cache_write("event", "applied");
        assert_eq!(
            told(&mut emf, &metrics),
            [json!({
                "_aws": { "Timestamp": 0, "CloudWatchMetrics": [{
                    "Namespace": "pricestream",
                    "Dimensions": [["service"], ["service", "path", "result"]],
                    "Metrics": [{ "Name": "pricestream_cache_writes", "Unit": "Count" }]
                }] },
                "service": "cache-writer", "path": "event", "result": "applied", "pricestream_cache_writes": 2.0
            })]
        );
        assert_eq!(told(&mut emf, &metrics), Vec::<Value>::new(), "it was told");
        metrics.cache_write("event", "applied");
        assert_eq!(told(&mut emf, &metrics)[0]["pricestream_cache_writes"], 1.0);
    }

    #[test]
    fn a_histogram_is_told_as_a_distribution() {
        let (mut emf, metrics) = (Emf::default(), Metrics::default());
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        for ms in [1, 1, 400, 90_000] {
            metrics.freshness.observe(at(0), at(ms));
        }
        let lines = told(&mut emf, &metrics);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let freshness = &line["pricestream_freshness_seconds"];
        assert_eq!(freshness["Values"], json!([0.001, 0.5, 60.0]));
        assert_eq!(freshness["Counts"], json!([2.0, 1.0, 1.0]), "what is above every bound counts at the last");
        assert_eq!(
            (&freshness["Count"], &line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"]),
            (&json!(4.0), &json!("Seconds"))
        );
    }
}
