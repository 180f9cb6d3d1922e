//! The rule set of promotions in force, and their switch.

use anyhow::{Context, Result};
use pricestream_embedded::ready;
use pricestream_ports::{Documents, PromotionsSetting};
use pricestream_price_api::Change;
use pricestream_promotion_engine::Without;
use serde_json::json;
use ureq::http::Method;

use super::change::{on_store, percent_encoded, rule_set_text, say};
use super::{Found, read_text};
use crate::cli::{Audit, Global, OnOff, Promotions};

const JSON: &str = "application/json";

pub(crate) fn run(global: &Global, promotions: &Promotions) -> Result<Found> {
    match promotions {
        Promotions::Show => show(global),
        Promotions::Publish { file, audit } => {
            let text = read_text(file)?;
            let text = rule_set_text(&text)?;
            let done = match global.client()? {
                Some(client) => {
                    let by = percent_encoded(&audit.by);
                    client.ask(&Method::PUT, &format!("/v1/admin/promotions?by={by}"), JSON, text.as_bytes())?
                }
                None => on_store(global, Change::PublishPromotions { text: text.into(), by: audit.by.clone() })?,
            };
            say(global, "promotions", &done);
            Ok(Found::Nothing)
        }
        Promotions::Switch { to: None, .. } => {
            let setting = match global.client()? {
                Some(client) => client.get("/v1/admin/promotions/switch")?,
                None => {
                    let PromotionsSetting { on, switched_by, note, at, published_by, without, .. } = stored(global)?;
                    let Without { used_up, components } = without;
                    let used_up: Vec<String> = used_up.iter().map(ToString::to_string).collect();
                    json!({
                        "on": on, "by": switched_by, "note": note, "at": at, "published_by": published_by,
                        "components_off": components, "used_up": used_up,
                    })
                }
            };
            say(global, "promotions", &setting);
            Ok(Found::Nothing)
        }
        Promotions::Switch { to: Some(to), without, audit } => {
            let Audit { by, note } = audit.clone();
            let on = *to == OnOff::On;
            let done = match global.client()? {
                Some(client) => {
                    let body = json!({ "on": on, "components_off": without, "by": by, "note": note }).to_string();
                    client.ask(&Method::PUT, "/v1/admin/promotions/switch", JSON, body.as_bytes())?
                }
                None => on_store(
                    global,
                    Change::SwitchPromotions { on, components_off: without.iter().cloned().collect(), by, note },
                )?,
            };
            say(global, "promotions", &done);
            Ok(Found::Nothing)
        }
    }
}

fn show(global: &Global) -> Result<Found> {
    match global.client()? {
        Some(client) => println!("{}", serde_json::to_string_pretty(&client.get("/v1/admin/promotions")?)?),
        None => match stored(global)?.rule_set {
            Some(text) => println!("{text}"),
            None => anyhow::bail!("no rule set was published yet: pricestream promotions publish FILE"),
        },
    }
    Ok(Found::Nothing)
}

fn stored(global: &Global) -> Result<PromotionsSetting> {
    let app = global.open()?;
    let settings = ready(app.store.settings()).context("reading the settings")?;
    Ok(settings.map(|settings| settings.promotions).unwrap_or_default())
}
