use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use pricestream_domain::{Mode, Money, Override, Product, Sku};
use pricestream_event_schema::LowStockV1;
use pricestream_ports::{Documents, RecordReads, SettingsRecord};
use pricestream_promotion_engine::{Document, Findings, RuleSet, findings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::catalogue::{CatalogueLines, LineProblem, catalogue_lines};
use super::{rollout, versions};
use crate::api::{Api, World};
use crate::desk::{Change, Command, Desk, DocumentProblem, Done};
use crate::extract::{JsonBytes, JsonOf, PathSku, QueryOf, bounded};
use crate::ledger::{DeadLetterView, Ledger, StoreStatus, Verification};
use crate::openapi::Operation;
use crate::prices::unknown;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

/// What may go wrong with whatever is stored.
pub(super) const STORES: [Code; 3] = [Code::Busy, Code::NotStored, Code::Contended];

pub(crate) fn routes<W: World>(routes: &mut Routes<W>) {
    let admin = |summary| Operation::new("admin", summary);
    let operation = admin("Imports catalogue lines: the good ones are stored, of the others all problems are told")
        .reads_lines::<Product>()
        .answers::<Imported>(200, "How many were stored, and what is wrong with the rest")
        .fails(&[Code::BadProduct])
        .fails(&STORES);
    routes.add(&Method::POST, "/v1/admin/catalogue", import::<W>, operation);
    let operation =
        admin("A catalogue line").answers::<ProductView>(200, "The line").fails(&[Code::UnknownSku, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/catalogue/{sku}", product::<W>, operation);
    let operation = admin("Takes a SKU off sale: its price is withdrawn")
        .answers::<Done>(200, "It is retired")
        .fails(&[Code::UnknownSku])
        .fails(&STORES);
    routes.add(&Method::DELETE, "/v1/admin/catalogue/{sku}", retire::<W>, operation);

    let operation = admin("The strategies document in force, as it was published")
        .answers_any(200, "The document; the header `pricestream-settings-rev` has its number", "application/json")
        .fails(&[Code::NoSettings, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/strategies", strategies::<W>, operation);
    let operation = admin("Puts a strategies document in force, or says everything that is wrong with it")
        .query::<By>()
        .reads::<serde_json::Value>()
        .answers::<Done>(200, "It is in force, and every SKU that it touches is being priced")
        .fails(&[Code::BadStrategies, Code::Unsigned])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/strategies", put_strategies::<W>, operation);
    rollout::routes(routes);
    versions::routes(routes);
    let operation = admin("The rule set of promotions in force, as it was published")
        .answers_any(200, "The document; the header `pricestream-settings-rev` has its number", "application/json")
        .fails(&[Code::NoSettings, Code::NoRuleSet, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/promotions", promotions::<W>, operation);
    let operation = admin("Puts a rule set of promotions in force, or says everything that is wrong with it")
        .query::<By>()
        .reads::<serde_json::Value>()
        .answers::<Done>(200, "It is in force, and every SKU that it touches is being priced")
        .fails(&[Code::BadRuleSet, Code::Unsigned, Code::NoSettings])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/promotions", put_promotions::<W>, operation);
    let operation = admin("What is wrong with a rule set, and what is suspicious, over the catalogue; nothing is published")
        .reads::<serde_json::Value>()
        .answers::<Checked>(200, "Problems, which keep it from being published, and findings, which do not")
        .fails(&[Code::Unavailable]);
    routes.add(&Method::POST, "/v1/admin/promotions:check", check_promotions::<W>, operation);
    let operation = admin("The switch of promotions")
        .answers::<SwitchView>(200, "Its position")
        .fails(&[Code::NoSettings, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/promotions/switch", switch::<W>, operation);
    let operation = admin("Switches promotions on or off, or some components of them")
        .reads::<SwitchAsked>()
        .answers::<Done>(200, "It is switched, and every SKU that a promotion concerns is being priced")
        .fails(&[Code::NoSettings, Code::Unsigned, Code::BadSwitch])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/promotions/switch", put_switch::<W>, operation);
    let operation =
        admin("The kill switch").answers::<ModeView>(200, "Its position").fails(&[Code::NoSettings, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/mode", mode::<W>, operation);
    let operation = admin("Turns the kill switch")
        .reads::<ModeAsked>()
        .answers::<Done>(200, "It is turned, and every price is being worked out anew")
        .fails(&[Code::NoSettings, Code::Unsigned])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/mode", put_mode::<W>, operation);

    let operation = admin("Sets a person's price")
        .reads::<OverrideAsked>()
        .answers::<Done>(200, "It is set, and the SKU is being priced")
        .fails(&[Code::UnknownSku, Code::BadOverride, Code::Unsigned])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/overrides/{sku}", put_override::<W>, operation);
    let operation = admin("Lifts a person's price")
        .query::<By>()
        .answers::<Done>(200, "It is lifted, and the SKU is being priced")
        .fails(&[Code::UnknownSku, Code::NoOverride, Code::Unsigned])
        .fails(&STORES);
    routes.add(&Method::DELETE, "/v1/admin/overrides/{sku}", lift_override::<W>, operation);

    let operation = admin("Messages that no retry helped, and refused input; newest first")
        .query::<Page>()
        .answers::<DeadLetters>(200, "A page of them")
        .fails(&[Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/dead-letters", dead_letters::<W>, operation);
    let operation = admin("Puts a dead letter back into its queue")
        .answers::<Done>(200, "It is back")
        .fails(&[Code::UnknownDeadLetter])
        .fails(&STORES);
    routes.add(&Method::POST, "/v1/admin/dead-letters/{id}/redrive", redrive::<W>, operation);
    let operation =
        admin("Low-stock alerts, newest first").answers::<Alerts>(200, "Up to 500 of them").fails(&[Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/alerts", alerts::<W>, operation);
    let operation = admin("Looks at every SKU now: record against inputs, cache against record")
        .answers::<Done>(200, "What was found; it is being mended")
        .fails(&STORES);
    routes.add(&Method::POST, "/v1/admin/reconcile", reconcile::<W>, operation);
    let operation = admin("Takes every decision again; compares record, cache and history. It may take a while")
        .query::<After>()
        .answers::<Verification>(200, "What was found")
        .fails(&[Code::Unavailable]);
    routes.add(&Method::POST, "/v1/admin/verify", verify::<W>, operation);
    let operation = admin("How much there is of everything, and what is waiting")
        .answers::<Status>(200, "The status")
        .fails(&[Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/status", status::<W>, operation);
}

/// Who does something, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct By {
    /// Who, for the audit.
    by: String,
    /// Why, for the audit.
    #[serde(default)]
    note: String,
}

/// How an import ended.
#[derive(Default, Serialize, JsonSchema)]
struct Imported {
    /// Lines there were.
    received: usize,
    /// New or other than before; they are being priced.
    changed: usize,
    /// Equal to what was there.
    unchanged: usize,
    /// What is wrong with the rest, a line each.
    problems: Vec<LineProblem>,
}

/// Lines imported in one go: between two, changes of stock get their turn.
const CHUNK: usize = 500;

async fn import<W: World>(State(api): ApiState<W>, JsonBytes(body): JsonBytes) -> Result<Json<Imported>, Problem> {
    let CatalogueLines { mut products, problems } = catalogue_lines(&body);
    drop(body);
    if products.is_empty() {
        let text = "no line can be stored: see `errors`, mend them and send them again";
        return Err(Problem::new(Code::BadProduct, text).with("errors", json!(problems)));
    }
    let mut answer = Imported { received: products.len() + problems.len(), problems, ..Imported::default() };
    while !products.is_empty() {
        let rest = products.split_off(products.len().min(CHUNK));
        if let Done::Imported { changed, unchanged } = command(&api, Change::ImportCatalogue(products)).await? {
            answer.changed += changed;
            answer.unchanged += unchanged;
        }
        products = rest;
    }
    Ok(Json(answer))
}

/// A catalogue line as stored.
#[derive(Serialize, JsonSchema)]
struct ProductView {
    /// Counts its changes.
    rev: u64,
    /// The line.
    product: Product,
}

async fn product<W: World>(State(api): ApiState<W>, PathSku(sku): PathSku) -> Result<Json<ProductView>, Problem> {
    let record = api.records.product(&sku).await?.ok_or_else(|| unknown(&sku))?;
    Ok(Json(ProductView { rev: record.rev, product: record.product.clone() }))
}

async fn retire<W: World>(State(api): ApiState<W>, PathSku(sku): PathSku) -> Result<Json<Done>, Problem> {
    command(&api, Change::Retire { sku }).await.map(Json)
}

/// A document of the settings, with their number.
pub(super) fn as_published(text: &str, rev: u64) -> Response {
    let mut response = text.to_owned().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert("pricestream-settings-rev", HeaderValue::from(rev));
    response
}

async fn strategies<W: World>(State(api): ApiState<W>) -> Result<Response, Problem> {
    let settings = settings(&api).await?;
    Ok(as_published(&settings.strategies, settings.rev))
}

async fn put_strategies<W: World>(
    State(api): ApiState<W>,
    QueryOf(By { by, note }): QueryOf<By>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::PublishStrategies { text: text_of(&body)?.into(), by, note }).await.map(Json)
}

async fn promotions<W: World>(State(api): ApiState<W>) -> Result<Response, Problem> {
    let settings = settings(&api).await?;
    let none = || Problem::new(Code::NoRuleSet, "publish a rule set by PUT /v1/admin/promotions");
    Ok(as_published(&settings.promotions.rule_set.ok_or_else(none)?, settings.rev))
}

async fn put_promotions<W: World>(
    State(api): ApiState<W>,
    QueryOf(By { by, .. }): QueryOf<By>,
    JsonBytes(body): JsonBytes,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::PublishPromotions { text: text_of(&body)?.into(), by }).await.map(Json)
}

/// What was found in a rule set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RuleSetChecked")]
struct Checked {
    /// With any of these it cannot be published.
    problems: Vec<DocumentProblem>,
    /// With these it can; absent when it has problems.
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Findings>,
}

/// Catalogue lines that a rule set is checked over, at most.
const CHECKED_OVER: usize = 20_000;

async fn check_promotions<W: World>(State(api): ApiState<W>, JsonBytes(body): JsonBytes) -> Result<Json<Checked>, Problem> {
    let document = match Document::from_json(text_of(&body)?) {
        Ok(document) => document,
        Err(problems) => {
            let told = |found: pricestream_documents::Problem| DocumentProblem { path: found.path, message: found.message };
            return Ok(Json(Checked { problems: problems.into_iter().map(told).collect(), findings: None }));
        }
    };
    let mut products: Vec<Product> = Vec::new();
    let mut after = None;
    while products.len() < CHECKED_OVER {
        let page = api.records.page(after.as_ref(), 500).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.sku.clone());
        let sold = page.iter().filter_map(|state| state.inputs.product.as_ref()).filter(|record| !record.product.retired);
        products.extend(sold.map(|record| record.product.clone()));
    }
    // It takes a while: not on a thread that serves others.
    let checking = tokio::task::spawn_blocking(move || {
        let rules = RuleSet::compile(&document);
        findings(&document, &rules, Some(&products))
    });
    let findings = checking.await.map_err(|error| pricestream_ports::PortError::unavailable("check", error))?;
    Ok(Json(Checked { problems: Vec::new(), findings: Some(findings) }))
}

/// The switch of promotions, with its audit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PromotionsSwitch")]
struct SwitchView {
    /// They apply.
    on: bool,
    /// Who switched; empty before anybody did.
    by: String,
    /// Why.
    note: String,
    /// When.
    at: Timestamp,
    /// Who published the rule set; empty before anybody did.
    published_by: String,
    /// Components that are switched off.
    components_off: BTreeSet<String>,
    /// Promotions that have nothing left of their limits.
    used_up: Vec<String>,
    /// The number of the settings.
    settings_rev: u64,
}

async fn switch<W: World>(State(api): ApiState<W>) -> Result<Json<SwitchView>, Problem> {
    let SettingsRecord { rev, promotions, .. } = settings(&api).await?;
    Ok(Json(SwitchView {
        on: promotions.on,
        by: promotions.switched_by,
        note: promotions.note,
        at: promotions.at,
        published_by: promotions.published_by,
        components_off: promotions.without.components,
        used_up: promotions.without.used_up.iter().map(ToString::to_string).collect(),
        settings_rev: rev,
    }))
}

/// Whether promotions shall apply.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PromotionsSwitchAsked")]
struct SwitchAsked {
    /// They shall.
    on: bool,
    /// Components that shall not; none when absent.
    #[serde(default)]
    components_off: BTreeSet<String>,
    /// Who, for the audit.
    by: String,
    /// Why, for the audit.
    #[serde(default)]
    note: String,
}

async fn put_switch<W: World>(
    State(api): ApiState<W>,
    JsonOf(SwitchAsked { on, components_off, by, note }): JsonOf<SwitchAsked>,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::SwitchPromotions { on, components_off, by, note }).await.map(Json)
}

fn text_of(body: &[u8]) -> Result<&str, Problem> {
    str::from_utf8(body)
        .map_err(|error| Problem::new(Code::BadBody, format!("the document is not UTF-8 at byte {}", error.valid_up_to())))
}

/// The kill switch, with its audit.
#[derive(Serialize, JsonSchema)]
struct ModeView {
    /// What is on.
    mode: Mode,
    /// Who switched.
    by: String,
    /// Why.
    note: String,
    /// When.
    at: Timestamp,
    /// The number of the settings.
    settings_rev: u64,
}

async fn mode<W: World>(State(api): ApiState<W>) -> Result<Json<ModeView>, Problem> {
    let SettingsRecord { rev, mode, .. } = settings(&api).await?;
    Ok(Json(ModeView { mode: mode.mode, by: mode.by, note: mode.note, at: mode.at, settings_rev: rev }))
}

/// Where the kill switch shall stand.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ModeAsked {
    /// What shall be on.
    mode: Mode,
    /// Who, for the audit.
    by: String,
    /// Why, for the audit.
    #[serde(default)]
    note: String,
}

async fn put_mode<W: World>(
    State(api): ApiState<W>,
    JsonOf(ModeAsked { mode, by, note }): JsonOf<ModeAsked>,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::SetMode { mode, by, note }).await.map(Json)
}

/// A person's price.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OverrideAsked {
    /// The price; hard guardrails bind it.
    price: Money,
    /// From this instant on the strategy rules again.
    expires_at: Timestamp,
    /// Who, for the audit.
    by: String,
    /// Why, for the audit.
    #[serde(default)]
    note: String,
}

async fn put_override<W: World>(
    State(api): ApiState<W>,
    PathSku(sku): PathSku,
    JsonOf(OverrideAsked { price, expires_at, by, note }): JsonOf<OverrideAsked>,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::SetOverride { sku, override_: Override { price, expires_at, by, note } }).await.map(Json)
}

async fn lift_override<W: World>(
    State(api): ApiState<W>,
    PathSku(sku): PathSku,
    QueryOf(By { by, note }): QueryOf<By>,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::LiftOverride { sku, by, note }).await.map(Json)
}

/// Which dead letters are asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeadLettersAsked")]
struct Page {
    /// Those before this number: the `next` of the page before.
    before: Option<i64>,
    /// At most so many: 1 to 500, 50 when absent.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
}

/// A page of dead letters.
#[derive(Serialize, JsonSchema)]
struct DeadLetters {
    /// Newest first.
    dead_letters: Vec<DeadLetterView>,
    /// `before` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

async fn dead_letters<W: World>(
    State(api): ApiState<W>,
    QueryOf(Page { before, limit }): QueryOf<Page>,
) -> Result<Json<DeadLetters>, Problem> {
    let most = bounded("limit", limit.unwrap_or(50), 1..=500)?;
    let dead_letters = api.ledger.dead_letters(before, most).await?;
    let next = dead_letters.last().filter(|_| dead_letters.len() == most).map(|oldest| oldest.id);
    Ok(Json(DeadLetters { dead_letters, next }))
}

async fn redrive<W: World>(State(api): ApiState<W>, path: RawPathParams) -> Result<Json<Done>, Problem> {
    let text = path.iter().next().map_or("", |(_, value)| value);
    let unknown = || Problem::new(Code::UnknownDeadLetter, format!("{text:?} is no dead letter: GET /v1/admin/dead-letters"));
    let id = text.parse().map_err(|_| unknown())?;
    Ok(Json(api.desk.command(Command::Redrive { id }).await?))
}

/// Low-stock alerts.
#[derive(Serialize, JsonSchema)]
struct Alerts {
    /// Newest first.
    alerts: Vec<LowStockV1>,
}

async fn alerts<W: World>(State(api): ApiState<W>) -> Result<Json<Alerts>, Problem> {
    Ok(Json(Alerts { alerts: api.ledger.alerts(500).await? }))
}

async fn reconcile<W: World>(State(api): ApiState<W>) -> Result<Json<Done>, Problem> {
    Ok(Json(api.desk.command(Command::Reconcile).await?))
}

/// Where a verification goes on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VerificationAsked")]
struct After {
    /// The `next` of the answer before.
    after: Option<Sku>,
}

async fn verify<W: World>(
    State(api): ApiState<W>,
    QueryOf(After { after }): QueryOf<After>,
) -> Result<Json<Verification>, Problem> {
    Ok(Json(api.ledger.verify(after).await?))
}

/// How the service stands.
#[derive(Serialize, JsonSchema)]
struct Status {
    /// The cache is warm.
    ready: bool,
    /// The time that prices are a function of.
    now: Timestamp,
    /// The kill switch; absent before the first settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    /// The number of the settings; 0 before the first.
    settings_rev: u64,
    /// Open streams.
    streams: usize,
    /// Stock commit to cached price, since the start.
    freshness: Freshness,
    #[serde(flatten)]
    store: StoreStatus,
}

/// Milliseconds from stock commit to cached price.
#[derive(Serialize, JsonSchema)]
struct Freshness {
    /// How many were measured.
    count: u64,
    /// Median.
    p50_ms: f64,
    /// 99th percentile.
    p99_ms: f64,
    /// Largest.
    max_ms: f64,
}

async fn status<W: World>(State(api): ApiState<W>) -> Result<Json<Status>, Problem> {
    let store = api.ledger.status().await?;
    let settings = api.documents.settings().await?;
    let freshness = api.metrics.freshness.summary();
    Ok(Json(Status {
        ready: api.ready.load(Ordering::Acquire),
        now: api.clock.now(),
        mode: settings.as_ref().map(|settings| settings.mode.mode),
        settings_rev: settings.map_or(0, |settings| settings.rev),
        streams: api.hub.streams(),
        freshness: Freshness {
            count: freshness.count,
            p50_ms: freshness.p50_ms,
            p99_ms: freshness.p99_ms,
            max_ms: freshness.max_ms,
        },
        store,
    }))
}

pub(super) async fn settings<W: World>(api: &Arc<Api<W>>) -> Result<SettingsRecord, Problem> {
    let stored = api.documents.settings().await?;
    stored.ok_or_else(|| Problem::new(Code::NoSettings, "publish a strategies document by PUT /v1/admin/strategies"))
}

pub(super) async fn command<W: World>(api: &Arc<Api<W>>, change: Change) -> Result<Done, Problem> {
    Ok(api.desk.command(Command::Change(change)).await?)
}
