use axum::Json;
use axum::extract::{RawPathParams, State};
use axum::http::Method;
use axum::response::Response;
use jiff::Timestamp;
use pricestream_ports::{Documents, PortError};
use pricestream_repricing_engine::rollout::Stage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::routes::{STORES, as_published, command};
use crate::api::World;
use crate::desk::{Change, Done};
use crate::extract::{JsonOf, QueryOf, bounded};
use crate::openapi::Operation;
use crate::problem::{Code, Problem};
use crate::routes::{ApiState, Routes};

pub(super) fn routes<W: World>(routes: &mut Routes<W>) {
    let admin = |summary| Operation::new("admin", summary);
    let operation = admin("The versions of the strategies, newest first: what was in force, what was on trial, who and why")
        .query::<Page>()
        .answers::<Versions>(200, "A page of them")
        .fails(&[Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/strategies/versions", list::<W>, operation);
    let operation = admin("The strategies document of earlier settings, as it was published")
        .answers_any(200, "The document; the header `pricestream-settings-rev` has its number", "application/json")
        .fails(&[Code::UnknownVersion, Code::Unavailable]);
    routes.add(&Method::GET, "/v1/admin/strategies/versions/{rev}", document::<W>, operation);
    let operation = admin("Puts the strategies document of earlier settings in force again; whatever is on trial is over")
        .reads::<BackAsked>()
        .answers::<Done>(200, "It is in force, and every SKU that it touches is being priced")
        .fails(&[Code::UnknownVersion, Code::BadStrategies, Code::Unsigned, Code::NoSettings])
        .fails(&STORES);
    routes.add(&Method::PUT, "/v1/admin/strategies/rollback", roll_back::<W>, operation);
}

/// Which versions are asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "VersionsAsked")]
struct Page {
    /// Those before these settings: the `next` of the page before.
    before: Option<u64>,
    /// At most so many settings are looked at: 1 to 500, 50 when absent.
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
}

/// A page of versions of the strategies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Versions {
    /// Newest first; what changed nothing about strategies is left out.
    pub versions: Vec<Version>,
    /// `before` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// What settings said of strategies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "StrategiesVersion")]
pub struct Version {
    /// The number of the settings that it began with: what `rollback` takes.
    pub settings_rev: u64,
    /// Of the document's text, in hex.
    pub strategies_hash: String,
    /// Who published it, or began the stage of its rollout.
    pub by: String,
    /// Why.
    pub note: String,
    /// When; absent where an older program wrote it.
    pub at: Option<Timestamp>,
    /// Of the candidate's text, in hex; absent where nothing was on trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate_hash: Option<String>,
    /// How far the rollout was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
}

/// A page of versions, of `most` settings before `before`.
pub async fn versions(documents: &impl Documents, before: Option<u64>, most: usize) -> Result<Versions, PortError> {
    // One more than is shown: a version is what differs from the settings before it.
    let found = documents.settings_before(before.unwrap_or(u64::MAX), most.saturating_add(1)).await?;
    let shown = &found[..found.len().min(most)];
    let differs = |place: usize| {
        let says = |place: usize| {
            found
                .get(place)
                .map(|version| (version.strategies, version.rollout.as_ref().map(|(hash, rollout)| (*hash, rollout.number))))
        };
        says(place) != says(place + 1)
    };
    let changed = shown.iter().enumerate().filter(|(place, _)| differs(*place));
    let versions = changed.map(|(_, version)| {
        let (by, note, at) = match &version.rollout {
            Some((_, stage)) if stage.number == version.rev => (&stage.by, &stage.note, stage.at),
            _ => (&version.by, &version.note, version.at),
        };
        Version {
            settings_rev: version.rev,
            strategies_hash: version.strategies.to_string(),
            by: by.clone(),
            note: note.clone(),
            at: (at > Timestamp::UNIX_EPOCH).then_some(at),
            candidate_hash: version.rollout.as_ref().map(|(hash, _)| hash.to_string()),
            stage: version.rollout.as_ref().map(|(_, stage)| stage.stage.clone()),
        }
    });
    let next = shown.last().filter(|_| found.len() > most).map(|oldest| oldest.rev);
    Ok(Versions { versions: versions.collect(), next })
}

async fn list<W: World>(
    State(api): ApiState<W>,
    QueryOf(Page { before, limit }): QueryOf<Page>,
) -> Result<Json<Versions>, Problem> {
    let most = bounded("limit", limit.unwrap_or(50), 1..=500)?;
    Ok(Json(versions(&*api.documents, before, most).await?))
}

async fn document<W: World>(State(api): ApiState<W>, path: RawPathParams) -> Result<Response, Problem> {
    let text = path.iter().next().map_or("", |(_, value)| value);
    let unknown = || Problem::new(Code::UnknownVersion, format!("{text:?} are no settings: GET /v1/admin/strategies/versions"));
    let rev = text.parse().map_err(|_| unknown())?;
    let settings = api.documents.settings_at(rev).await?.ok_or_else(unknown)?;
    Ok(as_published(&settings.strategies, settings.rev))
}

/// Which strategies shall be in force again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "RollbackAsked")]
struct BackAsked {
    /// The number of the settings that had them.
    to: u64,
    /// Who, for the audit.
    by: String,
    /// Why, for the audit.
    #[serde(default)]
    note: String,
}

async fn roll_back<W: World>(
    State(api): ApiState<W>,
    JsonOf(BackAsked { to, by, note }): JsonOf<BackAsked>,
) -> Result<Json<Done>, Problem> {
    command(&api, Change::RollBack { to, by, note }).await.map(Json)
}
