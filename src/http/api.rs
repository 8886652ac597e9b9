//! Health, metrics and interactive queries.

use actix_web::web::{Data, Json, Path, Query, ServiceConfig, get};
use actix_web::{HttpResponse, error};
use serde::Deserialize;
use serde_json::{Value, json};

use super::server::Backend;
use super::{describe_state, openapi, read_lines, topic_json};
use crate::log::LogError;
use crate::operators::wire::{self, WireContext};
use crate::processor::{Event, NodeId};
use crate::record::{Offset, TopicPartition};
use crate::runtime::{LatestPrediction, TaskState};
use crate::telemetry::Telemetry;
use crate::topology::{Graph, describe_json};

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/livez", get().to(async || "ok\n"))
        .route("/readyz", get().to(readyz))
        .route("/metrics", get().to(metrics))
        .route("/api/v1/openapi.json", get().to(async || Json(openapi())))
        .route("/api/v1/topology", get().to(topology))
        .route("/api/v1/tasks", get().to(tasks))
        .route("/api/v1/leaderboard", get().to(leaderboard))
        .route("/api/v1/predictions/latest", get().to(predictions))
        .route("/api/v1/state", get().to(state))
        .route("/api/v1/topics", get().to(topics))
        .route("/api/v1/topics/{topic}/records", get().to(records));
}

async fn topology(backend: Data<Backend>) -> Json<Value> {
    Json(describe_json(&backend.graph))
}

async fn readyz(backend: Data<Backend>) -> HttpResponse {
    let status = backend.instance.status();
    if status.ready() {
        return HttpResponse::Ok().body("ready\n");
    }
    let waiting: Vec<String> = status
        .tasks
        .iter()
        .filter(|task| !matches!(task.state, TaskState::Running | TaskState::Closed))
        .map(|task| format!("{} {}", task.partition, task.state.name()))
        .collect();
    let tasks = if waiting.is_empty() { String::new() } else { format!(": {}", waiting.join(", ")) };
    HttpResponse::ServiceUnavailable().body(format!("not ready: the instance is {}{tasks}\n", status.state().name()))
}

/// The status with the state that follows from it.
async fn tasks(backend: Data<Backend>) -> Json<Value> {
    let status = backend.instance.status();
    let mut answer = json!(status);
    answer["state"] = json!(status.state());
    Json(answer)
}

async fn metrics(backend: Data<Backend>) -> HttpResponse {
    HttpResponse::Ok().content_type(Telemetry::CONTENT_TYPE).body(backend.telemetry.render())
}

/// Narrows an answer to one coin.
#[derive(Debug, Deserialize)]
struct ByCoin {
    coin: Option<String>,
}

impl ByCoin {
    fn admits(&self, coin: &str) -> bool {
        self.coin.as_deref().is_none_or(|only| only == coin)
    }
}

async fn leaderboard(backend: Data<Backend>, by: Query<ByCoin>) -> Json<Value> {
    let mut rows = backend.instance.leaderboard().rows(&backend.graph);
    rows.retain(|row| by.admits(&row.coin));
    Json(json!(rows))
}

async fn predictions(backend: Data<Backend>, by: Query<ByCoin>) -> Json<Vec<Value>> {
    let latest = backend.instance.predictions();
    Json(latest.iter().filter(|latest| by.admits(&latest.coin)).map(|latest| prediction_json(&backend.graph, latest)).collect())
}

/// The same fields as in the predictions topic.
fn prediction_json(graph: &Graph, latest: &LatestPrediction) -> Value {
    let names: Vec<_> = (0..=graph.nodes.len()).map(|i| graph.node_name(NodeId(i as u16)).clone()).collect();
    let context = WireContext {
        topology: &graph.name,
        names: &names,
        columns: &[],
        coin: &latest.coin,
        source: &latest.source,
        offset: latest.offset,
    };
    let mut bytes = Vec::new();
    wire::encode(&Event::Prediction(latest.prediction.clone()), &context, &mut bytes);
    serde_json::from_slice(&bytes).unwrap_or(Value::Null)
}

async fn state(backend: Data<Backend>) -> actix_web::Result<Json<Value>> {
    let describe = move || describe_state(backend.store.as_ref());
    let answer = actix_web::web::block(describe).await?.map_err(error::ErrorInternalServerError)?;
    Ok(Json(answer))
}

async fn topics(backend: Data<Backend>) -> actix_web::Result<Json<Vec<Value>>> {
    let topics = actix_web::web::block(move || backend.log.topics()).await?.map_err(refused)?;
    Ok(Json(topics.iter().map(topic_json).collect()))
}

/// Which page of a topic.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    partition: u32,
    #[serde(default)]
    offset: i64,
    max: Option<u64>,
}

/// Most records of one page.
const PAGE_RECORDS: u64 = 1_000;

async fn records(backend: Data<Backend>, topic: Path<String>, page: Query<Page>) -> actix_web::Result<HttpResponse> {
    let at = TopicPartition::new(topic.into_inner(), page.partition);
    let (from, max) = (Offset(page.offset), page.max.unwrap_or(100).min(PAGE_RECORDS));
    let read = move || {
        let mut reader = backend.log.reader()?;
        read_lines(reader.as_mut(), &at, from, max)
    };
    let (lines, next) = actix_web::web::block(read).await?.map_err(refused)?;
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").insert_header(("X-Next-Offset", next.0.to_string())).body(lines))
}

/// The status code of a failed look into the log.
pub(super) fn refused(cause: LogError) -> actix_web::Error {
    match cause {
        LogError::Usage(_) => error::ErrorNotFound(format!("{cause}\n")),
        LogError::OutOfRange { .. } => error::ErrorRangeNotSatisfiable(format!("{cause}\n")),
        _ => error::ErrorServiceUnavailable(format!("{cause}\n")),
    }
}
