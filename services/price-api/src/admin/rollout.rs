use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use jiff::Timestamp;
use pricestream_documents::ContentHash;
use pricestream_domain::Sku;
use pricestream_ports::{PortError, RecordReads, RolloutSetting, SettingsRecord, SettingsSnapshot};
use pricestream_repricing_engine::rollout::{Breach, Stage, StopRules, Tally};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::execute::{AdminError, readable};
use super::routes::{STORES, command, settings};
use crate::api::World;
use crate::desk::{Change, Done, NextStage, RollOut};
use crate::extract::JsonOf;
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

pub(super) fn routes<W: World>(routes: &mut Routes<W>) {
    let admin = |summary| Operation::new("admin", summary);
    let operation =
        admin("The rollout of strategies: its stage, and what it did to prices and takings so far. It may take a while")
            .answers::<RolloutView>(200, "How it stands")
            .fails(&[Code::NoRollout, Code::NoSettings, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/strategies/rollout", show::<W>, operation);
    let operation = admin("Puts strategies on trial, or moves those that are on trial to another stage")
        .reads::<Asked>()
        .answers::<Done>(200, "The stage is in force, and every SKU that it concerns is being priced")
        .fails(&[Code::BadStrategies, Code::BadRollout, Code::NoRollout, Code::NoSettings, Code::Unsigned])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/strategies/rollout", put::<W>, operation);
}

/// Whether the step can be taken at all.
pub(super) fn check(step: &RollOut) -> Result<(), AdminError> {
    if let NextStage::Canary(percent) = step.stage
        && !(1..=99).contains(&percent)
    {
        return Err(AdminError::Rollout(format!(
            "a canary of {percent} % is outside 1..=99: shadow is none of the SKUs, full all of them"
        )));
    }
    if let Some(problem) = step.stop.iter().flat_map(|rules| rules.problems("stop")).next() {
        return Err(AdminError::Rollout(problem.to_string()));
    }
    if step.candidate.is_some() && step.stage == NextStage::Stopped {
        return Err(AdminError::Rollout("what is stopped is what is on trial: give no candidate".to_owned()));
    }
    step.candidate.as_deref().map_or(Ok(()), readable)
}

/// The settings after the step.
pub(super) fn next(stored: &SettingsRecord, step: &RollOut, now: Timestamp) -> Result<SettingsRecord, AdminError> {
    let before = stored.rollout.as_ref();
    let candidate = step.candidate.as_ref().or_else(|| before.map(|setting| &setting.candidate)).ok_or(AdminError::NoRollout)?;
    // White space and the order of fields make no other document.
    let content = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    if step.candidate.is_some() && content(candidate) == content(&stored.strategies) {
        return Err(AdminError::Rollout("the candidate is in force already".to_owned()));
    }
    if let (None, Some(RolloutSetting { stage: Stage::Stopped(why), .. }), NextStage::Full | NextStage::Canary(_)) =
        (&step.candidate, before, step.stage)
    {
        return Err(AdminError::Rollout(format!("it was stopped ({why}): give the candidate again, or begin anew in shadow")));
    }
    if step.candidate.is_none() && step.stage != NextStage::Stopped {
        // A newer program may have stored what this one cannot read.
        readable(candidate)?;
    }
    let stage = match step.stage {
        NextStage::Full => return Ok(stored.clone().with_strategies(candidate, &step.by, &step.note, now)),
        NextStage::Shadow => Stage::Shadow,
        NextStage::Canary(percent) => Stage::Canary(percent),
        NextStage::Stopped => Stage::Stopped("by a person".to_owned()),
    };
    // Rules are those of one candidate.
    let before = before.filter(|setting| setting.candidate == *candidate);
    let rules = step.stop.clone().or_else(|| before.map(|setting| setting.rules.clone())).unwrap_or_default();
    let setting = match before.filter(|setting| setting.stage == stage) {
        Some(setting) if setting.rules == rules => setting.clone(),
        // What was counted goes on counting, unless prices were left out by another rule.
        Some(setting) if setting.rules.most_apart_bp == rules.most_apart_bp => RolloutSetting { rules, ..setting.clone() },
        _ => RolloutSetting {
            candidate: Arc::clone(candidate),
            number: stored.rev + 1,
            stage,
            rules,
            by: step.by.clone(),
            note: step.note.clone(),
            at: now,
        },
    };
    Ok(SettingsRecord { rollout: Some(setting), ..stored.clone() })
}

/// Where a rollout shall go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RolloutAsked")]
struct Asked {
    /// The strategies document to put on trial; that which is on trial when absent.
    #[schemars(with = "Option<serde_json::Value>")]
    candidate: Option<Box<RawValue>>,
    /// `"shadow"`, `{"canary": 10}` (percent of the SKUs), `"full"` or `"stopped"`.
    stage: NextStage,
    /// When it stops by itself; as before, or the usual rules, when absent.
    stop: Option<StopRules>,
    /// Who, for the audit.
    by: String,
    /// Why, for the audit.
    #[serde(default)]
    note: String,
}

async fn put<W: World>(
    State(api): ApiState<W>,
    JsonOf(Asked { candidate, stage, stop, by, note }): JsonOf<Asked>,
) -> Result<Json<Done>, Problem> {
    let candidate = candidate.map(|document| Arc::from(document.get()));
    command(&api, Change::RollOut(RollOut { candidate, stage, stop, by, note })).await.map(Json)
}

/// How a rollout stands.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Rollout")]
pub struct RolloutView {
    /// How far it is.
    stage: Stage,
    /// Who began the stage.
    by: String,
    /// Why.
    note: String,
    /// When.
    at: Timestamp,
    /// The number of the settings that it began with.
    settings_rev: u64,
    /// Of the candidate's text, in hex.
    candidate_hash: String,
    /// When it stops by itself.
    stop: StopRules,
    /// SKUs for which the candidate says something else than the strategies in force, and that were decided in this stage.
    skus: u64,
    /// SKUs of that kind that are still to be decided.
    pending: u64,
    /// How far the candidate's prices lie from those in force, on average, in hundredths of a percent.
    mean_apart_bp: Option<f64>,
    /// SKUs whose candidate price is refused or too far from that in force.
    breaches: u64,
    /// Some of them.
    in_breach: Vec<InBreach>,
    /// Canary against the rest, by currency.
    takings: Vec<Takings>,
    /// Why the stop rules will end it; absent: they will not.
    #[serde(skip_serializing_if = "Option::is_none")]
    harm: Option<String>,
    /// SKUs of the catalogue that were looked at.
    looked_at: usize,
    /// All of them were; false: there was no time for more, and the rest is not counted here.
    finished: bool,
}

/// A SKU whose candidate price is not used.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct InBreach {
    /// Which.
    sku: Sku,
    /// Why.
    breach: Breach,
    /// How far the candidate's price lies from that in force, in hundredths of a percent; absent where there is none.
    apart_bp: Option<i64>,
}

/// Canary against the rest.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Takings {
    /// Of both.
    currency: String,
    /// What the candidate priced.
    canary: Side,
    /// What it did not.
    control: Side,
    /// The canary's share less the other's, in points.
    difference: f64,
    /// Its standard error if both sides do alike, in points.
    standard_error: f64,
    /// The stop rules judge by it: enough SKUs have sold.
    judged: bool,
}

/// What one side did.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "RolloutSide")]
struct Side {
    /// SKUs.
    skus: u64,
    /// Those that sold something.
    selling: u64,
    /// Units sold.
    units: u64,
    /// What was taken, in percent of what the goods were worth at list price when the stage began.
    taken_percent: f64,
}

/// How long SKUs are looked at: a function on AWS has ten seconds.
const LONGEST: Duration = Duration::from_secs(5);

/// SKUs in breach that are shown.
const SHOWN: usize = 20;

impl RolloutView {
    /// How the rollout of `stored` stands; `None`: there is none. Reads the records of every SKU, for some seconds at most, and
    /// waits for `pause` in between: others may want the thread too.
    pub async fn of<P: Future<Output = ()> + Send>(
        stored: &SettingsRecord,
        records: &impl RecordReads,
        pause: impl Fn() -> P + Send + Sync,
    ) -> Result<Option<Self>, PortError> {
        let Some(setting) = &stored.rollout else { return Ok(None) };
        let (settings, _) = SettingsSnapshot::of(stored, &SettingsSnapshot::frozen());
        let mut tally = Tally::of_stage(setting.number);
        let (mut in_breach, mut looked_at, mut after, mut finished) = (Vec::new(), 0, None, settings.rollout.is_none());
        let began = Instant::now();
        while !finished && began.elapsed() < LONGEST {
            let page = records.page(after.as_ref(), 500).await?;
            for state in &page {
                let breaches = tally.breaches;
                state.tally(&settings, &mut tally);
                if tally.breaches > breaches
                    && in_breach.len() < SHOWN
                    && let Some(account) = state.price.as_ref().and_then(|record| record.trial.as_deref())
                    && let Some(breach) = account.breach
                {
                    in_breach.push(InBreach { sku: state.sku.clone(), breach, apart_bp: account.apart_bp });
                }
            }
            looked_at += page.len();
            finished = page.is_empty();
            after = page.last().map(|last| last.sku.clone());
            pause().await;
        }
        Ok(Some(Self {
            stage: setting.stage.clone(),
            by: setting.by.clone(),
            note: setting.note.clone(),
            at: setting.at,
            settings_rev: setting.number,
            candidate_hash: ContentHash::of(setting.candidate.as_bytes()).to_string(),
            stop: setting.rules.clone(),
            skus: tally.skus,
            pending: tally.pending,
            mean_apart_bp: tally.mean_apart_bp().map(|mean| (mean * 10.0).round() / 10.0),
            breaches: tally.breaches,
            in_breach,
            takings: takings(&tally, &setting.rules),
            // A part is not judged.
            harm: settings.rollout.as_ref().filter(|_| finished).and_then(|_| tally.harm(&setting.rules)),
            looked_at,
            finished,
        }))
    }
}

fn takings(tally: &Tally, rules: &StopRules) -> Vec<Takings> {
    let percent = |share: f64| (share * 10_000.0).round() / 100.0;
    let of = |comparison: pricestream_repricing_engine::rollout::Comparison| {
        let side = |arm: usize| Side {
            skus: comparison.skus[arm],
            selling: comparison.selling[arm],
            units: comparison.units[arm],
            taken_percent: percent(comparison.share[arm]),
        };
        Takings {
            currency: comparison.currency.to_string(),
            canary: side(0),
            control: side(1),
            difference: percent(comparison.difference),
            standard_error: percent(comparison.standard_error),
            judged: comparison.is_judged(rules),
        }
    };
    tally.comparisons().map(of).collect()
}

async fn show<W: World>(State(api): ApiState<W>) -> Result<Json<RolloutView>, Problem> {
    let stored = settings(&api).await?;
    let view = RolloutView::of(&stored, &*api.records, tokio::task::yield_now).await?;
    let none = || Problem::new(Code::NoRollout, "put strategies on trial by PUT /v1/admin/strategies/rollout");
    view.map(Json).ok_or_else(none)
}
