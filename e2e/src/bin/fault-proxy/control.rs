use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{delete, get, put};
use axum::{Json, Router};
use pricestream_e2e::{Cable, Rule, Rules, Standing};
use serde::Deserialize;

/// `POST /rules` answers the number of the new rule, `GET` lists them, `DELETE` takes away all of them or one. `PUT /cable` takes what
/// is to change of `plugged` and `delay_ms`; `POST /cable` cuts what is connected.
pub(crate) fn router(rules: Arc<Rules>, cable: Arc<Cable>) -> Router {
    let of_rules = Router::new()
        .route("/rules", get(list).post(add).delete(remove_all))
        .route("/rules/{id}", delete(remove))
        .with_state(rules);
    let of_cable = Router::new().route("/cable", put(change).post(cut)).with_state(cable);
    of_rules.merge(of_cable)
}

async fn list(State(rules): State<Arc<Rules>>) -> Json<Vec<Standing>> {
    Json(rules.list())
}

async fn add(State(rules): State<Arc<Rules>>, Json(rule): Json<Rule>) -> Json<u64> {
    Json(rules.add(rule))
}

async fn remove(State(rules): State<Arc<Rules>>, Path(id): Path<u64>) {
    rules.remove(Some(id));
}

async fn remove_all(State(rules): State<Arc<Rules>>) {
    rules.remove(None);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    plugged: Option<bool>,
    delay_ms: Option<u64>,
}

async fn change(State(cable): State<Arc<Cable>>, Json(change): Json<Change>) {
    if let Some(milliseconds) = change.delay_ms {
        cable.delay(milliseconds);
    }
    if let Some(plugged) = change.plugged {
        cable.plug(plugged);
    }
}

async fn cut(State(cable): State<Arc<Cable>>) {
    cable.cut();
}
