use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pricestream_domain::{Mode, Sku};
use pricestream_price_api::NextStage;
use pricestream_pricing_lab::Scenario;
use pricestream_repricing_engine::rollout::StopRules;

use crate::replay::Speed;

/// Real-time pricing for shops that run flash sales.
#[derive(Debug, Parser)]
#[command(version, about, after_help = "Exit status: 0 done, 1 found something or failed, 2 wrong usage.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the records are, and how to answer.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Directory of the store; one process at a time may use it
    #[arg(long, global = true, env = "PRICESTREAM_DATA", value_name = "DIR", conflicts_with = "target")]
    pub(crate) data: Option<PathBuf>,
    /// A running server to ask in place of a store
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// The server's admin token
    #[arg(long, global = true, env = "PRICESTREAM_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) admin_token: Option<String>,
    /// Answer with JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// What a commit survives
    #[arg(long, global = true, value_enum, default_value_t = Durability::Power)]
    pub(crate) durability: Durability,
}

/// What a commit survives.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Durability {
    /// The loss of power: each commit waits for the disk
    Power,
    /// The end of the process alone
    Process,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all services, the API and the page in this process
    Up(Up),
    /// Play recorded stock changes through the pipeline, by the recording's own clock
    Replay(Replay),
    /// Recompute every price from the records; compare record, cache and history
    Verify,
    /// Say why a SKU has the price that it has, or why a basket costs what it costs
    Explain(Explain),
    /// Price a basket under a rule set, and say what became of every promotion
    Quote(Quote),
    /// Say what a basket costs from one instant until another, and when that changes
    Timeline(Timeline),
    /// Say what is paid back for units of a basket that come back after it was bought
    Refund(Refund),
    /// Check a rule set of promotions: say everything that is wrong with it, and what is suspicious
    Check(Check),
    /// The catalogue
    #[command(subcommand)]
    Catalogue(Catalogue),
    /// The strategies document
    #[command(subcommand)]
    Strategies(Strategies),
    /// The rule set of promotions in force, and their switch
    #[command(subcommand)]
    Promotions(Promotions),
    /// Set a person's price for one SKU, or lift it
    Override(Override),
    /// Show the kill switch, or turn it
    Mode {
        /// run, freeze, list-price or shadow
        mode: Option<Mode>,
        #[command(flatten)]
        audit: Audit,
    },
    /// Play a synthetic flash sale on a temporary store and report
    Demo(Demo),
    /// Say how much of the best possible a policy earns in sales of which the truth is known
    Simulate(Simulate),
    /// Play recorded sales under a policy, each with what those teach that were over before it
    Backtest(Backtest),
    /// Learn how demand spreads over a sale, for the profiles of a strategies document
    LearnProfiles(LearnProfiles),
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// What happens to demand: as-planned, x4, x4@30, burst8@40-50, front5, back3, hump60~16, power, rush, waves; joined by +
    #[arg(value_name = "SCENARIO", default_values = ["as-planned", "x4", "x0.4", "x4@30", "x0.3@30", "burst8@40-50", "front5"])]
    pub(crate) scenarios: Vec<Scenario>,
    /// Units on sale
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) units: u64,
    /// Sales at list price that are planned, if stock never ran out
    #[arg(long, default_value_t = 100.0, value_name = "N", value_parser = positive)]
    pub(crate) buyers: f64,
    /// How demand truly depends on the price (JSON, as in the strategies document)
    #[arg(long, default_value = r#"{"kind":"exponential","sensitivity":1}"#, value_name = "JSON")]
    pub(crate) family: String,
    /// Strategies document whose strategies are played, in place of the usual ones, each over its own sale; guardrails and planned demand
    /// are those of its default entry
    #[arg(long, value_name = "FILE")]
    pub(crate) strategies: Option<PathBuf>,
    /// Sales that are played of each policy that learns
    #[arg(long, default_value_t = 400, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub(crate) runs: u32,
    /// Equal seeds give equal sales
    #[arg(long, default_value_t = 11, value_name = "N")]
    pub(crate) seed: u64,
    /// Draw one sale of the first scenario: price, stock and demand over time (SVG)
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// The policy that is drawn
    #[arg(long, default_value = "template_bayes", value_name = "NAME")]
    pub(crate) policy: String,
}

fn positive(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| *number > 0.0 && *number <= 1e6).ok_or(format!("{text:?} is no number above 0, up to 1e6"))
}

/// Recorded stock changes, and what a sale of them is.
#[derive(Debug, Args)]
pub(crate) struct Recording {
    /// NDJSON of stock changes in the order of their time; - is standard input
    pub(crate) file: PathBuf,
    /// Catalogue (NDJSON) of what was sold
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: PathBuf,
    /// How long a sale lasts after each replenishment
    #[arg(long, default_value_t = 960, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=525_600))]
    pub(crate) minutes: u32,
    /// Equal parts of a profile
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=400))]
    pub(crate) parts: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Backtest {
    #[command(flatten)]
    pub(crate) recording: Recording,
    /// Strategies document
    #[arg(long, value_name = "FILE")]
    pub(crate) strategies: PathBuf,
    /// How often each sale is played, with other made-up buyers
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) plays: u32,
    /// Equal seeds give equal buyers
    #[arg(long, default_value_t = 11, value_name = "N")]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
pub(crate) struct LearnProfiles {
    #[command(flatten)]
    pub(crate) recording: Recording,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// Strategies document to put in force at the start, unless another one took its place since, and again whenever the file changes
    #[arg(long, value_name = "FILE")]
    pub(crate) strategies: Option<PathBuf>,
    /// Rule set of promotions to put in force at the start, and again whenever the file changes
    #[arg(long, value_name = "FILE")]
    pub(crate) promotions: Option<PathBuf>,
    /// Catalogue (NDJSON) to import at the start
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// Token that stock changes must carry; none is asked when absent
    #[arg(long, env = "PRICESTREAM_INGEST_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) ingest_token: Option<String>,
    /// Key that quotes are signed with, 32 bytes or more in base64; when absent one is made, and kept beside the store
    #[arg(long, env = "PRICESTREAM_QUOTE_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) quote_key: Option<String>,
    /// Key that quotes were signed with before: those are still taken
    #[arg(long, env = "PRICESTREAM_QUOTE_KEY_PREVIOUS", value_name = "KEY", hide_env_values = true)]
    pub(crate) quote_key_previous: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// NDJSON of stock changes in the order of their time; - is standard input
    pub(crate) file: PathBuf,
    /// Catalogue (NDJSON) to import first
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
    /// Strategies document to put in force first
    #[arg(long, value_name = "FILE")]
    pub(crate) strategies: Option<PathBuf>,
    /// Rule set of promotions to put in force first
    #[arg(long, value_name = "FILE")]
    pub(crate) promotions: Option<PathBuf>,
    /// "max", or how many times real time
    #[arg(long, default_value = "max", value_name = "SPEED")]
    pub(crate) speed: Speed,
    /// Changes committed together, at most
    #[arg(long, default_value_t = 250, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// Print a line of JSON for each commit: {"acknowledged": lines}
    #[arg(long)]
    pub(crate) acknowledge: bool,
    /// Verify record, cache and history at the end
    #[arg(long)]
    pub(crate) verify: bool,
}

/// A basket, and what it is priced with.
#[derive(Debug, Args)]
pub(crate) struct Priced {
    /// The basket (JSON); - is standard input
    pub(crate) basket: PathBuf,
    #[command(flatten)]
    pub(crate) with: PricedWith,
}

/// What a basket is priced with.
#[derive(Debug, Args)]
pub(crate) struct PricedWith {
    /// The rule set (JSON); when absent the one that the store has in force
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// A catalogue (NDJSON) to take products and list prices from, in place of a store with its current prices
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Quote {
    #[command(flatten)]
    pub(crate) priced: Priced,
    /// Record every promotion of the rule set, not only those that concern the basket
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Which SKU
    #[arg(required_unless_present = "basket", conflicts_with_all = ["basket", "rules", "catalogue"])]
    pub(crate) sku: Option<Sku>,
    /// How many decisions to show, newest first
    #[arg(long, default_value_t = 10, value_name = "N", conflicts_with = "basket")]
    pub(crate) last: usize,
    /// A basket (JSON) in place of a SKU, told with every promotion of the rule set; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) basket: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) with: PricedWith,
}

#[derive(Debug, Args)]
pub(crate) struct Refund {
    #[command(flatten)]
    pub(crate) priced: Priced,
    /// Units that come back now, by line id, with commas between ("a=1,b=2")
    #[arg(long, required = true, value_delimiter = ',', value_name = "LINE=UNITS")]
    pub(crate) lines: Vec<UnitsOf>,
    /// Units that came back before
    #[arg(long, value_delimiter = ',', value_name = "LINE=UNITS")]
    pub(crate) returned: Vec<UnitsOf>,
}

/// Units of a line: "a=2".
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnitsOf {
    pub(crate) line: String,
    pub(crate) units: u32,
}

impl FromStr for UnitsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (line, units) = text.rsplit_once('=').ok_or("write it as LINE=UNITS, such as a=2")?;
        let units = units.parse().map_err(|_| format!("{units:?} is no number of units"))?;
        Ok(Self { line: line.to_owned(), units })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Timeline {
    #[command(flatten)]
    pub(crate) priced: Priced,
    /// First instant (RFC 3339)
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: jiff::Timestamp,
    /// The instant after the last one
    #[arg(long, value_name = "INSTANT")]
    pub(crate) until: jiff::Timestamp,
    /// Slices, at most
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub(crate) most: usize,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The rule set (JSON); - is standard input
    pub(crate) file: PathBuf,
    /// A catalogue (NDJSON) to look names up in and to price baskets of, in place of that of a store (--data); without either
    /// the rule set is looked at alone
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Catalogue {
    /// Import catalogue lines (NDJSON); lines equal to what is there are left alone
    Import {
        /// - is standard input
        file: PathBuf,
    },
    /// Print what a model may know of each SKU, and what it is to learn from (NDJSON)
    Features {
        #[command(flatten)]
        known: Known,
        /// Stock changes (NDJSON) from which a model is to learn what is sold at which price: later ones than `--changes`
        #[arg(long, value_name = "FILE")]
        targets: Option<PathBuf>,
    },
    /// Print the catalogue with what a model expects of each SKU's demand, or with why it says nothing
    Priors {
        #[command(flatten)]
        known: Known,
        /// The model (ONNX); what it must look like is in docs/strategies.md
        #[arg(long, value_name = "FILE")]
        model: PathBuf,
    },
}

/// What is known of SKUs before a sale.
#[derive(Debug, Args)]
pub(crate) struct Known {
    /// Catalogue (NDJSON)
    pub(crate) file: PathBuf,
    /// Stock changes up to now (NDJSON)
    #[arg(long, value_name = "FILE")]
    pub(crate) changes: Option<PathBuf>,
    /// How long a sale lasts after each replenishment
    #[arg(long, default_value_t = 960, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..=525_600))]
    pub(crate) minutes: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Strategies {
    /// Check a document and say everything that is wrong with it
    Check {
        /// - is standard input
        file: PathBuf,
    },
    /// Put a document in force; every SKU that it touches is priced anew
    Publish {
        /// - is standard input
        file: PathBuf,
        #[command(flatten)]
        audit: Audit,
    },
    /// Print the document in force, or an earlier one
    Show {
        /// The number of the settings that had it, from `history`
        #[arg(value_name = "REV")]
        rev: Option<u64>,
    },
    /// List what was in force and on trial, newest first: who, when and why
    History {
        /// Settings that are looked at
        #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=500))]
        last: u64,
    },
    /// Show the rollout, begin one with a candidate document, or move it to another stage
    Rollout(Rollout),
    /// Put the document of earlier settings in force again; whatever is on trial is over
    Rollback {
        /// The number of the settings that had it, from `history`
        #[arg(value_name = "REV")]
        to: u64,
        #[command(flatten)]
        audit: Audit,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Rollout {
    /// Document to put on trial; - is standard input
    #[arg(requires = "stage")]
    pub(crate) candidate: Option<PathBuf>,
    /// shadow (nothing is priced by it), canary=10 (a share of the SKUs, in percent), full, or stopped
    #[arg(long, value_name = "STAGE", value_parser = next_stage)]
    pub(crate) stage: Option<NextStage>,
    /// When it stops by itself (JSON), such as {"most_apart_bp":2000}; what is left out is as usual
    #[arg(long, value_name = "JSON", requires = "stage", value_parser = stop_rules)]
    pub(crate) stop: Option<StopRules>,
    #[command(flatten)]
    pub(crate) audit: Audit,
}

fn next_stage(text: &str) -> Result<NextStage, String> {
    match (text, text.strip_prefix("canary=").map(str::parse)) {
        ("shadow", _) => Ok(NextStage::Shadow),
        ("full", _) => Ok(NextStage::Full),
        ("stopped", _) => Ok(NextStage::Stopped),
        (_, Some(Ok(percent))) => Ok(NextStage::Canary(percent)),
        _ => Err(format!("{text:?} is no stage: shadow, canary=10, full or stopped")),
    }
}

fn stop_rules(text: &str) -> Result<StopRules, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[derive(Debug, Subcommand)]
pub(crate) enum Promotions {
    /// Print the rule set in force, as it was published
    Show,
    /// Put a rule set in force; every SKU that it touches is priced anew
    Publish {
        /// - is standard input
        file: PathBuf,
        #[command(flatten)]
        audit: Audit,
    },
    /// Show the switch of promotions, or turn it; the rule set stays
    Switch {
        /// on or off
        to: Option<OnOff>,
        /// Components that are off even so, with commas between
        #[arg(long, value_delimiter = ',', requires = "to", value_name = "COMPONENTS")]
        without: Vec<String>,
        #[command(flatten)]
        audit: Audit,
    },
}

/// Where a switch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnOff {
    /// Promotions apply
    On,
    /// They do not
    Off,
}

#[derive(Debug, Args)]
pub(crate) struct Override {
    /// Which SKU
    pub(crate) sku: Sku,
    /// The price in minor units of the SKU's currency (1999 is 19.99)
    #[arg(long, required_unless_present = "lift", conflicts_with = "lift", value_name = "MINOR")]
    pub(crate) price: Option<i64>,
    /// Until when: a duration ("2h", "3 days") or an instant (RFC 3339)
    #[arg(long, required_unless_present = "lift", conflicts_with = "lift", value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// End the override that is in force
    #[arg(long)]
    pub(crate) lift: bool,
    #[command(flatten)]
    pub(crate) audit: Audit,
}

/// Who changes something, and why; kept for the audit.
#[derive(Clone, Debug, Args)]
pub(crate) struct Audit {
    /// Who
    #[arg(long, default_value = "command line", env = "PRICESTREAM_BY", value_name = "NAME")]
    pub(crate) by: String,
    /// Why
    #[arg(long, default_value = "", value_name = "TEXT")]
    pub(crate) note: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Demo {
    /// SKUs on sale
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) skus: u32,
    /// Buyers who arrive
    #[arg(long, default_value_t = 60_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) arrivals: u32,
    /// Equal seeds give equal sales
    #[arg(long, default_value_t = 11, value_name = "N")]
    pub(crate) seed: u64,
}

impl Cli {
    /// What is logged unless PRICESTREAM_LOG says otherwise: hops are spans of level info, so that only a server has them.
    pub(crate) fn default_log(&self) -> &'static str {
        match self.command {
            Command::Up(_) => "warn,pricestream=info",
            _ => "error",
        }
    }
}
