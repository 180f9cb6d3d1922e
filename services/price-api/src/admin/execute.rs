use std::collections::BTreeMap;

use futures_util::stream::{StreamExt, iter};
use jiff::Timestamp;
use pricestream_domain::{Cause, Mode, Override, Product, RecordRev, Sku};
use pricestream_event_schema::{ProductChangedV1, RepriceRequestedV1, TraceContext, encode};
use pricestream_ports::{
    Bus, Clock, Conditional, Documents, Failure, ModeSetting, PortError, ProductRecord, PromotionsSetting, Records,
    RolloutSetting, Settings, SettingsRecord, chain, micros, publish_all,
};
use pricestream_promotion_engine::{Effect, RuleSet, Without};
use pricestream_repricing_engine::Strategies;
use pricestream_repricing_engine::rollout::Stage;
use serde_json::json;

use super::rollout;
use crate::desk::{Change, DeskError, DocumentProblem, Done};
use crate::problem::{Code, Problem};

/// How often a conditional write is tried anew when somebody else was faster.
const ATTEMPTS: usize = 5;

/// Longest name or note of an audit, in characters.
const MAX_AUDIT: usize = 256;

/// Why a change was not carried out. Of a catalogue, the lines before the failure are stored.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The catalogue has no such SKU.
    #[error("{0} is not in the catalogue: import it first")]
    UnknownSku(Sku),
    /// The strategies document has problems; the one in force stays.
    #[error("the strategies document has {} problems; the one in force stays", .0.len())]
    Strategies(Vec<DocumentProblem>),
    /// There were no settings of that number.
    #[error("there were no settings {0}: GET /v1/admin/strategies/versions")]
    UnknownVersion(u64),
    /// Nothing is on trial.
    #[error("nothing is on trial: give a candidate")]
    NoRollout,
    /// The rollout cannot go there.
    #[error("{0}")]
    Rollout(String),
    /// The rule set has problems; the one in force stays.
    #[error("the rule set has {} problems; the one in force stays", .0.len())]
    RuleSet(Vec<DocumentProblem>),
    /// There is no such component.
    #[error("there is no component {0:?}: {all}", all = Effect::NAMES.join(", "))]
    NoComponent(String),
    /// No strategies document was published, so there is nothing that a mode could govern.
    #[error("no strategies document was published yet: PUT /v1/admin/strategies first")]
    NoSettings,
    /// The override cannot be set.
    #[error("{0}")]
    Override(String),
    /// The SKU has no override in force.
    #[error("no override of {0} is in force")]
    NoOverride(Sku),
    /// It does not say who, or says too much.
    #[error("{0}")]
    Unsigned(String),
    /// Somebody else was faster, each time.
    #[error("{0} is written by too many at once: try again")]
    Contended(&'static str),
    /// The store or the bus failed.
    #[error("it could not be stored")]
    Failed(#[from] Failure),
}

impl From<PortError> for AdminError {
    fn from(error: PortError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<AdminError> for DeskError {
    fn from(error: AdminError) -> Self {
        let code = match &error {
            AdminError::Failed(failure) => return Self::Failed(chain(failure)),
            AdminError::UnknownSku(_) => Code::UnknownSku,
            AdminError::Strategies(_) => Code::BadStrategies,
            AdminError::RuleSet(_) => Code::BadRuleSet,
            AdminError::UnknownVersion(_) => Code::UnknownVersion,
            AdminError::NoRollout => Code::NoRollout,
            AdminError::Rollout(_) => Code::BadRollout,
            AdminError::NoComponent(_) => Code::BadSwitch,
            AdminError::NoSettings => Code::NoSettings,
            AdminError::Override(_) => Code::BadOverride,
            AdminError::NoOverride(_) => Code::NoOverride,
            AdminError::Unsigned(_) => Code::Unsigned,
            AdminError::Contended(_) => Code::Contended,
        };
        let problem = Problem::new(code, error.to_string());
        Self::Refused(match error {
            AdminError::Strategies(errors) | AdminError::RuleSet(errors) => problem.with("errors", json!(errors)),
            AdminError::UnknownSku(sku) | AdminError::NoOverride(sku) => problem.with("sku", sku.as_str()),
            _ => problem,
        })
    }
}

/// Carries out `change`. Doing it twice changes nothing the second time. When [`Done::needs_reconcile`], the caller
/// runs the reconciler next, which has every SKU that is touched priced anew.
pub async fn execute(
    change: Change,
    records: &impl Records,
    documents: &impl Documents,
    bus: &impl Bus,
    settings: &impl Settings,
    clock: &impl Clock,
) -> Result<Done, AdminError> {
    match change {
        Change::ImportCatalogue(products) => import(products, records, bus).await,
        Change::Retire { sku } => retire(sku, records, bus).await,
        Change::PublishStrategies { text, by, note } => {
            signed(&by, &note)?;
            readable(&text)?;
            let now = micros(clock.now());
            publish(documents, settings, clock.now(), |stored| {
                let first = || {
                    let mode = ModeSetting { mode: Mode::default(), by: by.clone(), note: String::new(), at: now };
                    SettingsRecord { strategies_note: note.clone(), ..SettingsRecord::first(mode, text.clone(), by.clone()) }
                };
                Ok(stored.map_or_else(first, |stored| stored.clone().with_strategies(&text, &by, &note, now)))
            })
            .await
        }
        Change::RollOut(step) => {
            signed(&step.by, &step.note)?;
            rollout::check(&step)?;
            let now = micros(clock.now());
            publish(documents, settings, clock.now(), |stored| rollout::next(stored.ok_or(AdminError::NoSettings)?, &step, now))
                .await
        }
        Change::RollBack { to, by, note } => {
            signed(&by, &note)?;
            let earlier = documents.settings_at(to).await?.ok_or(AdminError::UnknownVersion(to))?;
            // One of long ago may say what this program does not know any more.
            readable(&earlier.strategies)?;
            let now = micros(clock.now());
            publish(documents, settings, clock.now(), |stored| {
                let stored = stored.ok_or(AdminError::NoSettings)?.clone();
                let number = stored.rev + 1;
                let back = stored.with_strategies(&earlier.strategies, &by, &note, now);
                // Of a rollout that this ends it stays known who ended it.
                let ended = back.rollout.map(|rollout| match rollout.stage {
                    Stage::Stopped(_) => rollout,
                    _ => {
                        let stage = Stage::Stopped(format!("rolled back to settings {to}"));
                        RolloutSetting { number, stage, by: by.clone(), note: note.clone(), at: now, ..rollout }
                    }
                });
                Ok(SettingsRecord { rollout: ended, ..back })
            })
            .await
        }
        Change::PublishPromotions { text, by } => {
            signed(&by, "")?;
            let problem = |found: pricestream_documents::Problem| DocumentProblem { path: found.path, message: found.message };
            RuleSet::from_json(&text).map_err(|problems| AdminError::RuleSet(problems.into_iter().map(problem).collect()))?;
            publish(documents, settings, clock.now(), |stored| {
                let stored = stored.ok_or(AdminError::NoSettings)?;
                let promotions =
                    PromotionsSetting { rule_set: Some(text.clone()), published_by: by.clone(), ..stored.promotions.clone() };
                Ok(SettingsRecord { promotions, ..stored.clone() })
            })
            .await
        }
        Change::SwitchPromotions { on, components_off, by, note } => {
            signed(&by, &note)?;
            if let Some(unknown) = components_off.iter().find(|name| !Effect::NAMES.contains(&name.as_str())) {
                return Err(AdminError::NoComponent(unknown.clone()));
            }
            publish(documents, settings, clock.now(), |stored| {
                let stored = stored.ok_or(AdminError::NoSettings)?;
                let was = &stored.promotions;
                let same = (was.on, &was.without.components, &was.switched_by, &was.note) == (on, &components_off, &by, &note);
                let at = if same { was.at } else { micros(clock.now()) };
                let without = Without { components: components_off.clone(), ..was.without.clone() };
                let promotions =
                    PromotionsSetting { on, switched_by: by.clone(), note: note.clone(), at, without, ..was.clone() };
                Ok(SettingsRecord { promotions, ..stored.clone() })
            })
            .await
        }
        Change::SetMode { mode, by, note } => {
            signed(&by, &note)?;
            publish(documents, settings, clock.now(), |stored| {
                let stored = stored.ok_or(AdminError::NoSettings)?;
                let same = (&stored.mode.by, &stored.mode.note, stored.mode.mode) == (&by, &note, mode);
                let at = if same { stored.mode.at } else { clock.now() };
                let mode = ModeSetting { mode, by: by.clone(), note: note.clone(), at };
                Ok(SettingsRecord { mode, ..stored.clone() })
            })
            .await
        }
        Change::SetOverride { sku, override_ } => {
            signed(&override_.by, &override_.note)?;
            let product = product(records, &sku).await?;
            let now = clock.now();
            // To the microsecond, as records hold it.
            let override_ = Override { expires_at: micros(override_.expires_at), ..override_ };
            check(&override_, &product.product, now)?;
            put_override(sku, &override_, now, records, bus).await
        }
        Change::LiftOverride { sku, by, note } => {
            signed(&by, &note)?;
            let now = clock.now();
            product(records, &sku).await?;
            let stored = records.inputs(&sku).await?.override_.filter(|stored| stored.expires_at > now);
            let Some(stored) = stored else {
                return Err(AdminError::NoOverride(sku));
            };
            // Kept as one that ends now: the decision that it leads to then shows who lifted it.
            let lifted = Override { expires_at: now, by, note, ..stored };
            put_override(sku, &lifted, now, records, bus).await
        }
    }
}

/// Whether `text` is a strategies document without a problem.
pub(super) fn readable(text: &str) -> Result<(), AdminError> {
    let problem = |found: pricestream_documents::Problem| DocumentProblem { path: found.path, message: found.message };
    let checked = Strategies::from_json(text).map(drop);
    checked.map_err(|problems| AdminError::Strategies(problems.into_iter().map(problem).collect()))
}

/// SKUs that are stored beside each other.
const AT_A_TIME: usize = 16;

/// Lines of one SKU in their order, SKUs beside each other.
async fn import(products: Vec<Product>, records: &impl Records, bus: &impl Bus) -> Result<Done, AdminError> {
    let mut by_sku: BTreeMap<Sku, Vec<Product>> = BTreeMap::new();
    for product in products {
        by_sku.entry(product.sku.clone()).or_default().push(product);
    }
    let work: Vec<_> = by_sku
        .into_values()
        .map(|lines| async move {
            let (mut changed, mut unchanged) = (0, 0);
            for product in lines {
                if put_product(product, records, bus).await? { changed += 1 } else { unchanged += 1 }
            }
            Ok::<_, AdminError>((changed, unchanged))
        })
        .collect();
    let (mut changed, mut unchanged) = (0, 0);
    let mut done = iter(work).buffer_unordered(AT_A_TIME);
    while let Some(of_sku) = done.next().await {
        let (of_changed, of_unchanged) = of_sku?;
        changed += of_changed;
        unchanged += of_unchanged;
    }
    Ok(Done::Imported { changed, unchanged })
}

async fn retire(sku: Sku, records: &impl Records, bus: &impl Bus) -> Result<Done, AdminError> {
    let stored = product(records, &sku).await?;
    import(vec![Product { retired: true, ..stored.product.clone() }], records, bus).await
}

/// Stores one line and announces it; false when it was there already.
async fn put_product(product: Product, records: &impl Records, bus: &impl Bus) -> Result<bool, AdminError> {
    let mut tried = false;
    for _ in 0..ATTEMPTS {
        let stored = records.product(&product.sku).await?;
        let record = match stored {
            // After a try of ours it may be ours, whose answer was lost: then nobody has heard of it.
            Some(stored) if stored.product == product && tried => stored.as_ref().clone(),
            Some(stored) if stored.product == product => return Ok(false),
            stored => {
                let record = ProductRecord::new(product.clone(), stored.map_or(0, |stored| stored.rev) + 1);
                tried = true;
                if records.put_product(&record).await? == Conditional::Superseded {
                    continue;
                }
                record
            }
        };
        let event = ProductChangedV1 { sku: product.sku, product_rev: record.rev, retired: product.retired };
        let trace = TraceContext::root(&pricestream_event_schema::Event::id(&event));
        publish_all(bus, vec![encode(&event, &trace)]).await?;
        return Ok(true);
    }
    Err(AdminError::Contended("the catalogue line"))
}

async fn product(records: &impl Records, sku: &Sku) -> Result<std::sync::Arc<ProductRecord>, AdminError> {
    records.product(sku).await?.ok_or_else(|| AdminError::UnknownSku(sku.clone()))
}

/// Publishes what `next` makes of the stored settings, under the number after theirs, and puts it in force here.
async fn publish(
    documents: &impl Documents,
    settings: &impl Settings,
    now: Timestamp,
    next: impl Fn(Option<&SettingsRecord>) -> Result<SettingsRecord, AdminError> + Send,
) -> Result<Done, AdminError> {
    for _ in 0..ATTEMPTS {
        let stored = documents.settings().await?;
        let rev = stored.as_ref().map_or(0, |stored| stored.rev);
        let record = SettingsRecord { rev, ..next(stored.as_ref())? };
        let changed = stored.as_ref() != Some(&record);
        if !changed {
            return Ok(Done::Settings { rev, changed });
        }
        let record = SettingsRecord { rev: rev + 1, ..record };
        if documents.put_settings(&record).await? == Conditional::Written {
            settings.refresh(now).await?;
            return Ok(Done::Settings { rev: record.rev, changed });
        }
    }
    Err(AdminError::Contended("the settings record"))
}

fn check(override_: &Override, product: &Product, now: Timestamp) -> Result<(), AdminError> {
    let refuse = |why: String| Err(AdminError::Override(why));
    let (price, list_price) = (override_.price, product.list_price);
    if price.currency != list_price.currency {
        return refuse(format!("the price is in {}, the SKU's list price in {}", price.currency, list_price.currency));
    }
    if price.minor <= 0 {
        return refuse(format!("the price must be above zero, not {price}"));
    }
    if override_.expires_at <= now {
        return refuse(format!("expires_at {} is not after now, {now}", override_.expires_at));
    }
    if product.retired {
        return refuse(format!("{} is no longer sold", product.sku));
    }
    Ok(())
}

/// Stores an override, expired or not, and has the SKU priced anew.
async fn put_override(
    sku: Sku,
    override_: &Override,
    now: Timestamp,
    records: &impl Records,
    bus: &impl Bus,
) -> Result<Done, AdminError> {
    records.put_override(&sku, Some(override_)).await?;
    let record_rev = records.price(&sku).await?.map_or(RecordRev(0), |record| record.record_rev);
    let event = RepriceRequestedV1 { sku: sku.clone(), cause: Cause::Override, record_rev, requested_at: now };
    let trace = TraceContext::root(&format!("{sku}/{record_rev}/override/{now}"));
    publish_all(bus, vec![encode(&event, &trace)]).await?;
    Ok(Done::Override { sku })
}

fn signed(by: &str, note: &str) -> Result<(), AdminError> {
    if by.trim().is_empty() {
        return Err(AdminError::Unsigned("say who does this, in `by`: the audit shows it".to_owned()));
    }
    match [("by", by), ("note", note)].into_iter().find(|(_, text)| text.chars().nth(MAX_AUDIT).is_some()) {
        Some((field, _)) => Err(AdminError::Unsigned(format!("{field} is longer than {MAX_AUDIT} characters"))),
        None => Ok(()),
    }
}
