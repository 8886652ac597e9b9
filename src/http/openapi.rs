//! The OpenAPI description of the interface.

use serde_json::{Value, json};

use crate::operators::wire::schema;
use crate::processor::EventKind;

/// The description, OpenAPI 3.1.
pub fn openapi() -> Value {
    let coin = json!([{ "name": "coin", "in": "query", "schema": { "type": "string" }, "description": "Only this coin" }]);
    let topic = json!({ "name": "topic", "in": "path", "required": true, "schema": { "type": "string" } });
    let integer = |name: &str, doc: &str| json!({ "name": name, "in": "query", "schema": { "type": "integer", "minimum": 0 }, "description": doc });
    json!({
        "openapi": "3.1.0",
        "info": { "title": "tidemill", "version": env!("CARGO_PKG_VERSION"), "description": "A running instance: health, metrics, interactive queries, topics." },
        "paths": {
            "/livez": get("Whether the process lives", json!([]), text("text/plain")),
            "/readyz": get("Whether the instance knows its share of the partitions and every task of it is live (503 if not)", json!([]), text("text/plain")),
            "/metrics": get("Metrics for Prometheus", json!([]), text("text/plain")),
            "/api/v1/openapi.json": get("This description", json!([]), json_of(json!({ "type": "object" }))),
            "/api/v1/topology": get("The topology that runs", json!([]), json_of(json!({ "type": "object" }))),
            "/api/v1/tasks": get("The instance's state, its threads, and every task: state, position, lag, counts", json!([]), json_of(json!({ "type": "object" }))),
            "/api/v1/leaderboard": get("Every model's measures for every coin", coin.clone(), json_of(json!({ "type": "array", "items": leaderboard_row() }))),
            "/api/v1/predictions/latest": get("The newest prediction of every model for every coin", coin, json_of(json!({ "type": "array", "items": schema(EventKind::Prediction) }))),
            "/api/v1/state": get("The checkpoints of every task", json!([]), json_of(json!({ "type": "array", "items": { "type": "object" } }))),
            "/api/v1/topics": get("All topics", json!([]), json_of(json!({ "type": "array", "items": { "type": "object" } }))),
            "/api/v1/topics/{topic}/records": get(
                "Records as lines of JSON; the header X-Next-Offset tells where to go on",
                json!([topic, integer("partition", "Partition, 0 by default"), integer("offset", "First offset, 0 by default"), integer("max", "Most records, 100 by default, 1000 at most")]),
                text("application/x-ndjson"),
            ),
            "/api/v1/topics/{topic}/stream": get(
                "Records as they are committed, as server-sent events; Last-Event-ID resumes",
                json!([topic, integer("partition", "Only this partition"), { "name": "from", "in": "query", "schema": { "enum": ["earliest", "latest"] } }]),
                text("text/event-stream"),
            ),
        },
        "components": { "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } } },
        "security": [{}, { "token": [] }],
    })
}

fn get(summary: &str, parameters: Value, content: Value) -> Value {
    let mut responses = json!({ "200": { "description": summary, "content": content } });
    responses["401"] = json!({ "description": "A token is set, and the request does not carry it" });
    json!({ "get": { "summary": summary, "parameters": parameters, "responses": responses } })
}

fn text(content_type: &str) -> Value {
    json!({ content_type: { "schema": { "type": "string" } } })
}

fn json_of(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn leaderboard_row() -> Value {
    let number = json!({ "type": ["number", "null"] });
    json!({ "type": "object", "properties": {
        "coin": { "type": "string" }, "model": { "type": "string" }, "horizon": { "type": "string" }, "target": { "type": "string" },
        "n": { "type": "integer" }, "mae": number, "rmse": number, "smape": number, "r2": number, "directional_accuracy": number, "skill": number,
        "champion": { "type": "boolean" },
    } })
}
